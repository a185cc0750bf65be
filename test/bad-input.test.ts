import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  openSync,
  closeSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { kvraft, type CommandResult } from './support/command.ts';
import { ProcessCluster, until } from './support/processes.ts';

const MIB = 1024 * 1024;

function flipByte(file: string, offset: number): void {
  const descriptor = openSync(file, 'r+');
  const byte = Buffer.alloc(1);
  readSync(descriptor, byte, 0, 1, offset);
  byte[0] = ~(byte[0] ?? 0);
  writeSync(descriptor, byte, 0, 1, offset);
  closeSync(descriptor);
}

/** Without the blocks that hold nothing but zeroes: most of a log is blank. */
function copyFolder(from: string, to: string): void {
  execFileSync('cp', ['-a', '--sparse=always', from, to]);
}

/** Of one line, without a stack. */
function assertRefused(result: CommandResult, code: number, message: RegExp): void {
  assert.equal(result.code, code, result.stderr);
  assert.match(result.stderr, message);
  assert.doesNotMatch(result.stderr, /\n +at /, 'no stack trace');
}

describe('a data folder that was tampered with', () => {
  let cluster: ProcessCluster;
  let folder: string;
  let sound: string;
  let keys = 0;

  /** A server that was stopped well, whose log was cut and whose state is on disk. */
  before(async () => {
    cluster = await ProcessCluster.create(1, { logBytesMax: MIB });
    cluster.startAll();
    await cluster.leader();
    const client = await cluster.client(0);
    const value = Buffer.alloc(64 * 1024, 'v');
    for (let i = 0; i < 100; i++) assert.match(await client.set(`key-${i % 50}`, value), /^OK/);
    client.close();
    keys = (await cluster.status(0))?.keys ?? 0;
    assert.equal(keys, 50);
    assert.deepEqual(await cluster.kill('SIGTERM', 0), [0]);
    folder = join(cluster.folder, 'data', 'server-0');
    sound = join(cluster.folder, 'sound');
    for (const name of readdirSync(folder)) if (name.startsWith('lock.')) rmSync(join(folder, name));
    // The segment that waits to be used is made anew where it is missing: not worth copying it every time.
    rmSync(join(folder, 'log', '0000000002.wal'));
    copyFolder(folder, sound);
  });
  after(() => cluster[Symbol.asyncDispose]());

  const restore = (): void => {
    rmSync(folder, { recursive: true });
    copyFolder(sound, folder);
  };
  const startServer = (): Promise<CommandResult> =>
    kvraft('server', '0', '--config', cluster.configFile, '--log-level', 'warn');
  const inState = (name: string): string => {
    const state = readdirSync(join(folder, 'state')).find((entry) => entry.startsWith('state-')) ?? '';
    return join(folder, 'state', state, name);
  };

  test('says whose it is when it is another server’s', async () => {
    restore();
    const file = join(folder, 'identity.json');
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), serverId: 7 }));
    assertRefused(await startServer(), 2, /is the data folder of server 7, not of server 0/);
  });

  test('is refused with a damaged or missing identity', async () => {
    for (const text of ['', 'null', '{"format": 1}', '{"format": 2}', 'garbage']) {
      restore();
      writeFileSync(join(folder, 'identity.json'), text);
      assertRefused(await startServer(), 3, /identity\.json/);
    }
    rmSync(join(folder, 'identity.json'));
    assertRefused(await startServer(), 3, /identity\.json is missing/);
  });

  test('is refused with a damaged log, naming file and offset', async () => {
    restore();
    const segment = join(
      folder,
      'log',
      readdirSync(join(folder, 'log')).find((name) => name.endsWith('.wal')) ?? '',
    );
    assert.equal((await kvraft('wal', 'dump', folder)).code, 0, 'sound before');
    flipByte(segment, 100_000);
    assertRefused(await startServer(), 3, new RegExp(`${segment}, byte \\d+: .*durable`));
    const dump = await kvraft('wal', 'dump', folder);
    assert.equal(dump.code, 3);
    assert.match(dump.stdout, /not usable: .*byte \d+/);
  });

  test('is refused without its log, or a part of it', async () => {
    const parts = ['', 'hard-state', '0000000001.wal'];
    for (const part of parts) {
      restore();
      rmSync(join(folder, 'log', part), { recursive: true });
      assertRefused(await startServer(), 3, /log/);
    }
    restore();
    rmSync(join(folder, 'log'), { recursive: true });
    mkdirSync(join(folder, 'log'));
    assertRefused(await startServer(), 3, /log is gone/);
  });

  test('is refused without its state once the log was cut', async () => {
    restore();
    rmSync(join(folder, 'state'), { recursive: true });
    assertRefused(await startServer(), 3, /state stands at index 0, the log begins at \d+/);
    restore();
    rmSync(join(folder, 'state', 'CURRENT'));
    assertRefused(await startServer(), 3, /CURRENT is missing/);
    restore();
    rmSync(inState('data.mdb'));
    assertRefused(await startServer(), 3, /data\.mdb.* is missing/);
  });

  test('is refused with a damaged head of the state’s file', async () => {
    for (const offset of [24, 4096 + 24]) {
      restore();
      flipByte(inState('data.mdb'), offset);
      assertRefused(await startServer(), 3, /data\.mdb, byte \d+: this is no page of a state/);
      assertRefused(await kvraft('check-store', folder), 3, /data\.mdb, byte \d+/);
    }
  });

  test('shows damage in its state to check-store, and a sound one as sound', async () => {
    restore();
    const result = await kvraft('check-store', '--json', folder);
    assert.equal(result.code, 0, result.stderr);
    const check = JSON.parse(result.stdout) as Record<string, unknown>;
    assert.equal(check['keyCount'], keys);
    assert.equal(check['stateHash'], check['savedStateHash']);
    // Every page, so that the values are hit, whichever pages they lie on.
    const file = inState('data.mdb');
    const { length } = readFileSync(file);
    for (let offset = 8192 + 2048; offset < length; offset += 4096) flipByte(file, offset);
    const damaged = await kvraft('check-store', folder);
    assert.equal(damaged.code, 3, damaged.stderr);
    assert.match(damaged.stderr, /damaged/);
  });

  test('starts when it was restored', async () => {
    restore();
    cluster.start(0);
    await cluster.leader();
    assert.equal((await cluster.status(0))?.keys, keys);
    const [running, second] = await Promise.all([kvraft('check-store', folder), startServer()]);
    assert.match(running.stdout, new RegExp(`^${keys} keys at index`), 'a running one is read as well');
    assertRefused(second, 1, /server-0 is in use by process \d+; stop it first/);
    assert.equal((await kvraft('wal', 'dump', folder)).code, 0);
    await cluster.kill('SIGKILL', 0);
    assert.equal((await kvraft('check-store', folder)).code, 0, 'after a crash as well');
  });
});

test('a state that was deleted is made again from a log that was never cut', async () => {
  await using cluster = await ProcessCluster.create(1);
  cluster.startAll();
  await cluster.leader();
  const client = await cluster.client(0);
  for (let i = 0; i < 20; i++) assert.match(await client.set(`key-${i}`, 'v'), /^OK/);
  const { stateHash } = await cluster.converged();
  client.close();
  assert.deepEqual(await cluster.kill('SIGTERM', 0), [0]);
  rmSync(join(cluster.folder, 'data', 'server-0', 'state'), { recursive: true });
  cluster.startAll();
  await cluster.leader();
  const status = await cluster.converged();
  assert.equal(status.keys, 20);
  assert.equal(status.stateHash, stateHash);
});

test('a server that comes back with an emptied folder is turned away, does not vote, and the others go on', async () => {
  await using cluster = await ProcessCluster.create(3);
  cluster.startAll();
  const leader = await cluster.leader();
  await cluster.converged();
  const [empty = 0, other = 0] = cluster.ids.filter((id) => id !== leader);
  const client = await cluster.client(leader);
  assert.match(await client.set('k', 'before'), /^OK/);
  await cluster.kill('SIGKILL', empty);
  rmSync(join(cluster.folder, 'data', `server-${empty}`), { recursive: true });
  cluster.logs.delete(empty);
  cluster.logs.delete(leader);
  cluster.start(empty);
  await until('the others say that they turned it away', async () =>
    cluster.logs
      .get(leader)
      ?.includes(`server ${empty} comes with a data folder that is not the one its cluster knows`),
  );
  await until('it is told why', async () =>
    /it refuses this server: .*give it back its old data folder, or rebuild it/.test(
      cluster.logs.get(empty) ?? '',
    ),
  );
  assert.match(await client.set('k', 'while it is away'), /^OK/);
  // With the other follower gone nobody is left whose vote or acknowledgement would make a majority.
  await cluster.kill('SIGKILL', other);
  let answered = false;
  const pending = client.set('k', 'with its vote').finally(() => {
    answered = true;
  });
  await until('the leader has noticed', async () => (await cluster.status(leader))?.role !== 'leader');
  assert.equal((await cluster.status(empty))?.leaderId, null);
  assert.equal((await cluster.status(empty))?.keys, 0);
  assert.equal(answered, false);
  cluster.start(other);
  assert.match(await pending, /^OK/);
  client.close();
});
