import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MemcacheClient } from 'memcache-client';
import Memcached from 'memcached';
import { connect } from '#dist/client/index.js';
import { Exchange } from './memcached/exchange.ts';
import { freePorts } from './support/ports.ts';
import { ProcessCluster } from './support/processes.ts';

const python = '/usr/bin/python3';
const full = process.env['KVRAFT_TEST_FULL'] !== undefined;
const hasPymemcache = spawnSync(python, ['-c', 'import pymemcache']).status === 0;
const hasLibmemcached = spawnSync('memccat', ['--version']).status === 0;
const session = join(import.meta.dirname, '..', '..', 'test', 'memcached', 'pymemcache-session.py');

/** Runs a program to its end. */
async function runProgram(
  command: string,
  ...args: string[]
): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

interface Served {
  readonly cluster: ProcessCluster;
  /** Of the memcached listeners; the last one's server does not lead. */
  readonly port: number;
}

async function serve(size: number): Promise<Served> {
  const ports = await freePorts(size);
  const cluster = await ProcessCluster.create(size, {}, (id) => ({ MemcachedPort: ports[id] }));
  cluster.startAll();
  await cluster.up();
  const leader = await cluster.leader();
  return { cluster, port: ports[(leader + 1) % size] ?? 0 };
}

test('clients of other makers work with a server that does not lead', async (t) => {
  const { cluster, port } = await serve(full ? 3 : 1);
  await using _ = cluster;

  await t.test('memcached, from npm', async () => {
    const client = new Memcached(`127.0.0.1:${port}`);
    const call = <T>(run: (done: (error: unknown, result: T) => void) => void): Promise<T> =>
      new Promise((resolve, reject) => {
        run((error, result) => (error === undefined || error === null ? resolve(result) : reject(error)));
      });
    assert.equal(await call((done) => client.set('js:a', { b: [1, 2] }, 100, done)), true);
    assert.deepEqual(await call((done) => client.get('js:a', done)), { b: [1, 2] });
    assert.equal(await call((done) => client.set('js:n', 41, 0, done)), true);
    assert.equal(await call((done) => client.incr('js:n', 1, done)), 42);
    const { cas, ...rest } = (await call((done) => client.gets('js:n', done))) as { cas: string };
    assert.deepEqual(rest, { 'js:n': 42 });
    assert.equal(await call((done) => client.cas('js:n', 7, cas, 0, done)), true);
    assert.equal(await call((done) => client.cas('js:n', 8, cas, 0, done)), false);
    const many = await call((done) => client.getMulti(['js:a', 'js:n', 'js:none'], done));
    assert.deepEqual(many, { 'js:a': { b: [1, 2] }, 'js:n': 7 });
    assert.equal(await call((done) => client.touch('js:n', 5, (error: unknown) => done(error, true))), true);
    assert.equal(await call((done) => client.del('js:n', done)), true);
    type PerServer = readonly Record<string, unknown>[];
    const [version] = (await call((done) => client.version(done))) as PerServer;
    assert.deepEqual([version?.['major'], version?.['minor']], ['1', '6']);
    const [stats] = (await call((done) => client.stats(done))) as PerServer;
    assert.equal(stats?.['implementation'], 'kvraft');
    client.end();
  });

  await t.test('memcache-client, from npm', async () => {
    const client = new MemcacheClient({ server: `127.0.0.1:${port}`, cmdTimeout: 20_000 });
    assert.deepEqual(await client.set('mc:a', { b: 1 }, { lifetime: 100 }), ['STORED']);
    const { value, casUniq } = await client.gets<object>('mc:a');
    assert.deepEqual(value, { b: 1 });
    assert.deepEqual(await client.cas('mc:a', 'two', { casUniq }), ['STORED']);
    await assert.rejects(client.cas('mc:a', 'three', { casUniq }), /EXISTS/);
    assert.equal((await client.get<string>('mc:a')).value, 'two');
    await assert.rejects(client.add('mc:a', 'x'), /NOT_STORED/);
    assert.deepEqual(await client.set('mc:n', '5'), ['STORED']);
    assert.equal(await client.incr('mc:n', 3), '8');
    assert.equal(await client.decr('mc:n', 10), '0');
    assert.deepEqual(await client.touch('mc:n', 100), ['TOUCHED']);
    assert.deepEqual(await client.delete('mc:n'), ['DELETED']);
    client.shutdown();
  });

  const noPython = hasPymemcache ? false : 'python3-pymemcache is not installed';
  await t.test('pymemcache', { skip: noPython }, async () => {
    assert.deepEqual(await runProgram(python, session, '127.0.0.1', String(port)), {
      code: 0,
      output: 'OK\n',
    });
  });

  const noTools = hasLibmemcached ? false : 'libmemcached-tools are not installed';
  await t.test("libmemcached's tools", { skip: noTools }, async () => {
    const servers = `--servers=127.0.0.1:${port}`;
    const file = join(cluster.folder, 'tool');
    writeFileSync(file, 'from a file\n');
    assert.equal((await runProgram('memccp', servers, file)).code, 0);
    assert.deepEqual(await runProgram('memccat', servers, 'tool'), { code: 0, output: 'from a file\n\n' });
    assert.equal((await runProgram('memcexist', servers, 'tool')).code, 0);
    assert.equal((await runProgram('memctouch', servers, '--expire=100', 'tool')).code, 0);
    assert.equal((await runProgram('memcrm', servers, 'tool')).code, 0);
    assert.notEqual((await runProgram('memcexist', servers, 'tool')).code, 0);
    assert.match((await runProgram('memcstat', servers)).output, /curr_items/);
    assert.equal((await runProgram('memcping', servers)).code, 0);
    assert.equal((await runProgram('memcflush', servers)).code, 0);
  });

  const slow = full ? noTools : 'takes some seconds: only in test:full';
  await t.test("libmemcached's memccapable", { skip: slow }, async () => {
    const { output } = await runProgram(
      'memccapable',
      '-a',
      '-h',
      '127.0.0.1',
      '-p',
      String(port),
      '-t',
      '20',
    );
    const failed = output.split('\n').filter((line) => line.includes('[FAIL]'));
    assert.deepEqual(failed, []);
    assert.match(output, /All tests passed/);
  });
});

test('a key set by one protocol is read by every other', async () => {
  const { cluster, port } = await serve(1);
  await using _ = cluster;
  const memcached = await Exchange.connect(port);
  const text = await cluster.client(0);
  await using client = await connect({ servers: `127.0.0.1:${cluster.address(0).ClientPort}` });

  assert.equal(await memcached.ask('set shared 77 100 3\r\none\r\n'), 'STORED\r\n');
  const [, version = '', exptime] = (await text.send('getm shared\r\n')).line.split(' ');
  assert.equal(exptime, '100');
  const entry = await client.get('shared');
  assert.deepEqual([entry?.string(), entry?.version], ['one', Number(version)]);
  assert((entry?.ttl ?? 0) > 90_000);
  assert.equal(await memcached.ask('gets shared\r\n'), `VALUE shared 77 3 ${version}\r\none\r\nEND\r\n`);

  assert.match(await text.cas('shared', version, 'two'), /^OK /);
  assert.equal(await memcached.ask('mg shared f t v\r\n'), 'VA 3 f0 t-1\r\ntwo\r\n');
  assert.equal(await memcached.ask(`cas shared 5 0 1 ${version}\r\nx\r\n`), 'EXISTS\r\n');

  const put = await client.put('shared', '41', { ttl: 50_000 });
  assert.equal(
    await memcached.ask(`ms shared 2 C${put.version} F3 T0\r\n41\r\nincr shared 1\r\n`),
    'HD\r\n42\r\n',
  );
  assert.equal(await text.get('shared'), '42');
  assert.equal(await memcached.ask('get shared\r\n'), 'VALUE shared 3 2\r\n42\r\nEND\r\n');
  await client.append('shared', '!');
  assert.equal(await memcached.ask('get shared\r\n'), 'VALUE shared 3 3\r\n42!\r\nEND\r\n', 'flags stay');

  assert.equal(await memcached.ask('touch shared -1\r\n'), 'TOUCHED\r\n');
  assert.deepEqual([await text.get('shared'), await client.get('shared')], [null, null]);
  assert.equal(await text.set('a', '1'), 'OK 8');
  assert.equal(await memcached.ask('flush_all\r\n'), 'OK\r\n');
  assert.deepEqual([await text.get('a'), await client.get('a')], [null, null]);
  memcached.close();
  text.close();
});
