import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPrng } from '../base/prng.ts';
import { RawNode } from './raw-node.ts';
import type { Ready } from './ready.ts';
import { append, bytes, conf, initialOf, installSnapshot, logOf, requestVote } from './test-messages.ts';
import type { LogSketch } from './test-messages.ts';
import { testTuning } from './test-node.ts';
import type { Tuning } from './test-node.ts';
import type { MemberId } from './types.ts';

/** What a Ready holds, and what its durability means. The disk is played by the test. */

function nodeOf(voters: readonly MemberId[], sketch: LogSketch, tuning: Partial<Tuning> = {}): RawNode {
  const initial = initialOf(voters, sketch);
  return new RawNode({ ...testTuning, ...tuning, id: 1, initial, prng: createPrng(1) });
}

function take(node: RawNode): Ready {
  assert.ok(node.hasReady());
  return node.ready();
}

const indexesOf = (ready: Ready): number[] => ready.entries.map(({ index }) => index);

/** A leader by its own vote. */
function single(tuning: Partial<Tuning> = {}): RawNode {
  const node = nodeOf([1], { terms: [] }, tuning);
  node.campaign();
  node.persisted(take(node).seq);
  node.persisted(take(node).seq);
  node.persisted(take(node).seq);
  assert.equal(node.role, 'leader');
  return node;
}

test('nothing is to be done for a member that starts', () => {
  assert.equal(nodeOf([1, 2, 3], { terms: [1, 1], commit: 0 }).hasReady(), false);
});

test('what was committed before a restart is handed out again behind the applied state', () => {
  const node = nodeOf([1, 2, 3], { terms: [1, 1, 1], commit: 2 });
  assert.deepEqual(
    take(node).committedEntries.map(({ index }) => index),
    [1, 2],
  );
  assert.equal(node.hasReady(), false);
});

test('a Ready is taken when it is returned: the next one holds only what came after', () => {
  const node = nodeOf([1, 2, 3], { terms: [] });
  node.step(append(2, 1, 1, { entries: logOf([1, 1]) }));
  const first = take(node);
  node.step(append(2, 1, 1, { prevLogIndex: 2, prevLogTerm: 1, entries: logOf([1], 2) }));
  const second = take(node);
  assert.deepEqual([indexesOf(first), indexesOf(second)], [[1, 2], [3]]);
  assert.deepEqual([first.seq, second.seq], [1, 2]);
  assert.equal(first.hardState?.term, 1);
  assert.equal(second.hardState, null);
  assert.equal(node.hasReady(), false);
});

test('a Ready that is durable covers those before it', () => {
  const node = nodeOf([1, 2, 3], { terms: [] });
  node.step(append(2, 1, 1, { entries: logOf([1]) }));
  take(node);
  node.step(append(2, 1, 1, { prevLogIndex: 1, prevLogTerm: 1, entries: logOf([1], 1) }));
  const { seq } = take(node);
  assert.equal(node.persistedIndex, 0);
  node.persisted(seq);
  assert.equal(node.persistedIndex, 2);
  node.persisted(seq);
  assert.equal(node.persistedIndex, 2);
});

test('entries that are replaced before they were handed out are never handed out', () => {
  const node = nodeOf([1, 2, 3], { terms: [1] });
  node.step(append(2, 1, 2, { prevLogIndex: 1, prevLogTerm: 1, entries: logOf([2, 2, 2], 1) }));
  node.step(append(3, 1, 3, { prevLogIndex: 1, prevLogTerm: 1, entries: logOf([3], 1) }));
  const ready = take(node);
  assert.deepEqual(ready.entries, logOf([3], 1));
  node.persisted(ready.seq);
  assert.equal(node.persistedIndex, 2);
});

test('entries that are replaced after they were handed out are handed out anew, from the first that differs', () => {
  const node = nodeOf([1, 2, 3], { terms: [1] });
  node.step(append(2, 1, 2, { prevLogIndex: 1, prevLogTerm: 1, entries: logOf([2, 2, 2], 1) }));
  const lost = take(node);
  node.step(append(3, 1, 3, { prevLogIndex: 2, prevLogTerm: 2, entries: logOf([3], 2) }));
  const ready = take(node);
  assert.deepEqual(indexesOf(ready), [3]);
  assert.equal(node.persistedIndex, 1);
  node.persisted(lost.seq);
  assert.ok(node.persistedIndex < 3, 'the third entry is not the one that was written');
  node.persisted(ready.seq);
  assert.equal(node.persistedIndex, 3);
});

test('what was durable and is replaced does not count as durable any more', () => {
  const node = nodeOf([1, 2, 3], { terms: [1, 1, 1] });
  assert.equal(node.persistedIndex, 3);
  node.step(append(2, 1, 2, { prevLogIndex: 1, prevLogTerm: 1, entries: logOf([2], 1) }));
  assert.equal(node.persistedIndex, 1);
});

test('§7 a snapshot and the entries behind it come in one Ready, with the commit index', () => {
  const node = nodeOf([1, 2, 3], { terms: [1, 1] });
  const snapshot = { index: 9, term: 2, stampMs: 70, confState: conf([1, 2, 3, 4]) };
  node.step(installSnapshot(2, 1, 3, snapshot));
  assert.equal(node.pendingSnapshotIndex, 9);
  node.step(
    append(2, 1, 3, { prevLogIndex: 9, prevLogTerm: 2, entries: logOf([3, 3], 9), leaderCommit: 10 }),
  );
  const ready = take(node);
  assert.deepEqual(ready.snapshot, snapshot);
  assert.deepEqual(indexesOf(ready), [10, 11]);
  assert.deepEqual(
    ready.committedEntries.map(({ index }) => index),
    [10],
  );
  assert.equal(ready.hardState?.commitIndex, 10);
  assert.equal(node.pendingSnapshotIndex, 0, 'it was handed out');
  assert.equal(node.persistedIndex, 0);
  node.persisted(ready.seq);
  assert.equal(node.persistedIndex, 11);
});

test('§7 what the state machine reports late, from before a snapshot, says nothing', () => {
  const node = nodeOf([1, 2, 3], { terms: [1, 1], commit: 2 });
  take(node);
  node.step(installSnapshot(2, 1, 3, { index: 9, term: 2, stampMs: 70, confState: conf([1, 2, 3]) }));
  node.applied(2);
  assert.equal(node.appliedIndex, 9);
  assert.throws(() => node.applied(10), /entry 10 is committed/);
});

test('only what promises something must be synced', () => {
  const node = single();
  node.propose(bytes('x'), 0);
  const entry = take(node);
  assert.equal(entry.mustSync, true);
  node.persisted(entry.seq);
  const commit = take(node);
  assert.equal(commit.hardState?.commitIndex, 2);
  assert.equal(commit.mustSync, false);
  const voter = nodeOf([1, 2, 3], { terms: [] });
  voter.step(requestVote(2, 1, 1));
  assert.equal(take(voter).mustSync, true);
});

test('committed entries come in pieces of bounded size, and nothing else is held up', () => {
  const node = single({ committedBytesMax: 10 });
  for (let i = 0; i < 5; i++) node.propose(bytes('1234'), 0);
  node.persisted(take(node).seq);
  const sizes: number[] = [];
  while (node.hasReady()) sizes.push(node.ready().committedEntries.length);
  assert.deepEqual(sizes, [2, 2, 1]);
});

test('the log in memory is cut only behind what was applied', () => {
  const node = single();
  for (let i = 0; i < 5; i++) node.propose(bytes('1234'), i);
  node.persisted(take(node).seq);
  take(node);
  node.applied(4);
  assert.throws(() => node.compact(5), /not applied/);
  node.compact(3);
  assert.deepEqual([node.firstIndex, node.lastIndex, node.termAt(3), node.logBytes], [4, 6, 1, 12]);
  node.compact(2);
  assert.equal(node.firstIndex, 4, 'cut already');
});
