import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cluster } from './cluster-harness.ts';
import { appended, requestVote } from './test-messages.ts';
import { lead, ofType, soloOf } from './test-solo.ts';

const three = [1, 2, 3];
const five = [1, 2, 3, 4, 5];

test('§5.4.1 a vote goes only to a log that is at least as up-to-date', () => {
  for (const [lastLogTerm, lastLogIndex, granted] of [
    [2, 3, true],
    [2, 4, true],
    [2, 2, false],
    [3, 1, true],
    [1, 9, false],
    [0, 0, false],
  ] as const) {
    const solo = soloOf(1, three, { terms: [1, 2, 2], term: 2 });
    const sent = solo.step(requestVote(2, 1, 5, { lastLogIndex, lastLogTerm }));
    const [answer] = ofType(sent, 'RequestVoteResponse');
    assert.equal(answer?.granted, granted, `${lastLogIndex}/${lastLogTerm}`);
    assert.equal(solo.raw.term, 5, 'the term is taken either way');
    assert.equal(solo.raw.votedFor, granted ? 2 : -1);
  }
});

test('§5.4.1 a refused candidate does not use the vote up', () => {
  const solo = soloOf(1, three, { terms: [1, 2], term: 2 });
  solo.step(requestVote(2, 1, 5, { lastLogIndex: 1, lastLogTerm: 1 }));
  const [answer] = ofType(
    solo.step(requestVote(3, 1, 5, { lastLogIndex: 2, lastLogTerm: 2 })),
    'RequestVoteResponse',
  );
  assert.equal(answer?.granted, true);
});

test('§5.4.1 a server that misses committed entries is not elected', () => {
  const cluster = new Cluster({ voters: three });
  cluster.elect(1);
  cluster.isolate(3);
  cluster.propose(1, 'x');
  cluster.settle();
  cluster.heal();
  cluster.crash(1);
  cluster.drop();
  for (let i = 0; i < 5; i++) {
    cluster.call(3, (raw) => raw.campaign());
    cluster.settle();
    assert.notEqual(cluster.raw(3).role, 'leader');
    cluster.tick(2, 2);
  }
  cluster.tickUntil('a leader', () => cluster.leader() !== null);
  assert.equal(cluster.leader()?.id, 2);
});

test('§5.4.2 a leader commits only entries of its own term by counting', () => {
  const solo = soloOf(1, three, { terms: [1, 2, 2], term: 2 });
  lead(solo);
  assert.equal(solo.raw.lastIndex, 4);
  for (const index of [1, 2, 3]) {
    for (const id of [2, 3]) solo.step(appended(id, 1, 3, index));
    assert.equal(solo.raw.commitIndex, 0, `entry ${index} is of term 2`);
  }
  solo.step(appended(2, 1, 3, 4));
  assert.equal(solo.raw.commitIndex, 4);
});

test('§5.4.2 figure 8: an entry of an old term may be lost although a majority holds it', () => {
  // (a), (b) Server 1 led term 2 and brought its entry to 2; server 5 led term 3 and has another in its place.
  const cluster = new Cluster({
    voters: five,
    logs: {
      1: { terms: [1, 2], term: 3 },
      2: { terms: [1, 2], term: 3 },
      3: { terms: [1], term: 3 },
      4: { terms: [1], term: 3 },
      5: { terms: [1, 3], term: 3 },
    },
    tuning: { appendEntriesMax: 1 },
  });
  // (c) Server 1 leads term 4, and its old entry, alone, comes to 3.
  cluster.isolate(5);
  cluster.call(1, (raw) => raw.campaign());
  cluster.settle(({ type }) => type === 'RequestVote' || type === 'RequestVoteResponse');
  assert.equal(cluster.raw(1).role, 'leader');
  cluster.drop((message) => message.to !== 3);
  cluster.settle(
    (message) =>
      message.type !== 'AppendEntries' || message.entries[0]?.term !== 4 || message.prevLogIndex === 2,
  );
  cluster.drop();
  // What server 2 holds, it may acknowledge.
  cluster.deliver(appended(2, 1, 4, 2));
  cluster.drop();
  assert.deepEqual(
    [1, 2, 3].map((id) => cluster.raw(id).termAt(2)),
    [2, 2, 2],
  );
  assert.equal(cluster.raw(1).commitIndex, 0);
  // (d) Server 1 crashes, 5 leads term 5 and replaces the entry everywhere.
  cluster.crash(1);
  cluster.heal();
  for (const id of [2, 3, 4]) cluster.call(id, (raw) => raw.forgetLeader());
  cluster.call(5, (raw) => raw.campaign());
  cluster.settle();
  cluster.elect(5);
  cluster.restart(1);
  cluster.tickUntil('agreement', () => cluster.isConverged());
  for (const id of five) assert.equal(cluster.raw(id).termAt(2), 3);
});

test('§5.4.2 figure 8 (e): once an entry of its own term is on a majority, the older ones are safe', () => {
  const cluster = new Cluster({
    voters: five,
    logs: {
      1: { terms: [1, 2], term: 3 },
      2: { terms: [1, 2], term: 3 },
      3: { terms: [1], term: 3 },
      4: { terms: [1], term: 3 },
      5: { terms: [1, 3], term: 3 },
    },
  });
  cluster.partition([1, 2, 3], [4], [5]);
  cluster.elect(1);
  assert.equal(cluster.raw(1).commitIndex, 3);
  cluster.crash(1);
  cluster.heal();
  for (let i = 0; i < 4; i++) {
    cluster.call(5, (raw) => raw.campaign());
    cluster.settle();
    assert.notEqual(cluster.raw(5).role, 'leader');
    cluster.tickAll(1);
  }
  cluster.tickUntil('agreement', () => cluster.isConverged());
  assert.equal(cluster.raw(5).termAt(2), 2);
});

test('§5.4.3 all servers apply the same entries in the same order over changes of the leader', () => {
  const cluster = new Cluster({ voters: five });
  for (const leader of [1, 2, 3, 4, 5]) {
    cluster.tickUntil('agreement', () => cluster.leader() === null || cluster.isConverged());
    if (cluster.leader() !== null) {
      cluster.call(cluster.leader()?.id ?? 0, (raw) => raw.transferLeadership(leader));
      cluster.settle();
    } else {
      cluster.elect(leader);
    }
    assert.equal(cluster.leader()?.id, leader);
    for (let i = 0; i < 3; i++) cluster.propose(leader, `${leader}.${i}`);
    cluster.settle();
  }
  cluster.tickUntil('agreement', () => cluster.isConverged());
  const expected = five.flatMap((leader) => [0, 1, 2].map((i) => `${leader}.${i}`));
  for (const id of five) assert.deepEqual(cluster.node(id).appliedTexts, expected);
});

test('§5.4.3 entries that a cut-off leader took are lost without having been applied', () => {
  const cluster = new Cluster({ voters: five });
  cluster.elect(1);
  cluster.propose(1, 'kept');
  cluster.settle();
  cluster.partition([1, 2], [3, 4, 5]);
  for (let i = 0; i < 5; i++) cluster.propose(1, 'lost');
  cluster.settle();
  cluster.tickUntil('a leader of the majority', () => (cluster.leader()?.raw.term ?? 0) > 1);
  cluster.propose(cluster.leader()?.id ?? 0, 'taken');
  cluster.settle();
  cluster.heal();
  cluster.tickUntil('agreement', () => cluster.isConverged());
  for (const id of five) assert.deepEqual(cluster.node(id).appliedTexts, ['kept', 'taken']);
});

test('a minority commits nothing, and a leader cut off with it confirms no read', () => {
  const cluster = new Cluster({ voters: five });
  cluster.elect(1);
  const committed = cluster.raw(1).commitIndex;
  cluster.partition([1, 2], [3, 4, 5]);
  cluster.propose(1, 'x');
  const context = cluster.read(1);
  cluster.settle();
  for (let i = 0; i < 30; i++) {
    for (const id of [1, 2]) cluster.tick(id);
    cluster.settle();
  }
  assert.equal(cluster.raw(1).commitIndex, committed);
  assert.equal(cluster.isConfirmed(1, context), false);
});

test('a member that is asked for a nonexistent term does not answer for its log', () => {
  const solo = soloOf(1, three, { terms: [1, 1], term: 1 });
  assert.equal(solo.raw.termAt(0), 0);
  assert.equal(solo.raw.termAt(2), 1);
  assert.equal(solo.raw.termAt(3), undefined);
});
