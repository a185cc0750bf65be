import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPrng } from '../base/prng.ts';
import { isFull, LogCompaction, mustWaitForStore } from './log-compaction.ts';

const parts = (
  logBytes: number,
  unflushedBytes: number,
  durableIndex: number,
): Parameters<typeof isFull>[0] =>
  ({
    node: { logBytes, commitIndex: 10 },
    store: { unflushedBytes, durablePosition: { index: durableIndex } },
    options: { logBytesMax: 100, unflushedBytesMax: 100 },
  }) as unknown as Parameters<typeof isFull>[0];

test('a server takes no more while its log or its unflushed state is far too long', () => {
  assert.ok(!isFull(parts(400, 100, 10)));
  assert.ok(isFull(parts(401, 0, 10)));
  assert.ok(isFull(parts(0, 101, 10)));
});

test('a long tail that is not committed does not keep out the entry that commits it', () => {
  assert.ok(mustWaitForStore(parts(401, 0, 9)));
  assert.ok(
    !mustWaitForStore(parts(401, 0, 10)),
    'the store has all that is committed: waiting changes nothing',
  );
});

test('a store is made to flush what the replica stops at, even if it would hold more by itself', () => {
  let flushes = 0;
  const flush = (): number => ++flushes;
  const at = (unflushedBytes: number): ConstructorParameters<typeof LogCompaction>[0] =>
    ({
      node: { logBytes: 0 },
      store: { unflushedBytes, flush },
      prng: createPrng(1),
      options: { logBytesMax: 100, unflushedBytesMax: 100 },
    }) as unknown as ConstructorParameters<typeof LogCompaction>[0];
  new LogCompaction(at(100)).run(Infinity);
  assert.equal(flushes, 0);
  new LogCompaction(at(101)).run(Infinity);
  assert.equal(flushes, 1);
});

test('at rest a log is cut that would be left alone under load', () => {
  const cuts: number[] = [];
  const at = (logBytes: number, unflushedBytes: number): ConstructorParameters<typeof LogCompaction>[0] =>
    ({
      node: {
        logBytes,
        firstIndex: 1,
        progress: () => [],
        indexFromEnd: (bytes: number) => logBytes - bytes + 1,
        termAt: () => 1,
        compact: (index: number) => cuts.push(index),
      },
      store: { unflushedBytes, durablePosition: { index: logBytes } },
      wal: { compact: () => undefined },
      prng: createPrng(1),
      options: { logBytesMax: 100, unflushedBytesMax: 100 },
    }) as unknown as ConstructorParameters<typeof LogCompaction>[0];
  new LogCompaction(at(70, 1)).run(Infinity);
  new LogCompaction(at(25, 0)).run(Infinity);
  assert.deepEqual(cuts, []);
  new LogCompaction(at(70, 0)).run(Infinity);
  assert.deepEqual(cuts, [57.5], 'the last 12.5 are kept');
});

test('a log is cut at another length each time, and never later than it must be', () => {
  const node = {
    logBytes: 0,
    firstIndex: 1,
    progress: () => [],
    indexFromEnd: (bytes: number) => node.logBytes - bytes + 1,
    termAt: () => 1,
    compact: (index: number) => {
      lengths.push(node.logBytes);
      node.logBytes -= index;
    },
  };
  const lengths: number[] = [];
  const compaction = new LogCompaction({
    node,
    store: { unflushedBytes: 1, durablePosition: { index: Infinity } },
    wal: { compact: () => undefined },
    prng: createPrng(1),
    options: { logBytesMax: 1_000, unflushedBytesMax: 100 },
  } as unknown as ConstructorParameters<typeof LogCompaction>[0]);
  for (let i = 0; i < 20_000; i++) {
    node.logBytes++;
    compaction.run(Infinity);
  }
  assert.ok(lengths.every((length) => length >= 750 && length <= 1_001));
  assert.ok(new Set(lengths).size > lengths.length / 2);
});
