import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cluster } from './cluster-harness.ts';
import { append, appended, heartbeat, heartbeatResponse, requestVote, vote } from './test-messages.ts';
import { testTuning } from './test-node.ts';
import { lead, ofType, soloOf } from './test-solo.ts';
import { NO_MEMBER } from './types.ts';

const { electionTicks } = testTuning;
const three = [1, 2, 3];
const preVote = { preVote: true };

test('thesis §9.6 an election starts with a pre-vote, which changes neither term nor vote', () => {
  const solo = soloOf(1, three, { terms: [2], term: 2 });
  const requests = ofType(
    solo.tickUntil((raw) => raw.role !== 'follower'),
    'RequestVote',
  );
  assert.equal(solo.raw.role, 'pre-candidate');
  assert.equal(solo.raw.term, 2);
  assert.equal(solo.raw.votedFor, NO_MEMBER);
  assert.deepEqual(
    requests.sort((a, b) => a.to - b.to),
    [2, 3].map((id) => requestVote(1, id, 3, { preVote: true, lastLogIndex: 1, lastLogTerm: 2 })),
  );
});

test('thesis §9.6 the term rises only after a majority would vote', () => {
  const solo = soloOf(1, [1, 2, 3, 4, 5]);
  solo.node.call((raw) => raw.campaign());
  solo.step(vote(2, 1, 1, preVote), vote(2, 1, 1, preVote));
  assert.equal(solo.raw.term, 0);
  solo.step(vote(3, 1, 1, preVote));
  assert.equal(solo.raw.role, 'candidate');
  assert.equal(solo.raw.term, 1);
});

test('thesis §9.6 a pre-vote binds nobody: several may get one, and term and vote stay', () => {
  const solo = soloOf(1, three, { terms: [1], term: 1 });
  const up = { preVote: true, lastLogIndex: 1, lastLogTerm: 1 };
  for (const id of [2, 3, 2]) {
    const [answer] = ofType(solo.step(requestVote(id, 1, 2, up)), 'RequestVoteResponse');
    assert.equal(answer?.granted, true);
    assert.equal(answer?.preVote, true);
  }
  assert.equal(solo.raw.term, 1);
  assert.equal(solo.raw.votedFor, NO_MEMBER);
});

test('thesis §9.6 no pre-vote for a log that is behind', () => {
  const solo = soloOf(1, three, { terms: [1, 2], term: 2 });
  for (const [lastLogIndex, lastLogTerm, granted] of [
    [9, 1, false],
    [1, 2, false],
    [2, 2, true],
    [1, 3, true],
  ] as const) {
    const [answer] = ofType(
      solo.step(requestVote(2, 1, 3, { preVote: true, lastLogIndex, lastLogTerm })),
      'RequestVoteResponse',
    );
    assert.equal(answer?.granted ?? false, granted, `${lastLogIndex}/${lastLogTerm}`);
  }
});

test('thesis §9.6 no pre-vote within an election timeout of hearing from a leader', () => {
  const solo = soloOf(1, three);
  solo.step(heartbeat(2, 1, 1));
  const ask = () => ofType(solo.step(requestVote(3, 1, 2, preVote)), 'RequestVoteResponse');
  assert.ok(!ask().some(({ granted }) => granted));
  solo.tick(electionTicks - 1);
  assert.ok(!ask().some(({ granted }) => granted));
  solo.tickUntil((raw) => raw.role !== 'follower');
  assert.ok(ask().some(({ granted }) => granted));
});

test('thesis §9.6 a leader gives no pre-vote', () => {
  const solo = soloOf(1, three);
  lead(solo);
  const up = { preVote: true, lastLogIndex: 9, lastLogTerm: 9 };
  assert.ok(
    !ofType(solo.step(requestVote(3, 1, 9, up)), 'RequestVoteResponse').some(({ granted }) => granted),
  );
  assert.equal(solo.raw.role, 'leader');
  assert.equal(solo.raw.term, 1);
});

test('thesis §9.6 a server that was cut off comes back without raising the term', () => {
  const cluster = new Cluster({ voters: three });
  cluster.elect(1);
  cluster.isolate(3);
  cluster.tickAll(20 * electionTicks);
  assert.equal(cluster.raw(3).term, 1);
  cluster.propose(1, 'x');
  cluster.heal();
  cluster.tickAll(3 * electionTicks);
  assert.equal(cluster.raw(1).role, 'leader');
  assert.equal(cluster.raw(1).term, 1);
  assert.equal(cluster.raw(3).leaderId, 1);
  assert.deepEqual(cluster.node(3).appliedTexts, ['x']);
});

test('thesis §4.2.3 a follower with a leader ignores votes of a larger term, and does not take the term', () => {
  const solo = soloOf(1, three);
  solo.step(append(2, 1, 1));
  const up = { lastLogIndex: 9, lastLogTerm: 5 };
  const sent = solo.step(requestVote(3, 1, 6, up));
  assert.ok(!ofType(sent, 'RequestVoteResponse').some(({ granted }) => granted));
  assert.equal(solo.raw.term, 1);
  assert.equal(solo.raw.leaderId, 2);
});

test('thesis §4.2.3 a leader with a quorum ignores votes of a larger term', () => {
  const solo = soloOf(1, three);
  lead(solo);
  solo.step(appended(2, 1, 1, 1));
  solo.step(requestVote(3, 1, 6, { lastLogIndex: 9, lastLogTerm: 5 }));
  assert.equal(solo.raw.role, 'leader');
  assert.equal(solo.raw.term, 1);
});

test('thesis §4.2.3 once the leader is silent for an election timeout, votes are given again', () => {
  const solo = soloOf(1, three);
  solo.step(heartbeat(2, 1, 1));
  solo.tickUntil((raw) => raw.role !== 'follower');
  assert.deepEqual(solo.step(requestVote(3, 1, 6)), [vote(1, 3, 6)]);
});

test('thesis §4.2.3 a removed server that hears nobody does not disturb the others', () => {
  const cluster = new Cluster({ voters: three });
  cluster.elect(1);
  cluster.isolate(3);
  cluster.changeMembers(1, '-3');
  cluster.settle();
  cluster.heal();
  cluster.drop();
  // Server 3 does not know that it was removed: nobody sends to it any more.
  cluster.tickAll(10 * electionTicks);
  assert.equal(cluster.raw(1).role, 'leader');
  assert.equal(cluster.raw(1).term, 1);
  assert.equal(cluster.raw(2).term, 1);
});

test('thesis §6.2 a leader that hears no quorum for an election timeout steps down', () => {
  const solo = soloOf(1, [1, 2, 3, 4, 5]);
  lead(solo);
  for (let i = 0; i < 4; i++) {
    solo.tick(electionTicks / 2);
    for (const id of [2, 3]) solo.step(heartbeatResponse(id, 1, 1));
    assert.equal(solo.raw.role, 'leader');
  }
  for (let i = 0; i < 5; i++) {
    solo.tick(electionTicks / 2);
    if (solo.raw.role === 'leader') solo.step(heartbeatResponse(2, 1, 1));
  }
  assert.equal(solo.raw.role, 'follower');
  assert.equal(solo.raw.term, 1);
});

test('thesis §6.2 a single voter needs to hear nobody', () => {
  const solo = soloOf(1, [1]);
  lead(solo);
  solo.tick(10 * electionTicks);
  assert.equal(solo.raw.role, 'leader');
});

test('a leader whose lost connection is known may be replaced at once', () => {
  const cluster = new Cluster({ voters: three });
  cluster.elect(1);
  cluster.crash(1);
  for (const id of [2, 3]) cluster.call(id, (raw) => raw.forgetLeader());
  cluster.settle();
  for (let ticks = 0; ticks < 3 && cluster.leader() === null; ticks++) cluster.tickAll();
  assert.notEqual(cluster.leader(), null);
});

test('a server that forgot its leader in error does not depose it while the others hear it', () => {
  const cluster = new Cluster({ voters: three });
  cluster.elect(1);
  cluster.call(2, (raw) => raw.forgetLeader());
  cluster.tickAll(5 * electionTicks);
  assert.equal(cluster.raw(1).role, 'leader');
  assert.equal(cluster.raw(1).term, 1);
  assert.equal(cluster.raw(2).leaderId, 1);
});

test('the longest log on a low term is elected although others sit on a higher one', () => {
  // Server 1 holds a committed entry; servers 2 and 3 went through elections that nobody won, or that
  // only raised their terms. Pre-vote and the quorum check must not keep them apart for ever.
  const cluster = new Cluster({
    voters: three,
    logs: {
      1: { terms: [1, 1, 1, 2], term: 2 },
      2: { terms: [1, 1, 1], term: 9 },
      3: { terms: [1], term: 5 },
    },
  });
  cluster.crash(2);
  cluster.tickUntil('a leader', () => cluster.leader() !== null, 12 * electionTicks);
  assert.equal(cluster.leader()?.id, 1);
});

test('a leader is found in bounded time when each of five servers sits on its own term', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const cluster = new Cluster({
      voters: [1, 2, 3, 4, 5],
      seed,
      logs: {
        1: { terms: [1, 3, 3, 3], term: 3 },
        2: { terms: [1], term: 12 },
        3: { terms: [1, 2], term: 8 },
        4: { terms: [], term: 20 },
        5: { terms: [1, 3], term: 4 },
      },
    });
    cluster.crash(5);
    const ticks = cluster.tickUntil('a leader', () => cluster.leader() !== null, 12 * electionTicks);
    assert.ok(ticks > 0);
    cluster.tickUntil('agreement', () => cluster.isConverged());
  }
});

test('a candidate with a larger term that was cut off in mid-election comes back', () => {
  const cluster = new Cluster({ voters: three });
  // Servers 2 and 3 have pre-voted for 1, then 1 is cut off as candidate of term 1.
  cluster.call(1, (raw) => raw.campaign());
  cluster.settle((message) => message.type !== 'RequestVote' || message.preVote);
  assert.equal(cluster.raw(1).role, 'candidate');
  cluster.drop();
  cluster.isolate(1);
  cluster.tick(1, 1);
  cluster.call(2, (raw) => raw.campaign());
  cluster.settle();
  assert.equal(cluster.raw(2).role, 'leader');
  cluster.propose(2, 'x');
  cluster.heal();
  cluster.tickUntil('agreement', () => cluster.isConverged());
  assert.deepEqual(cluster.node(1).appliedTexts, ['x']);
});

test('a follower on a larger term than its leader is taken in again', () => {
  // It took the term from a candidate that is gone, and the leader of the old term goes on.
  const cluster = new Cluster({ voters: three, logs: { 3: { terms: [], term: 7 } } });
  cluster.isolate(3);
  cluster.elect(1);
  cluster.propose(1, 'x');
  cluster.settle();
  cluster.heal();
  cluster.tickUntil('agreement', () => cluster.isConverged());
  assert.deepEqual(cluster.node(3).appliedTexts, ['x']);
});

test('a leader counts as heard for an election timeout, and one that leads hears itself', () => {
  const solo = soloOf(1, three, { terms: [1], term: 1 });
  assert.equal(solo.raw.hearsLeader, false);
  solo.step(heartbeat(2, 1, 1));
  assert.equal(solo.raw.hearsLeader, true);
  solo.tick(electionTicks - 1);
  assert.equal(solo.raw.hearsLeader, true);
  solo.tick(1);
  if (solo.raw.role === 'follower') assert.equal(solo.raw.leaderId, 2, 'it still follows it');
  assert.equal(solo.raw.hearsLeader, false);
  solo.step(heartbeat(2, 1, 1));
  assert.equal(solo.raw.hearsLeader, true);
  const leader = soloOf(1, three);
  lead(leader);
  assert.equal(leader.raw.hearsLeader, true);
});
