import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GLIBC_TUNABLES, NODE_FLAGS } from '#dist/cli/node-flags.js';
import { Command, kvraft, type CommandResult } from './support/command.ts';
import { ProcessCluster, until } from './support/processes.ts';

/** A command that cannot do what it is told says so in one line, without a stack. */
function assertRefused(result: CommandResult, code: number, message: RegExp): void {
  assert.equal(result.code, code, result.stderr);
  assert.match(result.stderr, message);
  assert.doesNotMatch(result.stderr, /\n +at /, 'no stack trace');
  assert.equal(result.stderr.trim().split('\n').length, 1, `one line: ${result.stderr}`);
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

test('every command has its help', async () => {
  const commands = [[], ['server'], ['cluster'], ['status'], ['wal'], ['wal', 'dump'], ['check-store']];
  const results = await Promise.all(commands.map((command) => kvraft(...command, '--help')));
  for (const [at, { code, stdout, stderr }] of results.entries()) {
    assert.equal(code, 0, commands[at]?.join(' '));
    assert.match(stdout, new RegExp(`Usage: kvraft ${commands[at]?.join(' ') ?? ''}`));
    assert.equal(stderr, '');
  }
  assert.match(results[0]?.stdout ?? '', /Exit codes: 0 done .* 4 nobody answers/);
});

test('the executable runs itself as the cluster runs its servers', () => {
  const executable = join(import.meta.dirname, '..', '..', 'bin', 'kvraft.js');
  const line = readFileSync(executable, 'utf8').split('\n')[1] ?? '';
  assert.ok(line.includes(`node ${NODE_FLAGS.join(' ')} "$0"`), line);
  assert.ok(line.includes(GLIBC_TUNABLES), line);
  const { stdout, stderr } = spawnSync(executable, ['--version'], { encoding: 'utf8' });
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
  assert.equal(stderr, '');
});

test('wrong usage ends with exit code 2', async () => {
  const wrong = [
    [],
    ['frobnicate'],
    ['server'],
    ['server', 'one'],
    ['server', '0', '--log-level', 'loud'],
    ['cluster', '--log-level', 'loud'],
    ['wal'],
    ['wal', 'dump'],
    ['wal', 'dump', '/nowhere'],
    ['wal', 'dump', import.meta.dirname],
    ['check-store', '/nowhere'],
    ['check-store', import.meta.dirname],
  ];
  const results = await Promise.all(wrong.map((args) => kvraft(...args)));
  for (const [at, { code, stderr }] of results.entries()) {
    assert.equal(code, 2, `kvraft ${wrong[at]?.join(' ')}: ${stderr}`);
    assert.doesNotMatch(stderr, /\n +at /);
  }
});

describe('a configuration that cannot be used', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'kvraft-test-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };

  test('is refused by every command that reads one, with place and fault in one line', async () => {
    const server = '{"Id": 0, "ClientPort": 8000, "LogPort": 9000}';
    const cases: [string, RegExp][] = [
      ['{"servers": [}', /line 1, column 14: not JSON/],
      ['{}', /servers: is missing/],
      ['{"servers": []}', /names no server/],
      [`{"servers": [${server}, ${server}]}`, /servers\[1\]\.Id: 0 is also the Id of servers\[0\]/],
      ['{"servers": [{"Id": 0, "ClientPort": 8000, "LogPort": 8000}]}', /LogPort: 8000 .* is also/],
      ['{"servers": [{"Id": 0, "ClientPort": 70000, "LogPort": 8000}]}', /ClientPort: 70000 is not from 1/],
      [`{"servers": [${server}], "keyByteMax": 10}`, /keyByteMax: .*did you mean keyBytesMax\?/],
    ];
    const runs = cases.map(async ([text, message], at) => {
      const path = file(`${at}.json`, text);
      const command = ['status', 'server 0', 'cluster'][at % 3] ?? '';
      assertRefused(await kvraft(...command.split(' '), '--config', path), 2, message);
    });
    await Promise.all(runs);
  });

  test('is missing', async () => {
    const path = join(folder, 'none.json');
    assertRefused(
      await kvraft('status', '--config', path),
      2,
      /none\.json: ENOENT.*name a file with --config/,
    );
  });

  test('knows no such server', async () => {
    const path = file('two.json', '{"servers": [{"Id": 3, "ClientPort": 8000, "LogPort": 9000}]}');
    assertRefused(await kvraft('server', '1', '--config', path), 2, /has no server 1, only 3/);
  });

  test('names a data folder that cannot be made', async () => {
    const path = file(
      'path.json',
      '{"path": "file", "servers": [{"Id": 3, "ClientPort": 8000, "LogPort": 9000}]}',
    );
    file('file', 'not a folder');
    assertRefused(await kvraft('server', '3', '--config', path), 1, /ENOTDIR|EEXIST/);
  });
});

test('status tells of every server, and of one that is down no more than that', async () => {
  await using cluster = await ProcessCluster.create(3);
  const nobody = await kvraft('status', '--json', '--config', cluster.configFile);
  assert.equal(nobody.code, 4);
  assert.deepEqual(JSON.parse(nobody.stdout), { servers: cluster.ids.map((id) => ({ id, up: false })) });

  cluster.start(0, 2);
  const leader = await cluster.leader();
  const { code, stdout } = await kvraft('status', '--json', '--config', cluster.configFile);
  assert.equal(code, 0);
  const { servers } = JSON.parse(stdout) as { servers: Record<string, unknown>[] };
  assert.deepEqual(servers[1], { id: 1, up: false });
  for (const id of [0, 2]) {
    const row = servers[id] ?? {};
    assert.deepEqual([row['id'], row['up'], row['leaderId']], [id, true, leader]);
    assert.equal(row['role'], id === leader ? 'leader' : 'follower');
    for (const name of ['term', 'commitIndex', 'lastApplied', 'keys', 'pid']) {
      assert.ok(Number.isInteger(row[name]), `${name} is a number: ${JSON.stringify(row)}`);
    }
    assert.ok(isAlive(Number(row['pid'])));
  }
  const table = await kvraft('status', '--config', cluster.configFile);
  assert.match(table.stdout, /server +role +term +leader/);
  assert.match(table.stdout, /\n +1 +down\n/);
});

describe('kvraft cluster', () => {
  let cluster: ProcessCluster;
  before(async () => {
    cluster = await ProcessCluster.create(3);
  });
  after(() => cluster[Symbol.asyncDispose]());

  const pids = async (): Promise<number[]> => {
    const rows = await Promise.all(cluster.ids.map((id) => cluster.status(id)));
    return rows.flatMap((row) => (row === null ? [] : [row.pid]));
  };

  test('says where to connect and who leads, reports a dead server, and stops all on Ctrl-C', async () => {
    using command = new Command('cluster', '--config', cluster.configFile);
    await until('the greeting is printed', async () => command.stdout.includes('Ctrl-C stops them all'));
    assert.match(command.stdout, /runs 3 servers.*server (\d) leads/);
    const leader = Number(/server (\d) leads/.exec(command.stdout)?.[1]);
    for (const { Id, ClientPort } of cluster.servers) {
      assert.match(
        command.stdout,
        new RegExp(`server ${Id}  127.0.0.1:${ClientPort}${Id === leader ? '  \\(leader' : '\n'}`),
      );
    }
    const processes = await pids();
    assert.equal(processes.length, 3);

    const victim = cluster.ids.find((id) => id !== leader) ?? 0;
    process.kill((await cluster.status(victim))?.pid ?? 0, 'SIGKILL');
    await until('the end of the server is reported', async () =>
      command.stderr.includes(`server ${victim} ended (SIGKILL)`),
    );
    const client = await cluster.client(leader);
    assert.match(await client.set('k', 'v'), /^OK/, 'the others go on');

    // This client holds a request half-sent and never hangs up.
    client.write('set k 0 10\r\nhalf');
    const began = performance.now();
    command.process.kill('SIGINT');
    const { code } = await command.ended();
    assert.equal(code, 0);
    assert.ok(performance.now() - began < 4_000, 'within a second or two');
    assert.deepEqual(processes.filter(isAlive), [], 'no process is left');
    assert.equal(await cluster.status(victim), null, 'what was killed was not started again');
    client.close();
  });

  test('leaves no process behind when it is killed itself', async () => {
    using command = new Command('cluster', '--config', cluster.configFile);
    await until('all servers run', async () => (await pids()).length === 3);
    const processes = await pids();
    command.process.kill('SIGKILL');
    await until('all servers are gone', async () => !processes.some(isAlive));
  });

  test('ends with the error when a port is in use', async () => {
    for (const name of ['ClientPort', 'LogPort'] as const) {
      const port = cluster.address(1)[name];
      const other = createServer();
      await new Promise<void>((resolve) => other.listen(port, resolve));
      const { code, stderr, stdout } = await kvraft('cluster', '--config', cluster.configFile);
      other.close();
      assert.equal(code, 2, stderr);
      assert.match(stderr, new RegExp(`cannot listen for .*${port}.*EADDRINUSE`));
      assert.match(stderr, /server 1 ended \(exit code 2\)/);
      assert.doesNotMatch(stderr, /\n +at /);
      assert.equal(stdout, '');
      assert.deepEqual(await pids(), []);
    }
  });
});

test('a server ends when what started it was killed before it came up', async () => {
  await using cluster = await ProcessCluster.create(1);
  const kvraft = join(import.meta.dirname, '..', '..', 'bin', 'kvraft.js');
  const args = JSON.stringify([kvraft, 'server', '0', '--config', cluster.configFile]);
  const launcher = `
    const { spawn } = require('node:child_process');
    const options = { stdio: ['ignore', 'ignore', 'ignore', 'ipc'], detached: true };
    console.log(spawn(process.execPath, ${args}, options).pid);
    process.kill(process.pid, 'SIGKILL');`;
  const pid = Number(spawnSync(process.execPath, ['-e', launcher], { encoding: 'utf8' }).stdout);
  assert.ok(pid > 0);
  await until('the server is gone', async () => !isAlive(pid));
  assert.ok(existsSync(join(cluster.folder, 'data', 'server-0')), 'it had come up');
});
