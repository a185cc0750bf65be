import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Command, kvraft, type CommandResult } from './support/command.ts';
import { full } from './support/full.ts';
import { freePorts } from './support/ports.ts';
import { ProcessCluster, until } from './support/processes.ts';

const KVRAFT = join(import.meta.dirname, '..', '..', 'bin', 'kvraft.js');

describe('the commands of a client', () => {
  let cluster: ProcessCluster;
  let folder: string;
  let servers: string[];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'kvraft-test-'));
    cluster = await ProcessCluster.create(1);
    cluster.startAll();
    await cluster.leader();
    servers = ['--servers', `127.0.0.1:${cluster.address(0).ClientPort}`];
  });
  after(async () => {
    await cluster[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const run = (command: string, ...args: string[]): Promise<CommandResult> =>
    kvraft(command, ...servers, ...args);

  /** Runs a command with something on its standard input; its output as bytes. */
  async function pipe(input: string | Buffer, ...args: string[]): Promise<{ code: number; stdout: Buffer }> {
    const child = spawn(process.execPath, [KVRAFT, ...args, ...servers], { stdio: ['pipe', 'pipe', 'pipe'] });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    const code = await new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? -1)));
    return { code, stdout: Buffer.concat(chunks) };
  }

  test('bytes of every kind go in and come out as they are', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 * 40 }, (_, i) => i % 256));
    assert.equal((await pipe(bytes, 'put', 'bytes', '-')).code, 0);
    assert.deepEqual((await pipe('', 'get', 'bytes')).stdout, bytes);
    const { stdout } = await run('get', 'bytes', '--json');
    const entry = JSON.parse(stdout) as { key: string; valueBase64: string };
    assert.equal(entry.key, 'bytes');
    assert.deepEqual(Buffer.from(entry.valueBase64, 'base64'), bytes);
  });

  test('exit codes tell scripts what happened', async () => {
    const [unused = 0] = await freePorts(1);
    const nobody = ['--servers', `127.0.0.1:${unused}`, '--timeout', '300ms'];
    assert.equal((await run('put', 'key', 'value')).code, 0);
    const cases: [Promise<CommandResult>, number, RegExp][] = [
      [run('get', 'none'), 1, /there is no key "none"/],
      [run('put', 'key', 'other', '--if-absent'), 1, /"key" is there already/],
      [run('put', 'key', 'other', '--if-absent', '--if-version', '1'), 2, /cannot both hold/],
      [run('put', 'key', 'other', '--ttl', 'soon'), 2, /a duration is a number/],
      [run('put', 'k'.repeat(300), 'value'), 1, /key/],
      [kvraft('get', 'key', ...nobody), 4, /cannot be reached/],
      [kvraft('get', 'key', '--servers', 'nonsense'), 2, /is no address of a server/],
    ];
    for (const [result, code, message] of cases) {
      const { code: actual, stderr } = await result;
      assert.equal(actual, code, stderr);
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /\n +at /);
    }
  });

  test('a watch shows what is there, and a lock is given back when its command is ended', async () => {
    const alone = await ProcessCluster.create(1);
    try {
      alone.startAll();
      await alone.leader();
      const address = `127.0.0.1:${alone.address(0).ClientPort}`;
      await kvraft('put', 'key', 'value', '--servers', address);
      using watch = new Command('watch', '--servers', address, '--from-version', '1');
      await until('the watch is connected', () => Promise.resolve(watch.stdout.includes('key')));
      using lock = new Command(
        'lock',
        '--servers',
        address,
        'job',
        '--',
        'sh',
        '-c',
        'echo ready; exec sleep 60',
      );
      await until('the lock is held', () => Promise.resolve(lock.stdout.includes('ready')));
      lock.process.kill('SIGTERM');
      // The command is ended, and then the lock is given back.
      assert.equal((await lock.ended()).code, 128 + 15);
      assert.equal((await kvraft('get', 'job', '--servers', address)).code, 1);
    } finally {
      await alone[Symbol.asyncDispose]();
    }
  });

  test('a shell runs what stands on its standard input, up to the first line that fails', async () => {
    const script = `put "a key" 'its value'\n# a remark\n\nget "a key"\nrange --prefix "a k"\nnonsense\nput never run\n`;
    const { code, stdout } = await pipe(script, 'shell');
    assert.equal(code, 2);
    assert.match(stdout.toString(), /^OK \d+\nits value\na key\tits value\n$/);
    assert.equal((await run('get', 'never')).code, 1);
  });

  test('a load that is killed again and again does every line once, and says when it is done', async () => {
    const file = join(folder, 'lines.jsonl');
    const lines = 8_000;
    // Each key is lengthened many times: one line too many or too few, or out of order, would show.
    const text = Array.from({ length: lines }, (_, i) =>
      JSON.stringify({ op: 'append', key: `load/${i % 7}`, value: `${i};` }),
    ).join('\n');
    writeFileSync(file, text);
    const before = (await cluster.status(0))?.version ?? 0;
    for (let kills = 1; kills <= (full ? 5 : 2); kills++) {
      const version = (await cluster.status(0))?.version ?? 0;
      using load = new Command('load', ...servers, file);
      await until('some of it is loaded', async () => ((await cluster.status(0))?.version ?? 0) > version);
      load.process.kill('SIGKILL');
      await load.ended();
    }
    const { code, stdout, stderr } = await run('load', file);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^loaded \d+ lines of .*, from line \d+ on, where it was interrupted\n$/);
    for (let key = 0; key < 7; key++) {
      const expected = Array.from({ length: lines }, (_, i) => (i % 7 === key ? `${i};` : '')).join('');
      assert.equal((await pipe('', 'get', `load/${key}`)).stdout.toString(), expected);
    }
    assert.ok(((await cluster.status(0))?.version ?? 0) > before);
    assert.match((await run('load', file)).stdout, /was loaded already; --again/);
  });

  test('a file with a fault is not loaded at all', async () => {
    const file = join(folder, 'faulty.jsonl');
    writeFileSync(file, `${'{"key": "faulty", "value": "1"}\n'.repeat(600)}{"key": 1}\n`);
    const { code, stderr } = await run('load', file);
    assert.equal(code, 2);
    assert.match(stderr, /faulty\.jsonl:601: "key" is not a text in quotes; nothing of it was loaded/);
    assert.equal((await run('get', 'faulty')).code, 1);
  });

  test('an export is loaded as what it was, and an interrupted one is gone on with', async () => {
    await run('put', 'export/ä', 'schön');
    await pipe(Buffer.of(0, 255), 'put', 'export/bytes', '-');
    const file = join(folder, 'export.jsonl');
    assert.equal((await run('export', file, '--prefix', 'export/')).code, 0);
    const lines = readFileSync(file, 'utf8');
    assert.equal(lines.trim().split('\n').length, 2);
    // As a killed export leaves it: one line, and a part of the next.
    writeFileSync(`${file}.partial`, lines.slice(0, lines.indexOf('\n') + 10));
    assert.equal((await run('export', file, '--prefix', 'export/', '--resume')).code, 0);
    assert.equal(readFileSync(file, 'utf8'), lines);
    await run('delete', 'export/bytes');
    assert.equal((await run('load', file)).code, 0);
    assert.deepEqual((await pipe('', 'get', 'export/bytes')).stdout, Buffer.of(0, 255));
  });
});
