import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Clock } from '../base/clock.ts';
import { createPrng } from '../base/prng.ts';
import { makeNodeVfs, nodeVfs, remainder } from './node-vfs.ts';
import type { Vfs, VfsFile } from './vfs.ts';
import { batch, entries, entry, hardState, summary } from './wal-bench.test-support.ts';
import { openWal } from './wal.ts';

const clock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => 0,
  setTimer: (delayMs, callback) => {
    const handle = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
  defer: setImmediate,
};

/** The log's files are written and synced in either place. */
const modes: readonly (readonly [string, Vfs])[] = [
  ['in the thread pool', makeNodeVfs({ onLoop: false, took: () => undefined })],
  ['on the event loop', makeNodeVfs({ onLoop: true, took: () => undefined })],
];

function folderOf(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'kvraft-wal-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

const written = (file: VfsFile, buffers: readonly Uint8Array[], position: number): Promise<Error | null> =>
  new Promise((resolve) => file.write(buffers, position, resolve));

for (const [where, vfs] of modes) {
  test(`files are written, read, renamed and removed, ${where}`, async (context) => {
    const folder = folderOf(context);
    vfs.makeFolder(`${folder}/a/b`);
    const path = `${folder}/a/b/one`;
    assert.throws(() => vfs.open(path, false), { code: 'ENOENT' });
    const file = vfs.open(path, true);
    assert.equal(
      await written(file, [Buffer.from('hello '), Buffer.from(''), Buffer.from('world')], 2),
      null,
    );
    file.writeSync([Buffer.from('>'), Buffer.from('>')], 0);
    assert.equal(await new Promise((resolve) => file.sync(resolve)), null);
    file.syncSync();
    assert.equal(file.size(), 13);
    assert.equal(Buffer.from(file.read(2, 100)).toString(), 'hello world');
    assert.equal(file.read(13, 5).length, 0);
    file.truncateSync(7);
    file.close();
    assert.equal(Buffer.from(vfs.readFile(path)).toString(), '>>hello');
    vfs.rename(path, `${folder}/a/b/two`);
    vfs.makeFolder(`${folder}/a/b/folder`);
    assert.deepEqual(vfs.list(`${folder}/a/b`), ['two']);
    vfs.syncFolder(`${folder}/a/b`);
    assert.equal(await new Promise((resolve) => vfs.syncFolderLater(`${folder}/a/b`, resolve)), null);
    vfs.remove(`${folder}/a/b/two`);
    assert.equal(vfs.exists(`${folder}/a/b/two`), false);
    const missing = await new Promise<Error | null>((resolve) =>
      vfs.syncFolderLater(`${folder}/none`, resolve),
    );
    assert.equal((missing as NodeJS.ErrnoException).code, 'ENOENT');
  });
}

for (const [where, vfs] of modes) {
  test(`a write of more buffers than the system takes at once is finished, ${where}`, async (context) => {
    const file = vfs.open(`${folderOf(context)}/file`, true);
    const buffers = Array.from({ length: 5_000 }, (_, at) => Buffer.from([at % 251, at % 13]));
    assert.equal(await written(file, buffers, 10), null);
    assert.deepEqual(Buffer.from(file.read(10, 20_000)), Buffer.concat(buffers));
    file.writeSync(buffers, 0);
    assert.deepEqual(Buffer.from(file.read(0, 10_000)), Buffer.concat(buffers));
    file.close();
  });
}

test('what is left of a write that was cut short begins at the byte where it stopped', () => {
  const buffers = ['abc', '', 'de', 'f'].map((text) => Buffer.from(text));
  const whole = Buffer.concat(buffers);
  for (let count = 0; count <= whole.length; count++) {
    assert.deepEqual(Buffer.concat(remainder(buffers, count)), whole.subarray(count));
  }
});

test('a preallocated file has its blocks, and nothing but zeroes', async (context) => {
  const path = `${folderOf(context)}/file`;
  const size = 3 * 1024 * 1024 + 12_288;
  const file = await new Promise<VfsFile>((resolve, reject) =>
    nodeVfs.createPreallocated(path, size, (error, made) => (made === null ? reject(error!) : resolve(made))),
  );
  assert.equal(file.size(), size);
  assert.ok(statSync(path).blocks * 512 >= size);
  assert.ok(file.read(0, size).every((byte) => byte === 0));
  file.close();
});

test('a file that cannot be made comes back as an error with its code', async (context) => {
  const path = `${folderOf(context)}/none/file`;
  const error = await new Promise<Error | null>((resolve) =>
    nodeVfs.createPreallocated(path, 4_096, resolve),
  );
  assert.equal((error as NodeJS.ErrnoException).code, 'ENOENT');
});

test('a file that the disk has no room for is refused before it takes the last of it', async (context) => {
  const folder = folderOf(context);
  const error = await new Promise<Error | null>((resolve) =>
    nodeVfs.createPreallocated(`${folder}/file`, 2 ** 52, resolve),
  );
  assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
  assert.deepEqual(nodeVfs.list(folder), []);
});

for (const [where, vfs] of modes) {
  test(`a device without space says ENOSPC, ${where}`, async () => {
    const full = vfs.open('/dev/full', false);
    const error = await written(full, [Buffer.from('x')], 0);
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
    full.close();
  });
}

for (const [where, vfs] of modes) {
  test(`the log works on the real file system, ${where}`, async (context) => {
    const folder = folderOf(context);
    const options = { segmentBytes: 65_536, prng: createPrng(1), clock };
    const events = {
      onFatal: (error: Error) => assert.fail(error),
      onSpace: () => assert.fail('there is space'),
    };
    const { wal } = openWal(vfs, folder, options, events);
    const append = (list: ReturnType<typeof entries>): Promise<void> =>
      new Promise((resolve) => wal.append(batch(list, hardState(1, 0)), resolve));
    await Promise.all([append(entries(1, 500)), append(entries(501, 900)), append(entries(901, 2_000))]);
    assert.equal(wal.durableIndex, 2_000);
    await append([entry(1_999, 2)]);
    wal.compact(1_000, 1);
    assert.equal(await new Promise((resolve) => wal.close(resolve)), null);
    const next = openWal(vfs, folder, options, events);
    const found = summary(next.recovered);
    assert.equal(found.base, '1000/1');
    assert.equal(found.entries.length, 999);
    assert.equal(found.entries.at(-1), '1999/2');
    assert.equal(next.wal.bytesOnDisk, statBytes(folder));
    assert.equal(await new Promise((resolve) => next.wal.close(resolve)), null);
  });
}

function statBytes(folder: string): number {
  return nodeVfs.list(folder).reduce((sum, name) => sum + statSync(`${folder}/${name}`).size, 0);
}
