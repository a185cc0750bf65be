import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cluster } from './cluster-harness.ts';
import { append, heartbeat, heartbeatResponse, requestVote, vote } from './test-messages.ts';
import { testTuning } from './test-node.ts';
import { lead, ofType, soloOf } from './test-solo.ts';
import type { Solo } from './test-solo.ts';
import type { MemberId, Message } from './types.ts';
import { NO_MEMBER } from './types.ts';

const { electionTicks, heartbeatTicks } = testTuning;
const three = [1, 2, 3];

/** Member 1 as a candidate of term 1, whose own vote is durable. */
function candidateOf(voters: readonly MemberId[]): Solo {
  const solo = soloOf(1, voters);
  solo.node.call((raw) => raw.campaign());
  for (const member of voters) {
    if (solo.raw.role === 'pre-candidate') solo.step(vote(member, 1, 1, { preVote: true }));
  }
  assert.equal(solo.raw.role, 'candidate');
  return solo;
}

test('§5.2 servers start as followers without leader', () => {
  const { raw } = soloOf(1, three);
  assert.equal(raw.role, 'follower');
  assert.equal(raw.leaderId, NO_MEMBER);
  assert.equal(raw.term, 0);
});

const largerTerms: Record<string, Message> = {
  AppendEntries: append(2, 1, 7),
  Heartbeat: heartbeat(2, 1, 7),
  AppendEntriesResponse: {
    ...append(2, 1, 7),
    type: 'AppendEntriesResponse',
    success: false,
    index: 0,
    hintIndex: 0,
    hintTerm: 0,
  },
  HeartbeatResponse: heartbeatResponse(2, 1, 7),
  RequestVoteResponse: vote(2, 1, 7, { granted: false }),
};
for (const [type, message] of Object.entries(largerTerms)) {
  test(`§5.1 a candidate that sees a larger term in ${type} takes it and becomes follower`, () => {
    const solo = candidateOf(three);
    solo.step(message);
    assert.equal(solo.raw.role, 'follower');
    assert.equal(solo.raw.term, 7);
    assert.equal(solo.raw.votedFor, NO_MEMBER);
  });
  test(`§5.1 a leader that sees a larger term in ${type} takes it and becomes follower`, () => {
    const solo = soloOf(1, three);
    lead(solo);
    solo.step(message);
    assert.equal(solo.raw.role, 'follower');
    assert.equal(solo.raw.term, 7);
  });
}

test('§5.1 a follower takes a larger term from a candidate, and votes in it', () => {
  const solo = soloOf(1, three);
  const sent = solo.step(requestVote(2, 1, 4));
  assert.equal(solo.raw.term, 4);
  assert.equal(solo.raw.votedFor, 2);
  assert.deepEqual(sent, [vote(1, 2, 4)]);
});

test('§5.1 a stale AppendEntries changes nothing and is answered with the current term', () => {
  const solo = soloOf(1, three, { terms: [1, 2], term: 5 });
  const sent = solo.step(append(2, 1, 4, { prevLogIndex: 1, prevLogTerm: 1, leaderCommit: 2 }));
  assert.equal(solo.raw.leaderId, NO_MEMBER);
  assert.equal(solo.raw.lastIndex, 2);
  assert.equal(solo.raw.commitIndex, 0);
  assert.equal(sent.length, 1);
  assert.equal(sent[0]?.to, 2);
  assert.equal(sent[0]?.term, 5);
});

test('§5.1 a stale leader learns the larger term from the answer and steps down', () => {
  const cluster = new Cluster({ voters: three });
  cluster.elect(1);
  cluster.isolate(1);
  // The others miss the leader; they elect another.
  for (
    let i = 0;
    i < 10 * electionTicks && !cluster.nodes.some((n) => n.id !== 1 && n.raw.role === 'leader');
    i++
  ) {
    for (const id of [2, 3]) cluster.tick(id);
    cluster.settle();
  }
  assert.equal(cluster.raw(1).role, 'leader');
  cluster.heal();
  cluster.tick(1, heartbeatTicks);
  cluster.settle();
  assert.equal(cluster.raw(1).role, 'follower');
  assert.equal(cluster.raw(1).term, cluster.leader()?.raw.term);
});

test('§5.1 a stale vote request is refused with the current term', () => {
  const solo = soloOf(1, three, { terms: [], term: 5 });
  const sent = solo.step(requestVote(2, 1, 3));
  assert.deepEqual(sent, [vote(1, 2, 5, { granted: false })]);
  assert.equal(solo.raw.votedFor, NO_MEMBER);
});

test('§5.2 a leader sends heartbeats to all others, again and again', () => {
  const solo = soloOf(1, three);
  lead(solo);
  for (let round = 0; round < 3; round++) {
    const beats = ofType(solo.tick(heartbeatTicks), 'Heartbeat');
    assert.deepEqual(beats.map(({ to }) => to).sort(), [2, 3]);
    // Followers answer, so that the quorum check is content.
    for (const id of [2, 3]) solo.step(heartbeatResponse(id, 1, solo.raw.term));
  }
});

test('§5.2 a follower that hears nothing over an election timeout starts an election', () => {
  const solo = soloOf(1, three);
  assert.equal(ofType(solo.tick(electionTicks - 1), 'RequestVote').length, 0);
  const requests = ofType(
    solo.tickUntil((raw) => raw.role !== 'follower'),
    'RequestVote',
  );
  assert.deepEqual(requests.map(({ to }) => to).sort(), [2, 3]);
});

test('§5.2 heartbeats and appends of the leader keep a follower from campaigning', () => {
  const solo = soloOf(1, three);
  for (let i = 0; i < 5 * electionTicks; i++) {
    solo.step(i % 2 === 0 ? heartbeat(2, 1, 1) : append(2, 1, 1));
    solo.tick(electionTicks - 1);
    assert.equal(solo.raw.role, 'follower');
  }
});

test('§5.2 a granted vote restarts the election timer', () => {
  const solo = soloOf(1, three);
  solo.tick(electionTicks - 1);
  solo.step(requestVote(2, 1, 1));
  solo.tick(electionTicks - 1);
  assert.equal(solo.raw.role, 'follower');
});

test('§5.2 a candidate increments its term, votes for itself and asks all others at once', () => {
  const solo = soloOf(1, three, { terms: [1, 1, 2], term: 3 });
  solo.node.call((raw) => raw.campaign());
  solo.take();
  const requests = ofType(solo.step(vote(2, 1, 4, { preVote: true })), 'RequestVote');
  assert.equal(solo.raw.role, 'candidate');
  assert.equal(solo.raw.term, 4);
  assert.equal(solo.raw.votedFor, 1);
  const fields = { lastLogIndex: 3, lastLogTerm: 2 };
  const byReceiver = requests.sort((a, b) => a.to - b.to);
  assert.deepEqual(byReceiver, [requestVote(1, 2, 4, fields), requestVote(1, 3, 4, fields)]);
});

for (const size of [1, 2, 3, 4, 5, 7]) {
  test(`§5.2 of ${size} servers a candidate needs the votes of a majority`, () => {
    const voters = Array.from({ length: size }, (_, i) => i + 1);
    const needed = Math.floor(size / 2) + 1;
    if (size === 1) {
      const solo = soloOf(1, voters);
      solo.node.call((raw) => raw.campaign());
      assert.equal(solo.raw.role, 'leader');
      return;
    }
    const solo = candidateOf(voters);
    for (let votes = 2; votes <= needed; votes++) {
      assert.equal(solo.raw.role, 'candidate');
      solo.step(vote(votes, 1, 1));
    }
    assert.equal(solo.raw.role, 'leader');
  });
}

test('§5.2 refusals elect nobody', () => {
  const solo = candidateOf([1, 2, 3, 4, 5]);
  for (const id of [2, 3]) solo.step(vote(id, 1, 1, { granted: false }));
  solo.step(vote(4, 1, 1));
  assert.notEqual(solo.raw.role, 'leader');
});

test('§5.2 a vote that arrives twice counts once', () => {
  const solo = candidateOf([1, 2, 3, 4, 5]);
  for (let i = 0; i < 4; i++) solo.step(vote(2, 1, 1));
  assert.equal(solo.raw.role, 'candidate');
});

test('§5.2 votes of other terms and of servers that are no voters do not count', () => {
  const solo = candidateOf([1, 2, 3, 4, 5]);
  solo.step(vote(2, 1, 0), vote(3, 1, 0), vote(8, 1, 1), vote(9, 1, 1));
  assert.equal(solo.raw.role, 'candidate');
});

test('§5.2 pre-votes do not count as votes', () => {
  const solo = candidateOf([1, 2, 3, 4, 5]);
  for (const id of [2, 3, 4, 5]) solo.step(vote(id, 1, 1, { preVote: true }));
  assert.equal(solo.raw.role, 'candidate');
});

test('§5.2 a server votes once a term, for who comes first', () => {
  const solo = soloOf(1, three);
  assert.deepEqual(solo.step(requestVote(2, 1, 1)), [vote(1, 2, 1)]);
  assert.deepEqual(solo.step(requestVote(3, 1, 1)), [vote(1, 3, 1, { granted: false })]);
  assert.deepEqual(solo.step(requestVote(2, 1, 1)), [vote(1, 2, 1)], 'the same candidate may ask again');
  assert.deepEqual(solo.step(requestVote(3, 1, 2)), [vote(1, 3, 2)], 'a new term has a new vote');
});

test('§5.2 a vote outlasts a restart', () => {
  const solo = soloOf(1, three);
  solo.step(requestVote(2, 1, 1));
  solo.node.crash();
  solo.node.start();
  assert.deepEqual(solo.step(requestVote(3, 1, 1)), [vote(1, 3, 1, { granted: false })]);
});

test('§5.2 a candidate follows the leader of its own term, and ignores one of an older', () => {
  const solo = candidateOf(three);
  solo.step(heartbeat(3, 1, 0));
  assert.equal(solo.raw.role, 'candidate');
  solo.step(heartbeat(3, 1, 1));
  assert.equal(solo.raw.role, 'follower');
  assert.equal(solo.raw.leaderId, 3);
  assert.equal(solo.raw.votedFor, 1, 'its vote stays given');
});

test('§5.2 after a split vote a candidate starts over with a new term', () => {
  const solo = candidateOf(three);
  for (let i = 0; i < 4 * electionTicks && solo.raw.term === 1; i++) {
    for (const request of ofType(solo.tick(), 'RequestVote')) {
      if (request.preVote) solo.step(vote(request.to, 1, request.term, { preVote: true }));
    }
  }
  assert.equal(solo.raw.term, 2);
  assert.equal(solo.raw.role, 'candidate');
});

test('§5.2 two candidates that split the votes of four are followed by one leader', () => {
  const cluster = new Cluster({ voters: [1, 2, 3, 4] });
  cluster.partition([1, 3], [2, 4]);
  for (const id of [1, 2]) cluster.call(id, (raw) => raw.campaign());
  cluster.settle();
  cluster.heal();
  cluster.tickUntil('a leader', () => cluster.leader() !== null);
});

test('§5.2 election timeouts are spread over [timeout, 2 timeouts)', () => {
  const seen = new Set<number>();
  for (let seed = 1; seed <= 200; seed++) {
    const cluster = new Cluster({ voters: three, seed });
    let ticks = 0;
    while (cluster.raw(1).role === 'follower') {
      cluster.tick(1);
      ticks++;
    }
    seen.add(ticks);
  }
  assert.equal(seen.size, electionTicks);
  assert.ok(Math.min(...seen) >= electionTicks && Math.max(...seen) <= 2 * electionTicks, [...seen].join());
});

test('§5.2 the timeout is drawn anew for each election', () => {
  const solo = soloOf(1, three);
  const waits = new Set<number>();
  for (let election = 0; election < 20; election++) {
    solo.step(heartbeat(2, 1, solo.raw.term + 1));
    let ticks = 0;
    while (solo.raw.role === 'follower') {
      solo.tick();
      ticks++;
    }
    waits.add(ticks);
  }
  assert.ok(waits.size > 3, [...waits].join());
});

test('§5.6 a cluster without leader elects one by itself, and keeps it while messages arrive', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const cluster = new Cluster({ voters: [1, 2, 3, 4, 5], seed });
    cluster.tickUntil('a leader', () => cluster.leader() !== null);
    const { id, raw } = cluster.leader() ?? assert.fail();
    const { term } = raw;
    cluster.tickAll(5 * electionTicks);
    assert.equal(cluster.leader()?.id, id);
    assert.ok(cluster.nodes.every((node) => node.raw.term === term && node.raw.leaderId === id));
  }
});

test('§5.6 the loss of a leader is followed by the next', () => {
  const cluster = new Cluster({ voters: three });
  cluster.elect(1);
  cluster.crash(1);
  cluster.tickUntil('another leader', () => cluster.leader() !== null);
  assert.notEqual(cluster.leader()?.id, 1);
});
