import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WalBench, batch, entries, entry, hardState, summary } from './wal-bench.test-support.ts';

/** A log that has its first segments and rests. */
function settled(): WalBench {
  const bench = new WalBench({ segmentBytes: 65_536 });
  bench.append([entry(1)]);
  bench.rest();
  return bench;
}

test('the first append of a log that rests is written in the same turn', () => {
  const bench = settled();
  const { writes } = bench.disk.counts;
  bench.wal.append(batch([entry(2)]), () => undefined);
  assert.equal(bench.disk.counts.writes, writes + 1);
});

test('appends that come while a sync is under way share one write and one sync', () => {
  const bench = settled();
  const { writes, syncs } = bench.disk.counts;
  let done = 0;
  for (let index = 2; index <= 101; index++) bench.wal.append(batch([entry(index)]), () => done++);
  bench.until(() => done === 100);
  assert.equal(bench.disk.counts.writes, writes + 2);
  assert.equal(bench.disk.counts.syncs, syncs + 2);
  assert.equal(bench.wal.durableIndex, 101);
  assert.equal(summary(bench.powerLost()).entries.length, 101);
});

test('done is called in the order of the calls, after the sync that covers them', () => {
  const bench = settled();
  const order: number[] = [];
  for (let index = 2; index <= 6; index++) {
    bench.wal.append(batch([entry(index)], null, index % 2 === 0), () => {
      assert.ok(index % 2 === 1 || bench.wal.durableIndex >= index);
      order.push(index);
    });
  }
  bench.until(() => order.length === 5);
  assert.deepEqual(order, [2, 3, 4, 5, 6]);
});

test('what need not be synced is done once it is written', () => {
  const bench = settled();
  const { syncs } = bench.disk.counts;
  bench.append([], hardState(0, -1, 1), false);
  assert.equal(bench.disk.counts.syncs, syncs);
  assert.equal(summary(bench.killed()).hardState.commitIndex, 1);
});

test('an append without content is done in its turn, and not inside the call', () => {
  const bench = settled();
  const order: string[] = [];
  bench.wal.append(batch([], null, true), () => order.push('empty'));
  bench.wal.append(batch([entry(2)]), () => order.push('entry'));
  assert.deepEqual(order, []);
  bench.until(() => order.length === 2);
  assert.deepEqual(order, ['empty', 'entry']);
});

test('an append from within done goes out with the next write', () => {
  const bench = settled();
  let last = 0;
  const next = (index: number): void => {
    bench.wal.append(batch([entry(index)]), () => {
      last = index;
      if (index < 10) next(index + 1);
    });
  };
  next(2);
  bench.until(() => last === 10);
  assert.equal(bench.wal.durableIndex, 10);
});

test('an entry that replaces others takes back what was durable behind it, at once', () => {
  const bench = settled();
  bench.append(entries(2, 9));
  assert.equal(bench.wal.durableIndex, 9);
  let done = false;
  bench.wal.append(batch([entry(4, 2)]), () => (done = true));
  assert.equal(bench.wal.durableIndex, 3);
  bench.until(() => done);
  assert.equal(bench.wal.durableIndex, 4);
  assert.deepEqual(summary(bench.powerLost()).entries, ['1/1', '2/1', '3/1', '4/2']);
});

test('a replacement that is queued is not called durable by the sync before it', () => {
  const bench = settled();
  const seen: number[] = [];
  bench.wal.append(batch(entries(2, 5)), () => seen.push(bench.wal.durableIndex));
  bench.wal.append(batch([entry(3, 2)]), () => seen.push(bench.wal.durableIndex));
  bench.until(() => seen.length === 2);
  assert.deepEqual(seen, [2, 3]);
});

test('an operation that takes long shows in stalledMs', () => {
  const bench = settled();
  assert.equal(bench.wal.stalledMs, 0);
  bench.disk.faults.stallChance = 1;
  bench.disk.faults.stallMs = 3_000;
  let done = false;
  bench.wal.append(batch([entry(2)]), () => (done = true));
  bench.scheduler.runFor(2_000);
  assert.equal(Math.round(bench.wal.stalledMs), 2_000);
  bench.until(() => done);
  assert.equal(bench.wal.stalledMs, 0);
});

test('one idle period costs one sync, and leaves the last batch marked', () => {
  const bench = settled();
  const before = bench.disk.counts.syncs;
  bench.append([entry(2)]);
  bench.append([entry(3)]);
  assert.equal(bench.disk.counts.syncs, before + 2);
  bench.rest();
  assert.equal(bench.disk.counts.syncs, before + 3);
  bench.rest();
  assert.equal(bench.disk.counts.syncs, before + 3);
});

test('a log that never rests spends no sync on marks', () => {
  const bench = new WalBench({ segmentBytes: 2 ** 22 });
  bench.append([entry(1)]);
  bench.rest();
  const before = bench.disk.counts.syncs;
  let index = 1;
  const next = (): void => {
    if (bench.scheduler.nowMs < 2_000) bench.wal.append(batch([entry(++index)]), next);
  };
  next();
  bench.until(() => bench.scheduler.nowMs >= 2_000);
  assert.ok(index > 500);
  assert.ok(bench.disk.counts.syncs - before <= index);
});

test('a change of term or vote is in a slot before it is done', () => {
  const bench = settled();
  bench.append([], hardState(7, 3));
  const { hardState: state } = summary(bench.powerLost());
  assert.deepEqual(state, { term: 7, votedFor: 3, commitIndex: 0 });
});
