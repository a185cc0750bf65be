import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { ProcessCluster, until } from './support/processes.ts';
import { SmallDisk } from './support/small-disk.ts';

const MIB = 1024 * 1024;
/** Two segments of the log, and some room for the state. */
const DISK_MIB = 200;
/** The state is flushed, and so finds the disk full, long before the log is. */
const settings = { logBytesMax: MIB, requestTimeoutMs: 5_000 };
const value = Buffer.alloc(64 * 1024, 'v');

/** Why these tests cannot run here, or false. */
function cannotMount(): string | false {
  const folder = join(tmpdir(), `kvraft-test-mount-${process.pid}`);
  mkdirSync(folder);
  try {
    SmallDisk.mount(folder, 1)[Symbol.dispose]();
    return false;
  } catch (error) {
    return `needs the right to mount a file system: ${String(error)}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
const skip = cannotMount();

const mountFor = (cluster: ProcessCluster, id: number): SmallDisk =>
  SmallDisk.mount(join(cluster.folder, 'data', `server-${id}`), DISK_MIB);

/** Waits until nothing of what the server makes ahead is missing, then takes all that is left. */
async function fill(cluster: ProcessCluster, id: number, disk: SmallDisk): Promise<void> {
  const segments = 2 * 64 * MIB;
  await until(
    'the next segment is made',
    async () => ((await cluster.status(id))?.walBytesOnDisk ?? 0) > segments,
  );
  disk.fill();
}

/** Writes until something is refused; gives back how many were acknowledged. */
async function writeUntilRefused(cluster: ProcessCluster, server: number): Promise<number> {
  const client = await cluster.client(server);
  for (let i = 0; ; i++) {
    const reply = await client.set(`key-${i}`, value);
    if (!reply.startsWith('OK ')) {
      assert.equal(reply, 'ERR_INTERNAL');
      const began = performance.now();
      assert.equal(await client.delete('key-0'), 'ERR_INTERNAL', 'every change is refused');
      assert.ok(
        performance.now() - began < settings.requestTimeoutMs / 2,
        'at once: it surely did not happen',
      );
      client.close();
      return i;
    }
    assert.ok(i < 4_000, 'a full disk takes no more');
  }
}

async function assertAllThere(cluster: ProcessCluster, server: number, count: number): Promise<void> {
  const client = await cluster.client(server);
  for (let i = 0; i < count; i++) {
    assert.equal((await client.send(`get key-${i}\r\n`)).value?.length, value.length, `key-${i}`);
  }
  client.close();
}

const takesWrites = (cluster: ProcessCluster, server: number): Promise<true> =>
  until('writes are taken', async () => {
    const client = await cluster.client(server);
    const reply = await client.set('again', 'x').catch(() => '');
    client.close();
    return reply.startsWith('OK ') ? (true as const) : null;
  });

test(
  'a server on a full disk refuses writes, serves reads, and goes on by itself once there is space',
  { skip },
  async () => {
    await using cluster = await ProcessCluster.create(1, settings);
    using disk = mountFor(cluster, 0);
    cluster.startAll();
    await cluster.leader();
    await fill(cluster, 0, disk);
    const written = await writeUntilRefused(cluster, 0);
    assert.ok(written > 0);
    await until('it says so', async () =>
      cluster.logs.get(0)?.includes('the disk is full: changes are refused'),
    );
    await assertAllThere(cluster, 0, written);
    disk.free();
    await takesWrites(cluster, 0);
    await until('it says so', async () => cluster.logs.get(0)?.includes('there is disk space again'));
    await assertAllThere(cluster, 0, written);
    assert.equal((await cluster.status(0))?.keys, written + 1, 'what was refused did not happen');

    // And over a crash with the disk full again.
    disk.fill();
    await writeUntilRefused(cluster, 0);
    await cluster.kill('SIGKILL', 0);
    cluster.startAll();
    await cluster.leader();
    await assertAllThere(cluster, 0, written);
    disk.free();
    await takesWrites(cluster, 0);
  },
);

test(
  'a cluster whose disks are all full recovers in the same way, and all servers are equal',
  { skip },
  async () => {
    await using cluster = await ProcessCluster.create(3, settings);
    using a = mountFor(cluster, 0);
    using b = mountFor(cluster, 1);
    using c = mountFor(cluster, 2);
    const disks = [a, b, c];
    cluster.startAll();
    await cluster.leader();
    await Promise.all(disks.map((disk, id) => fill(cluster, id, disk)));
    const written = await writeUntilRefused(cluster, 0);
    for (const id of cluster.ids) await assertAllThere(cluster, id, Math.min(written, 10));
    for (const disk of disks) disk.free();
    for (const id of cluster.ids) await takesWrites(cluster, id);
    for (const id of cluster.ids) await assertAllThere(cluster, id, written);
    assert.equal(cluster.running.length, 3, 'no server ended');
    await cluster.converged();
  },
);

test(
  'a leader whose disk is full lets another one lead, and catches up once there is space',
  { skip },
  async () => {
    await using cluster = await ProcessCluster.create(3, settings);
    using disk = mountFor(cluster, 0);
    cluster.startAll();
    await cluster.leader();
    const client = await cluster.client(1);
    await fill(cluster, 0, disk);
    let written = 0;
    const write = async (count: number): Promise<void> => {
      for (const end = written + count; written < end;) {
        // Refused only while the one without space leads.
        if ((await client.set(`key-${written}`, value)).startsWith('OK ')) written++;
      }
    };
    await write(100);
    await until('the one without space does not lead', async () => (await cluster.leader()) !== 0);
    await write(100);
    await until('it says so', async () => cluster.logs.get(0)?.includes('the disk is full'));
    disk.free();
    await takesWrites(cluster, 0);
    await assertAllThere(cluster, 0, written);
    assert.equal(cluster.running.length, 3, 'no server ended');
    client.close();
    await cluster.converged();
  },
);
