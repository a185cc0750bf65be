import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cluster } from './cluster-harness.ts';
import { append, appended, bytes, entry, heartbeat, logOf } from './test-messages.ts';
import { testTuning } from './test-node.ts';
import { lead, ofType, soloOf } from './test-solo.ts';
import type { Solo } from './test-solo.ts';

const { heartbeatTicks } = testTuning;
const three = [1, 2, 3];

const propose = (solo: Solo, text: string): void =>
  void assert.equal(typeof solo.node.call((raw) => raw.propose(bytes(text), 0)), 'number');

/** A leader of term 1 whose no-op has index 1 and is known by all. */
function leaderOf(voters: readonly number[] = three): Solo {
  const solo = soloOf(1, voters);
  lead(solo);
  for (const id of voters) if (id !== 1) solo.step(appended(id, 1, 1, 1));
  solo.take();
  return solo;
}

test('§8 a leader starts its term with a no-op', () => {
  const solo = soloOf(1, three, { terms: [1, 1], term: 1 });
  lead(solo);
  assert.equal(solo.raw.lastIndex, 3);
  assert.equal(solo.raw.lastTerm, 2);
  const [noop] = solo.raw.entries(3, 4);
  assert.equal(noop?.data.length, 0);
  assert.equal(noop?.type, 'normal');
});

test('§8 the no-op goes to all others at once', () => {
  const solo = soloOf(1, three);
  solo.node.call((raw) => raw.campaign());
  solo.step({ type: 'RequestVoteResponse', from: 2, to: 1, term: 1, preVote: true, granted: true });
  const sent = solo.step({
    type: 'RequestVoteResponse',
    from: 2,
    to: 1,
    term: 1,
    preVote: false,
    granted: true,
  });
  const appends = ofType(sent, 'AppendEntries');
  assert.deepEqual(appends.map(({ to }) => to).sort(), [2, 3]);
  assert.ok(appends.every(({ entries }) => entries.length === 1 && entries[0]?.term === 1));
});

test('§5.3 a leader appends a command to its log and sends it to all others in parallel', () => {
  const solo = leaderOf();
  propose(solo, 'x');
  const appends = ofType(solo.take(), 'AppendEntries').sort((a, b) => a.to - b.to);
  assert.deepEqual(
    appends.map(({ to }) => to),
    [2, 3],
  );
  for (const { prevLogIndex, prevLogTerm, entries } of appends) {
    assert.deepEqual([prevLogIndex, prevLogTerm], [1, 1]);
    assert.deepEqual(entries, [entry(2, 1, 'x')]);
  }
  assert.equal(solo.raw.commitIndex, 1);
});

for (const size of [1, 2, 3, 4, 5]) {
  test(`§5.3 of ${size} servers a majority commits an entry`, () => {
    const solo = leaderOf(Array.from({ length: size }, (_, i) => i + 1));
    propose(solo, 'x');
    for (let id = 2; id <= Math.floor(size / 2) + 1; id++) {
      assert.equal(solo.raw.commitIndex, 1);
      solo.step(appended(id, 1, 1, 2));
    }
    assert.equal(solo.raw.commitIndex, 2);
    assert.deepEqual(solo.node.appliedTexts, ['x']);
  });
}

test('§5.3 acknowledgements of one follower count once', () => {
  const solo = leaderOf([1, 2, 3, 4, 5]);
  propose(solo, 'x');
  for (let i = 0; i < 3; i++) solo.step(appended(2, 1, 1, 2));
  assert.equal(solo.raw.commitIndex, 1);
});

test('§5.3 a stale acknowledgement does not lower what a follower is known to hold', () => {
  const solo = leaderOf();
  for (const text of ['x', 'y']) propose(solo, text);
  solo.step(appended(2, 1, 1, 3), appended(2, 1, 1, 1), appended(2, 1, 1, 2));
  assert.equal(solo.raw.commitIndex, 3);
  assert.equal(solo.raw.progress().find(({ member }) => member === 2)?.matchIndex, 3);
});

test('§5.3 a commit of the leader commits all entries before, those of earlier leaders too', () => {
  const solo = soloOf(1, three, { terms: [1, 1, 2], term: 2 });
  lead(solo);
  solo.step(appended(2, 1, 3, 4));
  assert.equal(solo.raw.commitIndex, 4);
  assert.deepEqual(solo.node.appliedTexts, ['1.1', '2.1', '3.2']);
});

test('§5.3 followers learn a commit with the next append or heartbeat, and apply in log order', () => {
  const cluster = new Cluster({ voters: three });
  cluster.elect(1);
  for (const text of ['a', 'b', 'c']) cluster.propose(1, text);
  cluster.settle();
  assert.deepEqual(cluster.node(1).appliedTexts, ['a', 'b', 'c']);
  for (let i = 0; i < heartbeatTicks; i++) cluster.tick(1);
  cluster.settle();
  for (const id of [2, 3]) assert.deepEqual(cluster.node(id).appliedTexts, ['a', 'b', 'c']);
});

test('§5.3 a commit can be told to a follower at once', () => {
  const cluster = new Cluster({ voters: three });
  cluster.elect(1);
  const index = cluster.propose(1, 'x');
  cluster.settle();
  assert.equal(cluster.raw(1).commitIndex, index);
  cluster.call(1, (raw) => raw.sendCommit(2));
  cluster.settle();
  assert.equal(cluster.raw(2).commitIndex, index);
  cluster.call(1, (raw) => raw.sendCommit(2));
  assert.equal(cluster.inFlight.length, 0, 'and is told once');
});

test('§5.3 a follower takes the smaller of leader commit and last new entry', () => {
  for (const [leaderCommit, entries, expected] of [
    [1, [], 1],
    [2, [], 1],
    [2, [entry(2, 2)], 2],
    [9, [entry(2, 2)], 2],
    [1, [entry(2, 2)], 1],
  ] as const) {
    const solo = soloOf(1, three, { terms: [1, 1, 1], term: 1 });
    solo.step(append(2, 1, 2, { prevLogIndex: 1, prevLogTerm: 1, entries, leaderCommit }));
    assert.equal(solo.raw.commitIndex, expected, `${leaderCommit} ${entries.length}`);
  }
});

test('§5.3 a commit index never falls', () => {
  const solo = soloOf(1, three, { terms: [1, 1, 1], term: 1 });
  solo.step(append(2, 1, 1, { prevLogIndex: 3, prevLogTerm: 1, leaderCommit: 3 }));
  solo.step(append(2, 1, 1, { prevLogIndex: 1, prevLogTerm: 1, leaderCommit: 1 }), heartbeat(2, 1, 1));
  assert.equal(solo.raw.commitIndex, 3);
});

test('§5.3 a heartbeat never tells a follower a commit index past what it is known to hold', () => {
  const solo = soloOf(1, three, { terms: [1, 1, 1], term: 1 });
  lead(solo);
  solo.step(appended(2, 1, 2, 4));
  const beats = ofType(solo.tick(heartbeatTicks), 'Heartbeat');
  assert.equal(beats.find(({ to }) => to === 2)?.leaderCommit, 4);
  assert.equal(beats.find(({ to }) => to === 3)?.leaderCommit, 0);
});

test('§5.3 a follower refuses entries whose predecessor it does not have', () => {
  for (const [prevLogIndex, prevLogTerm, isTaken] of [
    [0, 0, true],
    [1, 1, true],
    [2, 2, true],
    [3, 2, false],
    [2, 1, false],
    [1, 2, false],
    [9, 9, false],
  ] as const) {
    const solo = soloOf(1, three, { terms: [1, 2], term: 2 });
    const sent = solo.step(append(2, 1, 3, { prevLogIndex, prevLogTerm }));
    const [answer] = ofType(sent, 'AppendEntriesResponse');
    assert.equal(answer?.success, isTaken, `${prevLogIndex}/${prevLogTerm}`);
    assert.equal(answer?.index, prevLogIndex);
    assert.equal(solo.raw.lastIndex, 2, 'nothing is removed');
  }
});

test('§5.3 an entry that conflicts is replaced, with all that follow', () => {
  const solo = soloOf(1, three, { terms: [1, 1, 2, 2], term: 2 });
  const sent = solo.step(append(2, 1, 3, { prevLogIndex: 2, prevLogTerm: 1, entries: [entry(3, 3)] }));
  assert.deepEqual(solo.raw.entries(1, 4), [entry(1, 1), entry(2, 1), entry(3, 3)]);
  assert.equal(solo.raw.lastIndex, 3);
  assert.deepEqual(sent, [appended(1, 2, 3, 3)]);
});

test('§5.3 entries that match are kept, also when a message holds fewer: it may be late', () => {
  const solo = soloOf(1, three, { terms: [1, 1, 1, 1], term: 1 });
  const late = append(2, 1, 1, { prevLogIndex: 1, prevLogTerm: 1, entries: [entry(2, 1)] });
  assert.deepEqual(solo.step(late), [appended(1, 2, 1, 2)], 'acknowledged up to its own last entry');
  assert.deepEqual(solo.step(append(2, 1, 1)), [appended(1, 2, 1, 0)]);
  assert.equal(solo.raw.lastIndex, 4);
});

test('§5.3 a message that partly overlaps adds only what is new', () => {
  const solo = soloOf(1, three, { terms: [1, 1], term: 1 });
  solo.step(append(2, 1, 1, { prevLogIndex: 1, prevLogTerm: 1, entries: [entry(2, 1), entry(3, 1)] }));
  assert.deepEqual(solo.raw.entries(1, 4), logOf([1, 1, 1]));
});

test('§5.5 messages that arrive twice or in another order do no harm', () => {
  const cluster = new Cluster({ voters: three });
  cluster.elect(1);
  for (const text of ['a', 'b', 'c', 'd']) cluster.propose(1, text);
  const sent = cluster.drop((message) => message.to === 2);
  for (const message of [...sent].reverse()) cluster.deliver(message);
  for (const message of [...sent, ...sent]) cluster.deliver(message);
  cluster.tickAll(2 * heartbeatTicks);
  assert.ok(cluster.isConverged());
  assert.deepEqual(cluster.node(2).appliedTexts, ['a', 'b', 'c', 'd']);
});

test('§5.5 a leader sends again to a follower that crashed, until it has everything', () => {
  const cluster = new Cluster({ voters: three });
  cluster.elect(1);
  cluster.crash(3);
  for (let i = 0; i < 50; i++) cluster.propose(1, `x${i}`);
  cluster.tickAll(100);
  cluster.restart(3);
  cluster.tickUntil('agreement', () => cluster.isConverged());
  assert.equal(cluster.node(3).appliedTexts.length, 50);
});

// Figure 7: the logs that may stand beside a leader's when it comes to power.
const figure7: Record<string, readonly number[]> = {
  'a: misses an entry': [1, 1, 1, 4, 4, 5, 5, 6, 6],
  'b: misses many': [1, 1, 1, 4],
  'c: one uncommitted more': [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
  'd: two uncommitted of a later term': [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
  'e: misses and has uncommitted': [1, 1, 1, 4, 4, 4, 4],
  'f: misses and has uncommitted of several terms': [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
};
for (const [name, terms] of Object.entries(figure7)) {
  test(`§5.3 figure 7 ${name}`, () => {
    const leaderTerms = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
    const cluster = new Cluster({
      voters: three,
      logs: {
        1: { terms: leaderTerms, term: 7 },
        2: { terms, term: 7 },
        // The third gives its vote, whatever the second does.
        3: { terms: [], term: 7 },
      },
    });
    cluster.elect(1);
    cluster.tickUntil('agreement', () => cluster.isConverged());
    const last = cluster.raw(1).lastIndex;
    assert.equal(last, leaderTerms.length + 1);
    for (const id of [2, 3])
      assert.deepEqual(cluster.raw(id).entries(1, last + 1), cluster.raw(1).entries(1, last + 1));
  });
}

test('a proposal to any but the leader is refused', () => {
  const solo = soloOf(1, three);
  assert.equal(
    solo.node.call((raw) => raw.propose(bytes('x'), 0)),
    'not-leader',
  );
  solo.step(heartbeat(2, 1, 1));
  assert.equal(
    solo.node.call((raw) => raw.propose(bytes('x'), 0)),
    'not-leader',
  );
  assert.equal(solo.raw.lastIndex, 0);
});

test('stamps never fall, whatever a caller gives', () => {
  const solo = leaderOf();
  for (const stampMs of [50, 20, 70]) solo.node.call((raw) => raw.propose(bytes('x'), stampMs));
  assert.deepEqual(
    solo.raw.entries(2, 5).map(({ stampMs }) => stampMs),
    [50, 50, 70],
  );
  assert.equal(solo.raw.lastStampMs, 70);
});
