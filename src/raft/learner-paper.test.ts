import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cluster } from './cluster-harness.ts';
import {
  appended,
  bytes,
  conf,
  heartbeatResponse,
  initialOf,
  requestVote,
  timeoutNow,
  vote,
} from './test-messages.ts';
import { testTuning } from './test-node.ts';
import { Solo, lead, ofType } from './test-solo.ts';

const { electionTicks } = testTuning;
const three = [1, 2, 3];

const withLearner = (id: number): Solo => new Solo(id, initialOf(three, { terms: [] }, [4]));

test('thesis §4.2.1 a learner gets the log', () => {
  const cluster = new Cluster({ voters: three, learners: [4] });
  cluster.elect(1);
  cluster.propose(1, 'x');
  cluster.tickUntil('agreement', () => cluster.isConverged());
  assert.deepEqual(cluster.node(4).appliedTexts, ['x']);
});

test('thesis §4.2.1 the acknowledgement of a learner commits nothing', () => {
  const solo = withLearner(1);
  lead(solo);
  solo.step(appended(4, 1, 1, 1));
  assert.equal(solo.raw.commitIndex, 0);
  solo.step(appended(2, 1, 1, 1));
  assert.equal(solo.raw.commitIndex, 1);
});

test('thesis §4.2.1 a learner does not campaign, neither by time nor by order', () => {
  const solo = withLearner(4);
  solo.tick(5 * electionTicks);
  solo.step(timeoutNow(1, 4, 0));
  solo.node.call((raw) => raw.campaign());
  assert.equal(solo.raw.role, 'follower');
  assert.deepEqual(ofType(solo.take(), 'RequestVote'), []);
});

test('thesis §4.2.1 the vote of a learner elects nobody', () => {
  const solo = withLearner(1);
  solo.node.call((raw) => raw.campaign());
  solo.step(vote(4, 1, 1, { preVote: true }));
  assert.equal(solo.raw.role, 'pre-candidate');
  solo.step(vote(2, 1, 1, { preVote: true }));
  solo.step(vote(4, 1, 1));
  assert.equal(solo.raw.role, 'candidate');
});

test('thesis §4.2.1 a learner that is asked for a vote may know less than the candidate, and gives it', () => {
  // It may be a voter already, without having the entry that says so.
  const solo = withLearner(4);
  assert.deepEqual(solo.step(requestVote(1, 4, 1)), [vote(4, 1, 1)]);
});

test('thesis §4.2.1 a candidate asks no learner', () => {
  const solo = withLearner(1);
  solo.node.call((raw) => raw.campaign());
  assert.deepEqual(
    ofType(solo.take(), 'RequestVote')
      .map(({ to }) => to)
      .sort(),
    [2, 3],
  );
});

test('thesis §4.2.1 a leader that hears only learners steps down', () => {
  const solo = withLearner(1);
  lead(solo);
  for (let i = 0; i < 3 * electionTicks && solo.raw.role === 'leader'; i++) {
    solo.tick();
    solo.step(heartbeatResponse(4, 1, 1));
  }
  assert.equal(solo.raw.role, 'follower');
});

test('thesis §6.4 a learner confirms no read', () => {
  const solo = withLearner(1);
  lead(solo);
  solo.step(appended(2, 1, 1, 1));
  solo.take();
  solo.node.call((raw) => raw.readIndex(7));
  const rounds = ofType(solo.take(), 'Heartbeat').map(({ readRound }) => readRound);
  assert.ok(rounds.length > 0);
  solo.step(heartbeatResponse(4, 1, 1, rounds[0]));
  assert.deepEqual(solo.node.reads, []);
  solo.step(heartbeatResponse(2, 1, 1, rounds[0]));
  assert.equal(solo.node.reads.length, 1);
});

test('thesis §4.2.1 a new server catches up as learner and is then made a voter', () => {
  const cluster = new Cluster({ voters: three });
  cluster.addServer(4);
  cluster.elect(1);
  for (let i = 0; i < 40; i++) cluster.propose(1, `x${i}`);
  cluster.changeMembers(1, '~4');
  cluster.tickUntil('agreement', () => cluster.isConverged());
  assert.equal(cluster.node(4).appliedTexts.length, 40);
  cluster.changeMembers(1, '+4');
  cluster.tickUntil('agreement', () => cluster.isConverged());
  assert.deepEqual(cluster.raw(4).confState(), conf([1, 2, 3, 4]));
});

test('thesis §4.2.1 learners need no majority: a cluster goes on while all are down', () => {
  const cluster = new Cluster({ voters: three, learners: [4, 5, 6, 7] });
  for (const id of [4, 5, 6, 7]) cluster.crash(id);
  cluster.elect(1);
  cluster.propose(1, 'x');
  cluster.settle();
  assert.deepEqual(cluster.node(1).appliedTexts, ['x']);
});

test('a voter of a joint configuration becomes a learner when it is left', () => {
  const cluster = new Cluster({ voters: three });
  cluster.addServer(4);
  cluster.elect(1);
  cluster.call(1, (raw) => raw.propose(bytes('x'), 0));
  cluster.settle();
  const index = cluster.changeMembers(1, '+4', '~3');
  assert.deepEqual(
    cluster.raw(1).confStateAt(index),
    conf([1, 2, 4], { votersOutgoing: three, learnersNext: [3] }),
  );
  cluster.tickUntil('agreement', () => cluster.isConverged());
  assert.deepEqual(cluster.raw(3).confState(), conf([1, 2, 4], { learners: [3] }));
});

test('several learners are changed in one entry', () => {
  const cluster = new Cluster({ voters: three });
  for (const id of [4, 5]) cluster.addServer(id);
  cluster.elect(1);
  cluster.changeMembers(1, '~4', '~5');
  assert.deepEqual(cluster.raw(1).confState(), conf(three, { learners: [4, 5] }));
  cluster.tickUntil('agreement', () => cluster.isConverged());
  cluster.changeMembers(1, '-4', '-5');
  assert.deepEqual(cluster.raw(1).confState(), conf(three));
});
