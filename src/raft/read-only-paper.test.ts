import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cluster } from './cluster-harness.ts';
import { appended, change, heartbeat, heartbeatResponse } from './test-messages.ts';
import { testTuning } from './test-node.ts';
import { lead, ofType, soloOf } from './test-solo.ts';
import type { Solo } from './test-solo.ts';

const { electionTicks, heartbeatTicks } = testTuning;
const three = [1, 2, 3];

/** A leader that has committed its no-op at index 1. */
function leaderOf(voters: readonly number[] = three): Solo {
  const solo = soloOf(1, voters);
  lead(solo);
  for (const id of voters) if (id !== 1) solo.step(appended(id, 1, 1, 1));
  solo.take();
  return solo;
}

/** Asks the leader for a read and returns the round that is to confirm it. */
function ask(solo: Solo, context: number): number | undefined {
  solo.node.call((raw) => raw.readIndex(context));
  return ofType(solo.take(), 'Heartbeat')[0]?.readRound;
}

const confirmed = (solo: Solo): number[] => solo.node.reads.map(({ context }) => context);

test('thesis §6.4 a leader confirms a read with one round of heartbeats to a quorum', () => {
  const solo = leaderOf([1, 2, 3, 4, 5]);
  const round = ask(solo, 7);
  assert.ok(round !== undefined && round > 0);
  solo.step(heartbeatResponse(2, 1, 1, round), heartbeatResponse(2, 1, 1, round));
  assert.deepEqual(solo.node.reads, []);
  solo.step(heartbeatResponse(3, 1, 1, round));
  assert.deepEqual(solo.node.reads, [{ context: 7, index: 1, stampMs: 0 }]);
});

test('thesis §6.4 answers to older heartbeats confirm nothing', () => {
  const solo = leaderOf();
  const first = ask(solo, 7) ?? 0;
  solo.step(heartbeatResponse(2, 1, 1, first));
  const second = ask(solo, 8) ?? 0;
  assert.ok(second > first);
  solo.step(heartbeatResponse(3, 1, 1, first), heartbeatResponse(3, 1, 1, 0));
  assert.deepEqual(confirmed(solo), [7]);
  solo.step(heartbeatResponse(3, 1, 1, second));
  assert.deepEqual(confirmed(solo), [7, 8]);
});

test('thesis §6.4 one round serves all reads that wait when it starts; later ones share the next', () => {
  const solo = leaderOf();
  const first = ask(solo, 1) ?? 0;
  assert.equal(ask(solo, 2), undefined, 'no second round while one is under way');
  assert.equal(ask(solo, 3), undefined);
  const sent = solo.step(heartbeatResponse(2, 1, 1, first));
  assert.deepEqual(confirmed(solo), [1]);
  const second = ofType(sent, 'Heartbeat')[0]?.readRound ?? 0;
  assert.ok(second > first);
  solo.step(heartbeatResponse(3, 1, 1, second));
  assert.deepEqual(confirmed(solo), [1, 2, 3]);
});

test('thesis §6.4 a round that was lost is sent again with the next heartbeats', () => {
  const solo = leaderOf();
  const round = ask(solo, 1);
  const beats = ofType(solo.tick(heartbeatTicks), 'Heartbeat');
  assert.ok(beats.every(({ readRound }) => readRound === round));
});

test('thesis §6.4 a new leader answers no read before it has committed an entry of its term', () => {
  const solo = soloOf(1, three, { terms: [1, 1], term: 1 });
  lead(solo);
  solo.node.call((raw) => raw.readIndex(7));
  for (let round = 0; round < 3; round++) {
    for (const beat of ofType(solo.tick(heartbeatTicks), 'Heartbeat')) {
      solo.step(heartbeatResponse(beat.to, 1, 2, beat.readRound));
    }
  }
  assert.deepEqual(solo.node.reads, []);
  const sent = solo.step(appended(2, 1, 2, 3));
  const round = ofType(sent, 'Heartbeat')[0]?.readRound ?? 0;
  solo.step(heartbeatResponse(2, 1, 2, round));
  assert.deepEqual(
    solo.node.reads,
    [{ context: 7, index: 3, stampMs: 0 }],
    'then all that was committed before',
  );
});

test('thesis §6.4 the index of a read is the commit index when it was asked, or later', () => {
  const cluster = new Cluster({ voters: three });
  cluster.elect(1);
  const index = cluster.propose(1, 'x');
  cluster.settle();
  cluster.read(1);
  cluster.settle();
  assert.equal(cluster.node(1).reads[0]?.index, index);
});

test('a read may ask for an index above the commit index', () => {
  const solo = leaderOf();
  solo.node.call((raw) => raw.propose(Buffer.from('x'), 0));
  solo.take();
  solo.node.call((raw) => raw.readIndex(7, { minIndex: 2 }));
  const round = ofType(solo.take(), 'Heartbeat')[0]?.readRound ?? 0;
  solo.step(heartbeatResponse(2, 1, 1, round));
  assert.equal(solo.node.reads[0]?.index, 2);
});

test('a read tells the log time that the leader gave it', () => {
  const solo = leaderOf();
  solo.node.call((raw) => raw.readIndex(7, { stampMs: 99 }));
  const round = ofType(solo.take(), 'Heartbeat')[0]?.readRound ?? 0;
  solo.step(heartbeatResponse(2, 1, 1, round));
  assert.equal(solo.node.reads[0]?.stampMs, 99);
});

test('thesis §6.4 a single voter confirms at once', () => {
  const solo = leaderOf([1]);
  solo.node.call((raw) => raw.readIndex(7));
  assert.deepEqual(confirmed(solo), [7]);
});

test('thesis §6.4 a follower asks the leader, and reads at the index that it gets', () => {
  const cluster = new Cluster({ voters: three });
  cluster.elect(1);
  const index = cluster.propose(1, 'x');
  cluster.settle();
  const context = cluster.read(2);
  assert.deepEqual(
    cluster.inFlight.map(({ type, to }) => [type, to]),
    [['ReadIndex', 1]],
  );
  cluster.settle();
  assert.ok(cluster.isConfirmed(2, context));
  assert.equal(cluster.node(2).reads[0]?.index, index);
});

test('a read on a server that knows no leader is refused', () => {
  const solo = soloOf(1, three);
  assert.equal(
    solo.node.call((raw) => raw.readIndex(7)),
    false,
  );
});

test('a read that reaches a server which does not lead any more is not answered', () => {
  const solo = soloOf(1, three);
  solo.step(heartbeat(2, 1, 1));
  const sent = solo.step({ type: 'ReadIndex', from: 3, to: 1, term: 1, context: 7 });
  assert.deepEqual(ofType(sent, 'ReadIndexResponse'), []);
});

test('thesis §6.4 a leader that was overtaken confirms no read', () => {
  const cluster = new Cluster({ voters: three });
  cluster.elect(1);
  cluster.isolate(1);
  cluster.tickUntil('another leader', () => (cluster.leader()?.raw.term ?? 0) > 1);
  cluster.propose(cluster.leader()?.id ?? 0, 'x');
  cluster.settle();
  const context = cluster.read(1);
  cluster.heal();
  cluster.tickAll(5 * electionTicks);
  assert.ok(!cluster.isConfirmed(1, context), 'its reads are dropped with its role');
});

test('reads that wait are dropped when a leader loses its role, and not confirmed in a later one', () => {
  const solo = leaderOf();
  const round = ask(solo, 7) ?? 0;
  solo.step(heartbeat(2, 1, 2));
  lead(solo);
  solo.step(appended(2, 1, solo.raw.term, solo.raw.lastIndex));
  solo.step(heartbeatResponse(2, 1, solo.raw.term, round), heartbeatResponse(3, 1, solo.raw.term, round + 1));
  assert.deepEqual(confirmed(solo), []);
});

test('thesis §4.3 in a joint configuration both majorities confirm', () => {
  const solo = leaderOf();
  solo.node.call((raw) => raw.proposeConfChange(change('+4', '+5', '-2', '-3'), 0));
  solo.take();
  const round = ask(solo, 7) ?? 0;
  for (const id of [4, 5]) solo.step(heartbeatResponse(id, 1, 1, round));
  assert.deepEqual(confirmed(solo), []);
  solo.step(heartbeatResponse(2, 1, 1, round));
  assert.deepEqual(confirmed(solo), [7]);
});

test('a voter that is removed while a read waits does not confirm it', () => {
  const solo = leaderOf([1, 2, 3, 4]);
  const round = ask(solo, 7) ?? 0;
  solo.step(heartbeatResponse(4, 1, 1, round));
  solo.node.call((raw) => raw.proposeConfChange(change('-4'), 0));
  assert.deepEqual(confirmed(solo), []);
  solo.step(heartbeatResponse(2, 1, 1, round));
  assert.deepEqual(confirmed(solo), [7]);
});

test('the reads that may wait are bounded', () => {
  const solo = leaderOf();
  let taken = 0;
  for (let context = 1; context <= 2_000_000; context++) {
    if (!solo.raw.readIndex(context)) break;
    taken++;
  }
  assert.ok(taken >= 1000 && taken < 2_000_000, `${taken}`);
});
