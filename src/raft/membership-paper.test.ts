import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cluster } from './cluster-harness.ts';
import {
  append,
  appended,
  change,
  conf,
  heartbeat,
  installSnapshot,
  requestVote,
  vote,
} from './test-messages.ts';
import { testTuning } from './test-node.ts';
import { lead, ofType, soloOf } from './test-solo.ts';
import type { Solo } from './test-solo.ts';
import type { ConfState } from './types.ts';

const { electionTicks } = testTuning;
const three = [1, 2, 3];

const propose = (solo: Solo, ...steps: string[]): unknown =>
  solo.node.call((raw) => raw.proposeConfChange(change(...steps), 0));

/** A leader of term 1 that has committed its no-op. */
function leaderOf(voters: readonly number[] = three): Solo {
  const solo = soloOf(1, voters);
  lead(solo);
  for (const id of voters) if (id !== 1) solo.step(appended(id, 1, 1, 1));
  solo.take();
  return solo;
}

/** Has all others acknowledge everything. */
function acknowledge(solo: Solo, ...ids: number[]): void {
  for (const id of ids) solo.step(appended(id, 1, solo.raw.term, solo.raw.lastIndex));
}

test('§6 a configuration is in force as soon as it is in the log', () => {
  const solo = leaderOf();
  assert.equal(propose(solo, '+4'), 2);
  assert.deepEqual(solo.raw.confState(), conf([1, 2, 3, 4]));
  assert.equal(solo.raw.commitIndex, 1);
  acknowledge(solo, 2);
  assert.equal(solo.raw.commitIndex, 1, 'two of four are no majority');
  acknowledge(solo, 3);
  assert.equal(solo.raw.commitIndex, 2);
});

test('§6 a follower takes a configuration when it appends it, and drops it with its entry', () => {
  const cluster = new Cluster({ voters: three });
  cluster.elect(1);
  cluster.partition([1, 2], [3]);
  cluster.settle();
  cluster.cut(1, 2);
  cluster.changeMembers(1, '-3');
  assert.deepEqual(cluster.raw(1).confState(), conf([1, 2]));
  cluster.partition([1], [2, 3]);
  cluster.drop();
  cluster.tickUntil('a leader of the others', () => (cluster.leader()?.raw.term ?? 0) > 1);
  cluster.heal();
  cluster.tickUntil('agreement', () => cluster.isConverged());
  assert.deepEqual(cluster.raw(1).confState(), conf(three));
});

test('§4.1 one change at a time', () => {
  const solo = leaderOf();
  propose(solo, '+4');
  assert.equal(propose(solo, '+5'), 'conf-change-pending');
  acknowledge(solo, 2, 3);
  assert.equal(propose(solo, '+5'), 3);
});

test('a new leader takes no change before an entry of its own term is committed', () => {
  const solo = soloOf(1, three, { terms: [1], term: 1 });
  lead(solo);
  assert.equal(propose(solo, '+4'), 'conf-change-pending');
  solo.step(appended(2, 1, 2, 2));
  assert.equal(typeof propose(solo, '+4'), 'number');
});

test('two leaders that each change the membership by one cannot both commit', () => {
  // The flaw of the first published one-server change: each leader removes another server of four.
  const cluster = new Cluster({ voters: [1, 2, 3, 4] });
  cluster.elect(1);
  cluster.partition([1], [2, 3, 4]);
  cluster.changeMembers(1, '-4');
  cluster.settle();
  cluster.tickUntil('another leader', () => (cluster.leader()?.raw.term ?? 0) > 1);
  const second = cluster.leader()?.id ?? 0;
  const removed = second === 3 ? 2 : 3;
  cluster.changeMembers(second, `-${removed}`);
  cluster.settle();
  const change2 = cluster.raw(second).lastIndex;
  assert.equal(cluster.raw(second).commitIndex, change2);
  cluster.heal();
  cluster.tickUntil('agreement', () => cluster.isConverged());
  assert.ok(!cluster.raw(1).confState().voters.includes(removed));
  assert.ok(cluster.raw(1).confState().voters.includes(4));
});

const impossible: Record<string, string[]> = {
  'the removal of a stranger': ['-9'],
  'the removal of all voters': ['-1', '-2', '-3'],
  'leaving no joint configuration': [],
  'all voters as learners': ['~1', '~2', '~3'],
};
for (const [name, steps] of Object.entries(impossible)) {
  test(`an impossible change is refused: ${name}`, () => {
    const solo = leaderOf();
    assert.equal(propose(solo, ...steps), 'invalid');
    assert.equal(solo.raw.lastIndex, 1);
  });
}

test('a follower takes no change', () => {
  const solo = soloOf(1, three);
  assert.equal(propose(solo, '+4'), 'not-leader');
});

test('§4.3 a change of several voters goes through a joint configuration and leaves it', () => {
  const solo = leaderOf();
  assert.equal(propose(solo, '+4', '+5', '-3'), 2);
  const joint: ConfState = conf([1, 2, 4, 5], { votersOutgoing: three });
  assert.deepEqual(solo.raw.confState(), joint);
  acknowledge(solo, 2);
  assert.equal(solo.raw.commitIndex, 1, 'no majority of the new voters');
  solo.step(appended(4, 1, 1, 2));
  assert.equal(solo.raw.commitIndex, 2);
  assert.deepEqual(solo.raw.confState(), conf([1, 2, 4, 5]));
  assert.equal(solo.raw.lastIndex, 3, 'the leader left the joint configuration by itself');
  assert.deepEqual(solo.raw.confStateAt(2), joint);
  assert.deepEqual(solo.raw.confStateAt(1), conf(three));
});

test('§4.3 a joint configuration commits with majorities of both halves', () => {
  const solo = leaderOf();
  propose(solo, '+4', '+5', '-2', '-3');
  for (const id of [4, 5]) solo.step(appended(id, 1, 1, 2));
  assert.equal(solo.raw.commitIndex, 1, 'no majority of the old voters');
  solo.step(appended(2, 1, 1, 2));
  assert.equal(solo.raw.commitIndex, 2);
});

test('§4.3 a joint configuration elects with majorities of both halves', () => {
  const cluster = new Cluster({ voters: three });
  for (const id of [4, 5]) cluster.addServer(id);
  cluster.elect(1);
  cluster.changeMembers(1, '+4', '+5', '-2', '-3');
  // All hold the joint configuration, nobody committed it.
  cluster.settle((message) => message.type === 'AppendEntries');
  cluster.drop();
  cluster.crash(1);
  cluster.partition([4, 5], [2, 3]);
  cluster.tickAll(10 * electionTicks);
  assert.equal(cluster.leader(), null, 'the new voters alone elect nobody, the old alone neither');
  cluster.heal();
  cluster.tickUntil('a leader', () => cluster.leader() !== null);
});

test('§4.3 a new leader that finds a committed joint configuration leaves it', () => {
  const cluster = new Cluster({ voters: three });
  for (const id of [4, 5]) cluster.addServer(id);
  cluster.elect(1);
  cluster.changeMembers(1, '+4', '+5', '-3');
  cluster.settle((message) => cluster.raw(1).lastIndex < 3 || message.type !== 'AppendEntries');
  cluster.drop();
  cluster.crash(1);
  cluster.tickUntil('agreement', () => cluster.isConverged());
  assert.deepEqual(cluster.leader()?.raw.confState(), conf([1, 2, 4, 5]));
});

test('§4.2.2 a leader that removes itself leads until that is committed, and does not count itself', () => {
  const solo = leaderOf();
  assert.equal(propose(solo, '-1'), 2);
  assert.equal(solo.raw.role, 'leader');
  solo.step(appended(2, 1, 1, 2));
  assert.equal(solo.raw.commitIndex, 1, 'one of two');
  solo.step(appended(3, 1, 1, 2));
  assert.equal(solo.raw.commitIndex, 2);
});

test('§4.2.2 a leader that removed itself is followed by another, who knows the commit', () => {
  const cluster = new Cluster({ voters: three });
  cluster.elect(1);
  const index = cluster.changeMembers(1, '-1');
  cluster.settle();
  assert.equal(cluster.raw(1).role, 'follower');
  const ticks = cluster.tickUntil('a leader', () => cluster.leader() !== null);
  assert.ok(ticks <= 3 * electionTicks, `${ticks}`);
  for (const id of [2, 3]) assert.ok(cluster.raw(id).commitIndex >= index);
  cluster.tickUntil('agreement', () => cluster.isConverged());
  assert.deepEqual(cluster.leader()?.raw.confState(), conf([2, 3]));
});

test('§4.2.2 the leadership is handed over, so that nobody waits for a timeout', () => {
  const cluster = new Cluster({ voters: three });
  cluster.elect(1);
  cluster.changeMembers(1, '-1');
  cluster.settle();
  assert.notEqual(cluster.leader(), null);
});

test('§4.2.2 a leader that is made a learner steps down', () => {
  const cluster = new Cluster({ voters: three });
  cluster.elect(1);
  cluster.changeMembers(1, '~1');
  cluster.settle();
  cluster.tickUntil('agreement', () => cluster.isConverged());
  assert.equal(cluster.raw(1).role, 'follower');
  assert.deepEqual(cluster.leader()?.raw.confState(), conf([2, 3], { learners: [1] }));
  cluster.propose(cluster.leader()?.id ?? 0, 'x');
  cluster.tickUntil('agreement', () => cluster.isConverged());
  assert.deepEqual(cluster.node(1).appliedTexts, ['x']);
});

test('§4.2.2 a server that is not in its own configuration does not campaign', () => {
  const solo = soloOf(4, three);
  solo.tick(5 * electionTicks);
  assert.equal(solo.raw.role, 'follower');
  solo.node.call((raw) => raw.campaign());
  assert.equal(solo.raw.role, 'follower');
  assert.deepEqual(ofType(solo.take(), 'RequestVote'), []);
});

test('§4.2.2 a server that only an uncommitted change leaves out campaigns, because nobody else can win', () => {
  // Leader 2 of two makes itself a learner, and loses its leadership before server 1 hears of it.
  const cluster = new Cluster({ voters: [1, 2] });
  cluster.elect(2);
  cluster.isolate(2);
  cluster.changeMembers(2, '~2');
  cluster.propose(2, 'x');
  cluster.tickUntil('the end of the leadership', () => cluster.leader() === null);
  cluster.heal();
  cluster.tickUntil('agreement', () => cluster.isConverged());
  assert.deepEqual(cluster.leader()?.raw.confState(), conf([1], { learners: [2] }));
  assert.deepEqual(cluster.node(1).appliedTexts, ['x']);
});

test('§4.2.2 a server that a committed change leaves out does not campaign', () => {
  const solo = soloOf(3, three, { terms: [], term: 1 });
  solo.step(installSnapshot(1, 3, 1, { index: 4, term: 1, stampMs: 0, confState: conf([1, 2]) }));
  solo.tick(5 * electionTicks);
  assert.equal(solo.raw.role, 'follower');
  solo.node.call((raw) => raw.campaign());
  assert.equal(solo.raw.role, 'follower');
});

test('§6 a server accepts entries from a leader that it does not know', () => {
  const solo = soloOf(1, three);
  const [answer] = ofType(solo.step(append(9, 1, 1)), 'AppendEntriesResponse');
  assert.equal(answer?.success, true);
  assert.equal(solo.raw.leaderId, 9);
});

test('§6 a server votes for a candidate that it does not know', () => {
  const solo = soloOf(1, three);
  assert.deepEqual(solo.step(requestVote(9, 1, 1)), [vote(1, 9, 1)]);
});

test('§6 a server without configuration accepts entries, votes, and does not campaign', () => {
  const cluster = new Cluster({ voters: three });
  const node = cluster.addServer(4);
  cluster.tick(4, 5 * electionTicks);
  assert.equal(node.raw.role, 'follower');
  cluster.elect(1);
  cluster.changeMembers(1, '+4');
  cluster.tickUntil('agreement', () => cluster.isConverged());
  assert.deepEqual(node.raw.confState(), conf([1, 2, 3, 4]));
  cluster.crash(1);
  cluster.crash(2);
  cluster.tickAll(5 * electionTicks);
  assert.equal(cluster.leader(), null);
  cluster.restart(2);
  cluster.tickUntil('a leader with the vote of the new one', () => cluster.leader() !== null);
});

test('§6 a removed server gets nothing more', () => {
  const cluster = new Cluster({ voters: three });
  cluster.elect(1);
  cluster.changeMembers(1, '-3');
  cluster.settle();
  cluster.tickAll(3);
  const before = cluster.raw(3).lastIndex;
  cluster.propose(1, 'x');
  cluster.tickAll(5 * electionTicks);
  assert.ok(cluster.raw(3).lastIndex <= before);
  assert.equal(cluster.raw(1).role, 'leader');
  assert.equal(
    cluster
      .raw(1)
      .progress()
      .some(({ member }) => member === 3),
    false,
  );
});

test('§6 what a removed server says does not count', () => {
  const solo = leaderOf();
  propose(solo, '-3');
  acknowledge(solo, 2);
  const before = solo.raw.commitIndex;
  assert.equal(before, 2);
  propose(solo, '+4');
  solo.step(appended(3, 1, 1, 3));
  assert.equal(solo.raw.commitIndex, before);
});

test('a cluster shrinks to one and grows again', () => {
  const cluster = new Cluster({ voters: three });
  cluster.elect(1);
  for (const id of [3, 2]) {
    cluster.changeMembers(1, `-${id}`);
    cluster.settle();
  }
  assert.deepEqual(cluster.raw(1).confState(), conf([1]));
  cluster.propose(1, 'x');
  assert.deepEqual(cluster.node(1).appliedTexts, ['x']);
  for (const id of [2, 3]) {
    cluster.changeMembers(1, `+${id}`);
    cluster.tickUntil('agreement', () => cluster.isConverged());
  }
  assert.deepEqual(cluster.raw(3).confState(), conf(three));
  assert.deepEqual(cluster.node(3).appliedTexts, ['x']);
});

test('after a restart the configuration is that of the stored state and the log above it', () => {
  const cluster = new Cluster({ voters: three });
  for (const id of [4, 5]) cluster.addServer(id);
  cluster.elect(1);
  cluster.changeMembers(1, '+4');
  cluster.tickUntil('agreement', () => cluster.isConverged());
  cluster.node(1).flush();
  cluster.node(1).compact(2);
  cluster.changeMembers(1, '~5');
  cluster.tickUntil('agreement', () => cluster.isConverged());
  cluster.crash(1);
  cluster.restart(1);
  assert.deepEqual(cluster.raw(1).confState(), conf([1, 2, 3, 4], { learners: [5] }));
});

test('an entry of a configuration that was cut off leaves the log as it was on restart', () => {
  const solo = leaderOf();
  propose(solo, '+4');
  solo.node.crash();
  solo.node.start();
  assert.deepEqual(solo.raw.confState(), conf([1, 2, 3, 4]));
  solo.step(heartbeat(2, 1, 2));
  solo.step(
    append(2, 1, 2, {
      prevLogIndex: 1,
      prevLogTerm: 1,
      entries: [{ index: 2, term: 2, type: 'normal', stampMs: 0, data: new Uint8Array(0) }],
    }),
  );
  assert.deepEqual(solo.raw.confState(), conf(three));
});
