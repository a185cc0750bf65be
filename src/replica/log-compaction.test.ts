import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compactLog, isFull, mustWaitForStore } from './log-compaction.ts';

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
  const at = (unflushedBytes: number): Parameters<typeof compactLog>[0] =>
    ({
      node: { logBytes: 0 },
      store: { unflushedBytes, flush },
      options: { logBytesMax: 100, unflushedBytesMax: 100 },
    }) as unknown as Parameters<typeof compactLog>[0];
  compactLog(at(100), Infinity);
  assert.equal(flushes, 0);
  compactLog(at(101), Infinity);
  assert.equal(flushes, 1);
});

test('at rest a log is cut that would be left alone under load', () => {
  const cuts: number[] = [];
  const at = (logBytes: number, unflushedBytes: number): Parameters<typeof compactLog>[0] =>
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
      options: { logBytesMax: 100, unflushedBytesMax: 100 },
    }) as unknown as Parameters<typeof compactLog>[0];
  compactLog(at(90, 1), Infinity);
  compactLog(at(50, 0), Infinity);
  assert.deepEqual(cuts, []);
  compactLog(at(90, 0), Infinity);
  assert.deepEqual(cuts, [65], 'the last 25 are kept');
});
