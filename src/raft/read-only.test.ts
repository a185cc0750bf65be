import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AskedReads, ReadOnly, WAITING_MAX } from './read-only.ts';
import type { PendingRead } from './read-only.ts';

const read = (context: number, minIndex = 0): PendingRead => ({
  context,
  from: 1,
  minIndex,
  stampMs: 0,
  index: 0,
});

const contextsOf = (reads: readonly PendingRead[]): number[] => reads.map(({ context }) => context);

test('§6.4 a read takes the commit index when it comes, or the index that it must include', () => {
  const reads = new ReadOnly();
  reads.add(read(1), true, 7);
  reads.add(read(2, 9), true, 8);
  reads.startRound(1);
  assert.deepEqual(
    reads.endRound().map(({ index }) => index),
    [7, 9],
  );
});

test('§8 a read that comes before the first commit of the term waits for it, and takes that index', () => {
  const reads = new ReadOnly();
  reads.add(read(1), false, 3);
  assert.equal(reads.roundDue, false);
  reads.commitKnown(6);
  assert.equal(reads.roundDue, true);
  reads.startRound(1);
  assert.equal(reads.endRound()[0]?.index, 6);
});

test('reads that come while a round is under way share the next one', () => {
  const reads = new ReadOnly();
  reads.add(read(1), true, 1);
  reads.add(read(2), true, 1);
  const round = reads.startRound(1);
  assert.equal(reads.roundDue, false);
  reads.add(read(3), true, 1);
  assert.equal(reads.roundDue, false, 'one round at a time');
  assert.deepEqual(contextsOf(reads.endRound()), [1, 2]);
  assert.equal(reads.roundDue, true);
  assert.equal(reads.startRound(1), round + 1);
  assert.deepEqual(contextsOf(reads.endRound()), [3]);
});

test('an answer counts for the round that it names, and nobody else answers for it', () => {
  const reads = new ReadOnly();
  reads.add(read(1), true, 1);
  const first = reads.startRound(1);
  reads.endRound();
  assert.equal(reads.acknowledge(2, first), false, 'it is over');
  reads.add(read(2), true, 1);
  const second = reads.startRound(1);
  assert.equal(reads.acknowledge(2, first), false, 'it was sent before the read came');
  assert.equal(reads.acknowledgedBy(2), undefined);
  assert.equal(reads.acknowledge(2, second), true);
  assert.equal(reads.acknowledgedBy(2), true);
  assert.equal(reads.acknowledgedBy(1), true, 'the leader itself');
  assert.equal(reads.acknowledgedBy(3), undefined);
});

test('with the leadership all reads end, and old answers fit no later round', () => {
  const reads = new ReadOnly();
  reads.add(read(1), false, 0);
  reads.add(read(2), true, 1);
  const round = reads.startRound(1);
  reads.add(read(3), true, 1);
  reads.reset();
  reads.commitKnown(9);
  assert.equal(reads.roundDue, false);
  assert.equal(reads.roundUnderWay, false);
  reads.add(read(4), true, 9);
  reads.startRound(1);
  assert.equal(reads.acknowledge(2, round), false);
  assert.deepEqual(contextsOf(reads.endRound()), [4]);
});

test('reads that wait are bounded', () => {
  const reads = new ReadOnly();
  for (let i = 0; i < WAITING_MAX; i++) assert.ok(reads.add(read(i), i % 2 === 0, 1));
  assert.equal(reads.add(read(WAITING_MAX), true, 1), false);
  assert.equal(reads.add(read(WAITING_MAX), false, 1), false);
  reads.startRound(1);
  assert.equal(reads.add(read(WAITING_MAX), true, 1), true);
});

test('an answer to a follower counts once, and what was asked first is given up first', () => {
  const asked = new AskedReads();
  asked.add(7);
  assert.equal(asked.take(7), true);
  assert.equal(asked.take(7), false);
  for (let context = 0; context <= WAITING_MAX; context++) asked.add(context);
  assert.equal(asked.take(0), false);
  assert.equal(asked.take(1), true);
  asked.clear();
  assert.equal(asked.take(2), false);
});
