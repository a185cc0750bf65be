import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPrng } from '../base/prng.ts';
import type { Vfs, VfsFile } from '../wal/vfs.ts';
import { SimDisk, type DiskFaults } from './disk.ts';
import { Scheduler } from './scheduler.ts';

interface Bench {
  readonly scheduler: Scheduler;
  readonly disk: SimDisk;
  readonly vfs: Vfs;
}

function benchOf(faults: Partial<DiskFaults> = {}, seed = 1, capacityBytes = Infinity): Bench {
  const scheduler = new Scheduler();
  const disk = new SimDisk({
    prng: createPrng(seed),
    schedule: (delayMs, callback) => scheduler.schedule(delayMs, callback),
    capacityBytes,
    faults,
  });
  const vfs = disk.mount();
  vfs.makeFolder('a/b');
  return { scheduler, disk, vfs };
}

const text = (file: VfsFile): string => Buffer.from(file.read(0, file.size())).toString();
const codeOf = (error: Error | null): string => (error as { code?: string } | null)?.code ?? 'none';

/** Runs one asynchronous operation to its end and returns its error. */
function finish(
  { scheduler }: Bench,
  operation: (done: (error: Error | null) => void) => void,
): Error | null {
  let result: Error | null | undefined;
  operation((error) => (result = error));
  assert.equal(result, undefined, 'a callback is never called inside the call');
  assert.ok(scheduler.runUntil(() => result !== undefined, Infinity));
  assert.ok(result !== undefined);
  return result;
}

test('a process reads what it wrote, at any position and length', () => {
  const { vfs } = benchOf();
  const file = vfs.open('a/b/file', true);
  const bytes = Buffer.from(Array.from({ length: 3_000 }, (_, at) => at % 251));
  file.writeSync([bytes.subarray(0, 700), bytes.subarray(700)], 100);
  assert.equal(file.size(), 3_100);
  for (const [position, length] of [
    [100, 3_000],
    [511, 2],
    [512, 512],
    [3_099, 10],
    [5_000, 1],
  ] as const) {
    const expected = Buffer.concat([Buffer.alloc(100), bytes]).subarray(position, position + length);
    assert.deepEqual(Buffer.from(file.read(position, length)), expected);
  }
  file.truncateSync(1_000);
  file.truncateSync(1_100);
  assert.ok(file.read(1_000, 100).every((byte) => byte === 0));
});

test('a loss of power takes what was not synced and keeps what was', () => {
  const bench = benchOf({ lostSectorChance: 1, lostFolderOperationChance: 1 });
  const file = bench.vfs.open('a/b/file', true);
  bench.vfs.syncFolder('a/b');
  file.writeSync([Buffer.from('durable')], 0);
  assert.equal(
    finish(bench, (done) => file.sync(done)),
    null,
  );
  file.writeSync([Buffer.from('changed')], 0);
  bench.vfs.open('a/b/other', true).syncSync();
  bench.disk.losePower();
  const vfs = bench.disk.mount();
  assert.deepEqual(vfs.list('a/b'), ['file']);
  assert.equal(text(vfs.open('a/b/file', false)), 'durable');
});

test('the death of a process keeps what it wrote, and what is under way may be cut short', () => {
  let whole = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const bench = benchOf({}, seed);
    const file = bench.vfs.open('a/b/file', true);
    file.writeSync([Buffer.alloc(1_024, 'o')], 0);
    file.write([Buffer.alloc(1_024, 'n')], 0, () => assert.fail('its process is dead'));
    bench.disk.crashProcess();
    while (bench.scheduler.step());
    const found = text(bench.disk.mount().open('a/b/file', false));
    assert.match(found, /^(o{512}|n{512})(o{512}|n{512})$/);
    if (!found.includes('o')) whole++;
  }
  assert.ok(whole > 0 && whole < 40);
});

test('an unsynced sector may come out as any version that it had, torn or whole', () => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= 200; seed++) {
    const { disk, vfs } = benchOf({ lostFolderOperationChance: 0 }, seed);
    const file = vfs.open('a/b/file', true);
    for (const letter of 'abc') {
      file.writeSync([Buffer.alloc(512, letter)], 0);
      if (letter === 'a') file.syncSync();
    }
    disk.losePower();
    const found = text(disk.mount().open('a/b/file', false));
    assert.match(found, /^(a+|b+|c+|b+a+|c+b+)$/);
    seen.add([...new Set(found)].join(''));
  }
  assert.deepEqual([...seen].sort(), ['a', 'b', 'ba', 'c', 'cb']);
});

test('folder operations are lost one by one until the folder is synced', () => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= 60; seed++) {
    const { disk, vfs } = benchOf({}, seed);
    vfs.open('a/b/old', true);
    vfs.syncFolder('a/b');
    vfs.rename('a/b/old', 'a/b/new');
    vfs.open('a/b/more', true);
    disk.losePower();
    seen.add(disk.mount().list('a/b').join());
  }
  assert.deepEqual([...seen].sort(), ['more,new', 'more,old', 'new', 'old']);
});

test('a sync covers the writes that were done before it, not those that come while it is under way', () => {
  const bench = benchOf({ lostSectorChance: 1 });
  const file = bench.vfs.open('a/b/file', true);
  bench.vfs.syncFolder('a/b');
  file.writeSync([Buffer.from('first ')], 0);
  finish(bench, (done) => {
    file.sync(done);
    file.writeSync([Buffer.from('second')], 0);
  });
  bench.disk.losePower();
  assert.equal(text(bench.disk.mount().open('a/b/file', false)), 'first ');
});

test('after a failed sync a second one makes nothing durable', () => {
  let lost = 0;
  for (let seed = 1; seed <= 20; seed++) {
    const bench = benchOf({ syncErrorChance: 1 }, seed);
    const file = bench.vfs.open('a/b/file', true);
    bench.vfs.syncFolder('a/b');
    file.writeSync([Buffer.alloc(512, 'o')], 0);
    file.syncSync();
    file.writeSync([Buffer.alloc(512, 'n')], 0);
    assert.equal(codeOf(finish(bench, (done) => file.sync(done))), 'EIO');
    file.syncSync();
    assert.equal(text(file)[0], 'n');
    bench.disk.losePower();
    if (text(bench.disk.mount().open('a/b/file', false)).startsWith('o')) lost++;
  }
  assert.ok(lost > 0 && lost < 20);
});

test('a full disk refuses growth and nothing else', () => {
  const bench = benchOf({}, 1, 2_000);
  const file = bench.vfs.open('a/b/file', true);
  file.writeSync([Buffer.alloc(1_500)], 0);
  assert.throws(() => file.writeSync([Buffer.alloc(600)], 1_500), { code: 'ENOSPC' });
  assert.equal(codeOf(finish(bench, (done) => file.write([Buffer.alloc(600)], 1_500, done))), 'ENOSPC');
  assert.equal(
    finish(bench, (done) => file.write([Buffer.alloc(1_500, 1)], 0, done)),
    null,
  );
  assert.equal(
    codeOf(finish(bench, (done) => bench.vfs.createPreallocated('a/b/more', 600, done))),
    'ENOSPC',
  );
  bench.vfs.remove('a/b/file');
  bench.vfs.remove('a/b/more');
  assert.equal(
    finish(bench, (done) => bench.vfs.createPreallocated('a/b/more', 600, done)),
    null,
  );
  assert.equal(bench.disk.counts.noSpace, 3);
});

test('damage changes the byte on the disk, and no crash undoes it', () => {
  const { disk, vfs } = benchOf({ lostFolderOperationChance: 0 });
  const file = vfs.open('a/b/file', true);
  file.writeSync([Buffer.from('abc')], 0);
  file.syncSync();
  vfs.syncFolder('a/b');
  disk.damage('a/b/file', 1, (byte) => byte ^ 1);
  assert.equal(text(file), 'acc');
  disk.losePower();
  assert.equal(text(disk.mount().open('a/b/file', false)), 'acc');
});

test('what belonged to a dead process does nothing more', () => {
  const bench = benchOf();
  const file = bench.vfs.open('a/b/file', true);
  bench.disk.crashProcess();
  assert.throws(() => file.writeSync([Buffer.from('x')], 0), /crashed/);
  assert.throws(() => bench.vfs.list('a/b'), /crashed/);
});

test('the same seed gives the same disk', () => {
  const run = (seed: number): unknown => {
    const bench = benchOf({ stallChance: 0.2, writeErrorChance: 0.2, syncErrorChance: 0.2 }, seed);
    for (let count = 0; count < 50; count++) {
      const file = bench.vfs.open(`a/b/${count % 3}`, true);
      finish(bench, (done) => file.write([Buffer.alloc(700, count)], count * 100, done));
      if (count % 5 === 0) finish(bench, (done) => file.sync(done));
    }
    bench.disk.losePower();
    return { image: bench.disk.image(), counts: bench.disk.counts, ms: bench.scheduler.nowMs };
  };
  assert.deepEqual(run(5), run(5));
  assert.notDeepEqual(run(5), run(6));
});
