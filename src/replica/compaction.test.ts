import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planCompaction, type CompactionState } from './compaction.ts';

/** A log of entries of one byte each, from index 1 to 1000, of which there may be 500, and 125 are kept. */
const state: CompactionState = {
  logBytes: 1000,
  logBytesMax: 500,
  cutAboveBytes: 500,
  keptBytes: 125,
  firstIndex: 1,
  durableIndex: 1000,
  neededIndex: Infinity,
  heldIndex: Infinity,
};
const indexBelow = (bytes: number): number => 1000 - bytes + 1;
const plan = (change: Partial<CompactionState>) => planCompaction({ ...state, ...change }, indexBelow);

test('a log within its bytes is left alone', () => {
  assert.deepEqual(plan({ logBytes: 500 }), { step: 'none' });
});

test('a log that is too long is cut to what is kept', () => {
  assert.deepEqual(plan({}), { step: 'cut', index: 875 });
});

test('the log is never cut past what the state on disk holds, and a state too far behind is flushed', () => {
  assert.deepEqual(plan({ durableIndex: 300 }), { step: 'cut', index: 300 });
  assert.deepEqual(plan({ durableIndex: 0 }), { step: 'flush' });
});

test('what an active follower needs is kept while the log is not far too long', () => {
  assert.deepEqual(plan({ neededIndex: 101 }), { step: 'cut', index: 100 });
  assert.deepEqual(plan({ neededIndex: 101, logBytes: 1001 }), { step: 'cut', index: 875 });
});

test('what follows a snapshot that is being sent is kept longer, but not until the leader takes no more', () => {
  assert.deepEqual(plan({ heldIndex: 50, logBytes: 1500 }), { step: 'cut', index: 50 });
  assert.deepEqual(plan({ heldIndex: 50, firstIndex: 51, logBytes: 1500 }), { step: 'none' });
  assert.deepEqual(plan({ heldIndex: 50, logBytes: 1501 }), { step: 'cut', index: 875 });
});
