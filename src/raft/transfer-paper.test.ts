import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cluster } from './cluster-harness.ts';
import {
  append,
  appended,
  bytes,
  heartbeat,
  heartbeatResponse,
  requestVote,
  timeoutNow,
} from './test-messages.ts';
import { testTuning } from './test-node.ts';
import { lead, ofType, soloOf } from './test-solo.ts';
import type { Solo } from './test-solo.ts';
import { NO_MEMBER } from './types.ts';

const { electionTicks } = testTuning;
const three = [1, 2, 3];

/** A leader of term 1 whose no-op all hold. */
function leaderOf(): Solo {
  const solo = soloOf(1, three);
  lead(solo);
  for (const id of [2, 3]) solo.step(appended(id, 1, 1, 1));
  solo.take();
  return solo;
}

test('thesis §3.10 a transfer makes the target leader of the next term', () => {
  const cluster = new Cluster({ voters: three });
  cluster.elect(1);
  assert.equal(
    cluster.call(1, (raw) => raw.transferLeadership(3)),
    true,
  );
  cluster.settle();
  assert.equal(cluster.leader()?.id, 3);
  assert.equal(cluster.raw(3).term, 2);
  assert.equal(cluster.raw(1).role, 'follower');
});

test('thesis §3.10 a target that is up to date is told to start at once', () => {
  const solo = leaderOf();
  solo.node.call((raw) => raw.transferLeadership(2));
  assert.deepEqual(ofType(solo.take(), 'TimeoutNow'), [timeoutNow(1, 2, 1)]);
  assert.equal(solo.raw.transferee, 2);
});

test('thesis §3.10 a target that is behind is brought up to date first', () => {
  const solo = leaderOf();
  solo.node.call((raw) => raw.propose(bytes('x'), 0));
  solo.node.call((raw) => raw.transferLeadership(2));
  assert.deepEqual(ofType(solo.take(), 'TimeoutNow'), []);
  assert.deepEqual(ofType(solo.step(appended(3, 1, 1, 2)), 'TimeoutNow'), []);
  assert.equal(ofType(solo.step(appended(2, 1, 1, 2)), 'TimeoutNow').length, 1);
});

test('thesis §3.10 a leader that hands over takes no proposals', () => {
  const solo = leaderOf();
  solo.node.call((raw) => raw.transferLeadership(2));
  assert.equal(
    solo.node.call((raw) => raw.propose(bytes('x'), 0)),
    'transferring',
  );
  assert.equal(solo.raw.lastIndex, 1);
});

test('thesis §3.10 a transfer that does not come about is given up after an election timeout', () => {
  const solo = leaderOf();
  solo.node.call((raw) => raw.transferLeadership(2));
  for (let i = 0; i < electionTicks; i++) {
    assert.equal(solo.raw.transferee, 2, `tick ${i}`);
    solo.tick();
    solo.step(heartbeatResponse(3, 1, 1));
  }
  solo.tick();
  assert.equal(solo.raw.transferee, NO_MEMBER);
  assert.equal(typeof solo.node.call((raw) => raw.propose(bytes('x'), 0)), 'number');
});

test('thesis §3.10 the target campaigns without pre-vote, and its votes are not refused', () => {
  const solo = soloOf(2, three);
  solo.step(append(1, 2, 1));
  const requests = ofType(solo.step(timeoutNow(1, 2, 1)), 'RequestVote').sort((a, b) => a.to - b.to);
  assert.deepEqual(requests, [
    requestVote(2, 1, 2, { transfer: true }),
    requestVote(2, 3, 2, { transfer: true }),
  ]);

  const voter = soloOf(3, three);
  voter.step(heartbeat(1, 3, 1));
  const answers = ofType(voter.step(requestVote(2, 3, 2, { transfer: true })), 'RequestVoteResponse');
  assert.deepEqual(
    answers.map(({ granted }) => granted),
    [true],
  );
});

test('thesis §3.10 a transfer does not lift the rule of the up-to-date log', () => {
  const voter = soloOf(3, three, { terms: [1, 1], term: 1 });
  voter.step(heartbeat(1, 3, 1));
  const answers = ofType(
    voter.step(requestVote(2, 3, 2, { transfer: true, lastLogIndex: 1, lastLogTerm: 1 })),
    'RequestVoteResponse',
  );
  assert.ok(!answers.some(({ granted }) => granted));
});

test('thesis §3.10 a stale order to start is ignored', () => {
  const solo = soloOf(2, three);
  solo.step(append(1, 2, 3));
  solo.step(timeoutNow(3, 2, 2));
  assert.equal(solo.raw.role, 'follower');
  assert.equal(solo.raw.term, 3);
});

test('thesis §3.10 learners, strangers and the leader itself are no targets', () => {
  const cluster = new Cluster({ voters: three, learners: [4] });
  cluster.elect(1);
  for (const to of [4, 9]) {
    assert.equal(
      cluster.call(1, (raw) => raw.transferLeadership(to)),
      false,
    );
  }
  cluster.call(1, (raw) => raw.transferLeadership(1));
  cluster.settle();
  assert.equal(cluster.raw(1).role, 'leader');
  assert.equal(cluster.raw(1).transferee, NO_MEMBER);
  assert.equal(
    cluster.call(2, (raw) => raw.transferLeadership(2)),
    false,
    'only a leader hands over',
  );
});

test('thesis §3.10 another target takes the place of the first', () => {
  const cluster = new Cluster({ voters: three });
  cluster.elect(1);
  cluster.crash(2);
  cluster.call(1, (raw) => raw.transferLeadership(2));
  cluster.settle();
  cluster.call(1, (raw) => raw.transferLeadership(3));
  cluster.settle();
  assert.equal(cluster.leader()?.id, 3);
});

test('thesis §3.10 a target that is down costs the cluster no more than an election timeout', () => {
  const cluster = new Cluster({ voters: three });
  cluster.elect(1);
  cluster.crash(2);
  cluster.call(1, (raw) => raw.transferLeadership(2));
  cluster.tickAll(electionTicks + 1);
  assert.equal(cluster.raw(1).role, 'leader');
  cluster.propose(1, 'x');
  cluster.settle();
  assert.deepEqual(cluster.node(1).appliedTexts, ['x']);
});

test('thesis §3.10 entries in flight are not lost by a transfer', () => {
  const cluster = new Cluster({ voters: three });
  cluster.elect(1);
  for (let i = 0; i < 30; i++) cluster.propose(1, `x${i}`);
  cluster.call(1, (raw) => raw.transferLeadership(2));
  cluster.settle();
  assert.equal(cluster.leader()?.id, 2);
  cluster.tickUntil('agreement', () => cluster.isConverged());
  for (const id of three) assert.equal(cluster.node(id).appliedTexts.length, 30);
});

test('thesis §3.10 a target far behind is brought up to date with a snapshot', () => {
  const cluster = new Cluster({ voters: three });
  cluster.elect(1);
  cluster.crash(3);
  for (let i = 0; i < 20; i++) cluster.propose(1, `x${i}`);
  cluster.settle();
  cluster.node(1).flush();
  cluster.node(1).compact(15);
  cluster.restart(3);
  cluster.call(1, (raw) => raw.transferLeadership(3));
  cluster.tickAll(electionTicks - 1);
  cluster.tickUntil('agreement', () => cluster.isConverged());
  assert.equal(cluster.leader()?.id, 3);
});
