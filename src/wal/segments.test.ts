import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FOLDER, WalBench, batch, entries, entry, hardState, summary } from './wal-bench.test-support.ts';

const segmentFiles = (bench: WalBench): string[] =>
  [...bench.disk.image().keys()].filter((path) => path.endsWith('.wal')).sort();

test('the log goes on in the next segment, which was reserved before', () => {
  const bench = new WalBench();
  for (let index = 1; index <= 100; index++) bench.append([entry(index)]);
  bench.rest();
  assert.ok(segmentFiles(bench).length >= 4);
  assert.equal(bench.wal.bytesOnDisk, segmentFiles(bench).length * 4_096 + 8_192);
  const { entries: found } = summary(bench.powerLost());
  assert.equal(found.length, 100);
  bench.append([entry(101)]);
  assert.equal(summary(bench.powerLost()).entries.length, 101);
});

test('a batch larger than a segment is spread over several, and done once', () => {
  const bench = new WalBench();
  let done = 0;
  bench.wal.append(batch(entries(1, 200)), () => done++);
  bench.until(() => done > 0);
  bench.rest();
  assert.equal(done, 1);
  assert.ok(segmentFiles(bench).length >= 5);
  assert.equal(summary(bench.powerLost()).entries.length, 200);
});

test('a new segment carries the hard state, so that older ones may go', () => {
  const bench = new WalBench();
  bench.append([], hardState(3, 1));
  for (let index = 1; index <= 60; index++) bench.append([entry(index, 3)]);
  bench.wal.compact(50, 3);
  bench.rest();
  assert.ok(!segmentFiles(bench).includes(`${FOLDER}/0000000001.wal`));
  const found = summary(bench.powerLost());
  assert.equal(found.base, '50/3');
  assert.deepEqual(found.entries[0], '51/3');
  assert.equal(found.entries.length, 10);
  assert.deepEqual(found.hardState, hardState(3, 1, 50));
});

test('compaction removes whole segments only, and remembers its place in those that stay', () => {
  const bench = new WalBench();
  for (let index = 1; index <= 60; index++) bench.append([entry(index)]);
  const before = segmentFiles(bench);
  bench.wal.compact(5, 1);
  bench.append([entry(61)]);
  bench.rest();
  assert.deepEqual(segmentFiles(bench).slice(0, 2), before.slice(0, 2));
  assert.equal(summary(bench.powerLost()).base, '5/1');
  const bytes = bench.wal.bytesOnDisk;
  bench.wal.compact(61, 1);
  bench.rest();
  assert.ok(bench.wal.bytesOnDisk < bytes);
  assert.deepEqual(summary(bench.powerLost()), {
    base: '61/1',
    entries: [],
    hardState: hardState(0, -1, 61),
  });
  bench.append([entry(62)]);
  assert.deepEqual(summary(bench.powerLost()).entries, ['62/1']);
});

test('a segment whose entries were all replaced elsewhere goes when the place of those is compacted', () => {
  const bench = new WalBench();
  bench.append(entries(1, 100));
  bench.append(entries(10, 12, 2));
  const before = segmentFiles(bench).length;
  bench.wal.compact(9, 1);
  bench.rest();
  assert.ok(segmentFiles(bench).length < before);
  assert.deepEqual(summary(bench.powerLost()).entries, ['10/2', '11/2', '12/2']);
});

test('after a restart the log still knows which segments hold nothing that counts', () => {
  const bench = new WalBench();
  bench.append(entries(1, 100));
  bench.append(entries(10, 12, 2));
  bench.powerLost();
  bench.rest();
  assert.equal(segmentFiles(bench).length, 4);
  bench.wal.compact(9, 1);
  bench.rest();
  assert.equal(segmentFiles(bench).length, 2);
});

test('a crash before the segments behind a reset were removed leaves that to the next start', () => {
  const bench = new WalBench();
  bench.append(entries(1, 100), hardState(1));
  bench.reset(20, 2, hardState(2, -1, 20));
  bench.powerLost();
  bench.rest();
  assert.equal(segmentFiles(bench).length, 2);
  assert.equal(bench.wal.bytesOnDisk, segmentFiles(bench).length * 4_096 + 8_192);
});

test('compaction asked for an entry that is not written yet waits for it', () => {
  const bench = new WalBench();
  bench.append([entry(1)]);
  let done = false;
  bench.wal.append(batch([entry(2)]), () => undefined);
  bench.wal.append(batch([entry(3)]), () => (done = true));
  bench.wal.compact(3, 1);
  bench.until(() => done);
  bench.append([entry(4)]);
  assert.equal(summary(bench.powerLost()).base, '3/1');
});

test('a reset forgets all entries and goes on behind the snapshot', () => {
  const bench = new WalBench();
  bench.append(entries(1, 60), hardState(1));
  bench.reset(500, 4, hardState(4, 2, 500));
  assert.equal(bench.wal.durableIndex, 500);
  bench.append([entry(501, 4)]);
  bench.rest();
  assert.ok(segmentFiles(bench).length <= 3);
  assert.deepEqual(summary(bench.powerLost()), {
    base: '500/4',
    entries: ['501/4'],
    hardState: hardState(4, 2, 500),
  });
});

test('a reset may go back behind the last entry', () => {
  const bench = new WalBench();
  bench.append(entries(1, 60), hardState(1));
  bench.reset(20, 2, hardState(2, -1, 20));
  bench.append([entry(21, 2)]);
  assert.deepEqual(summary(bench.powerLost()).entries, ['21/2']);
});

test('closing writes all that was appended, and marks it', () => {
  const bench = new WalBench();
  for (let index = 1; index <= 40; index++)
    bench.wal.append(batch([entry(index)], null, false), () => undefined);
  bench.close();
  const last = [...bench.disk.image().keys()].filter((path) => path.endsWith('.wal')).at(-2) ?? '';
  assert.equal(summary(bench.restart()).entries.length, 40);
  bench.close();
  // Whatever of it is damaged now is no torn tail any more.
  bench.disk.damage(last, 512 + 90, (byte) => byte ^ 4);
  assert.throws(() => bench.restart(), { code: 'LOG_DAMAGED' });
});

test('a few entries in a large segment do not keep its whole file in memory', () => {
  const bench = new WalBench({ segmentBytes: 65_536 });
  bench.append(entries(1, 3));
  const [first] = bench.powerLost().entries;
  assert.ok(first !== undefined && first.data.buffer.byteLength < 1_000);
});

test('another segment size counts from the next segment on', () => {
  const bench = new WalBench();
  bench.append(entries(1, 10));
  bench.rest();
  const larger = new WalBench({ segmentBytes: 16_384, image: bench.disk.image() });
  assert.equal(larger.life.recovered.entries.length, 10);
  larger.append([entry(11, 1, 'x'.repeat(10_000))]);
  larger.rest();
  assert.equal(larger.powerLost().entries.length, 11);
});
