import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FOLDER, WalBench, batch, entries, entry, hardState, summary } from './wal-bench.test-support.ts';

test('a full disk is told of while the segment in use still has room, and once there is space again', () => {
  const bench = new WalBench();
  bench.append([entry(1)]);
  bench.disk.capacityBytes = bench.disk.usedBytes;
  let index = 1;
  while (bench.life.space.length === 0) {
    bench.append([entry(++index)]);
    bench.rest();
  }
  assert.deepEqual(bench.life.space, [false]);
  for (let more = 0; more < 10; more++) bench.append([entry(++index)]);
  bench.disk.capacityBytes = Infinity;
  bench.scheduler.runFor(1_500);
  assert.deepEqual(bench.life.space, [false, true]);
  bench.append([entry(++index)]);
  assert.equal(summary(bench.powerLost()).entries.length, index);
});

test('appends that find no place wait, and are done when there is space', () => {
  const bench = new WalBench();
  bench.append([entry(1)]);
  bench.disk.capacityBytes = bench.disk.usedBytes;
  let done = 0;
  for (let index = 2; index <= 150; index++) bench.wal.append(batch([entry(index)]), () => done++);
  bench.scheduler.runFor(10_000);
  assert.ok(done > 20 && done < 149);
  assert.ok(bench.wal.durableIndex < 150);
  assert.equal(bench.wal.stalledMs, 0);
  assert.deepEqual(bench.life.space, [false]);
  bench.disk.capacityBytes = Infinity;
  bench.until(() => done === 149);
  bench.rest();
  assert.deepEqual(bench.life.space, [false, true]);
  assert.equal(summary(bench.powerLost()).entries.length, 150);
});

test('with no room left at all, compaction still makes some', () => {
  const bench = new WalBench();
  bench.append([entry(1)]);
  bench.disk.capacityBytes = 3 * 4_096 + bench.disk.usedBytes;
  let done = 1;
  for (let index = 2; index <= 400; index++) bench.wal.append(batch([entry(index)]), () => done++);
  for (let round = 0; round < 40; round++) {
    bench.scheduler.runFor(5_000);
    bench.wal.compact(done, 1);
  }
  assert.equal(done, 400);
  bench.rest();
  bench.wal.compact(400, 1);
  bench.append([entry(401)]);
  assert.deepEqual(summary(bench.powerLost()), {
    base: '400/1',
    entries: ['401/1'],
    hardState: hardState(0, -1, 400),
  });
});

test('a compaction that frees space is followed by the next segment at once', () => {
  const bench = new WalBench();
  bench.append([entry(1)]);
  bench.disk.capacityBytes = 2 * 4_096 + bench.disk.usedBytes;
  let done = 1;
  for (let index = 2; index <= 300; index++) bench.wal.append(batch([entry(index)]), () => done++);
  bench.scheduler.runFor(5_500);
  assert.deepEqual(bench.life.space, [false]);
  bench.wal.compact(done, 1);
  bench.scheduler.runFor(20);
  assert.deepEqual(bench.life.space.slice(0, 2), [false, true]);
});

test('a log on a disk that was full before the first entry begins when there is space', () => {
  const bench = new WalBench({ capacityBytes: 10_000 });
  let done = false;
  bench.wal.append(batch([entry(1)]), () => (done = true));
  bench.scheduler.runFor(5_000);
  assert.equal(done, false);
  assert.deepEqual(bench.life.space, [false]);
  bench.disk.capacityBytes = Infinity;
  bench.until(() => done);
});

test('a log that waits for space can be closed', () => {
  const bench = new WalBench();
  bench.append([entry(1)]);
  bench.disk.capacityBytes = bench.disk.usedBytes;
  bench.wal.append(batch(entries(2, 200)), () => assert.fail('there is no room for it'));
  bench.scheduler.runFor(3_000);
  bench.close();
  const found = bench.restart();
  assert.ok(found.entries.length > 20 && found.entries.length < 200);
});

for (const kind of ['write', 'sync'] as const) {
  test(`after a ${kind} that failed nothing is done, written or synced any more`, () => {
    const bench = new WalBench();
    bench.append([entry(1)]);
    bench.rest();
    if (kind === 'write') bench.disk.faults.writeErrorChance = 1;
    else bench.disk.faults.syncErrorChance = 1;
    bench.wal.append(batch([entry(2)]), () => assert.fail('it is not durable'));
    bench.wal.append(batch([entry(3)]), () => assert.fail('it was not even written'));
    bench.rest();
    assert.equal(bench.life.fatal.length, 1);
    assert.equal((bench.life.fatal[0] as NodeJS.ErrnoException).code, 'EIO');
    bench.disk.faults.writeErrorChance = 0;
    bench.disk.faults.syncErrorChance = 0;
    const { writes, syncs, folderSyncs } = bench.disk.counts;
    bench.wal.append(batch([entry(4)]), () => assert.fail('the log is dead'));
    bench.wal.reset(9, 1, hardState(1), () => assert.fail('the log is dead'));
    bench.wal.compact(1, 1);
    bench.rest();
    assert.deepEqual(
      { writes, syncs, folderSyncs },
      {
        writes: bench.disk.counts.writes,
        syncs: bench.disk.counts.syncs,
        folderSyncs: bench.disk.counts.folderSyncs,
      },
    );
    assert.equal(bench.wal.durableIndex, 1);
    assert.equal(bench.life.fatal.length, 1);
    let closed: Error | null = null;
    bench.wal.close((error) => (closed = error));
    bench.rest();
    assert.equal(closed, bench.life.fatal[0]);
  });
}

test('a write that goes well after another operation failed is not done either', () => {
  const bench = new WalBench();
  bench.append([entry(1)]);
  bench.append([entry(2)]);
  bench.scheduler.runFor(40);
  const { writes } = bench.disk.counts;
  // The mark is on its way to its slot when the next append comes.
  bench.until(() => bench.disk.counts.writes > writes);
  bench.disk.faults.syncErrorChance = 1;
  Object.assign(bench.disk.faults, { writeMsMin: 5, writeMsMax: 5 });
  bench.wal.append(batch([entry(3)]), () => assert.fail('nothing is done after a failure'));
  bench.until(() => bench.life.fatal.length === 1);
  bench.disk.faults.syncErrorChance = 0;
  bench.rest();
  assert.equal(bench.life.fatal.length, 1);
});

test('the name of a segment is durable before it is used, also when another process reserved it', () => {
  const bench = new WalBench();
  const reserved = `${FOLDER}/0000000001.wal`;
  bench.until(() => bench.disk.image().has(reserved));
  bench.killed();
  bench.append([entry(1)]);
  assert.deepEqual(summary(bench.powerLost({ keepsFolderOperation: () => false })).entries, ['1/1']);
});

test('what a failed sync left in the page cache is made durable anew before anybody relies on it', () => {
  const bench = new WalBench();
  bench.append([entry(1)]);
  bench.rest();
  bench.disk.faults.syncErrorChance = 1;
  for (let index = 2; index <= 20; index++)
    bench.wal.append(batch([entry(index)], null, false), () => undefined);
  bench.wal.append(batch([entry(21)]), () => undefined);
  bench.rest();
  assert.equal(bench.life.fatal.length, 1);
  bench.disk.faults.syncErrorChance = 0;
  const found = bench.killed();
  assert.ok(found.entries.length > 1);
  assert.deepEqual(summary(bench.powerLost()).entries, summary(found).entries);
});

test('a segment that could not be made for another reason is tried again, and is not fatal', () => {
  const bench = new WalBench();
  bench.disk.faults.writeErrorChance = 1;
  bench.scheduler.runFor(3_000);
  assert.deepEqual(bench.life.fatal, []);
  assert.deepEqual(bench.life.space, [false]);
  bench.disk.faults.writeErrorChance = 0;
  bench.append([entry(1)]);
  assert.deepEqual(bench.life.space, [false, true]);
});

test('files of a segment that was never finished are removed at the next start', () => {
  const bench = new WalBench();
  bench.append([entry(1)]);
  bench.rest();
  const { vfs } = bench.life;
  vfs.open(`${FOLDER}/0000000003.wal.tmp`, true);
  bench.killed();
  assert.ok(!bench.life.vfs.list(FOLDER).includes('0000000003.wal.tmp'));
});
