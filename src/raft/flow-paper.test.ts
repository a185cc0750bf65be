import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cluster } from './cluster-harness.ts';
import { append, appended, bytes, entry, heartbeatResponse, logOf, rejected } from './test-messages.ts';
import { testTuning } from './test-node.ts';
import type { Tuning } from './test-node.ts';
import { lead, ofType, soloOf } from './test-solo.ts';
import type { Solo } from './test-solo.ts';
import type { MemberId } from './types.ts';

const { heartbeatTicks, inflightMessagesMax, appendEntriesMax } = testTuning;
const three = [1, 2, 3];

const propose = (solo: Solo, text: string): unknown => solo.node.call((raw) => raw.propose(bytes(text), 0));
const progressOf = (solo: Solo, id: MemberId) => solo.raw.progress().find(({ member }) => member === id);
const appendsTo = (solo: Solo, id: MemberId) =>
  ofType(solo.take(), 'AppendEntries').filter(({ to }) => to === id);

/** A leader of term 1 whose no-op is acknowledged by 2; 3 never answered. */
function leaderOf(tuning: Partial<Tuning> = {}): Solo {
  const solo = soloOf(1, three, { terms: [] }, tuning);
  lead(solo);
  solo.step(appended(2, 1, 1, 1));
  solo.take();
  return solo;
}

test('a leader probes a follower with one append at a time until one is answered', () => {
  const solo = leaderOf();
  assert.equal(progressOf(solo, 3)?.state, 'probe');
  for (let i = 0; i < 5; i++) propose(solo, `x${i}`);
  assert.equal(appendsTo(solo, 3).length, 0, 'the no-op is still unanswered');
  solo.step(appended(3, 1, 1, 1));
  assert.equal(progressOf(solo, 3)?.state, 'replicate');
});

test('a heartbeat response lets a probe go on, by one append an interval', () => {
  const solo = leaderOf();
  for (let i = 0; i < 3; i++) {
    solo.tick(heartbeatTicks);
    const appends = ofType(solo.step(heartbeatResponse(3, 1, 1)), 'AppendEntries').filter(
      ({ to }) => to === 3,
    );
    assert.equal(appends.length, 1);
    propose(solo, 'x');
    assert.equal(appendsTo(solo, 3).length, 0);
    solo.node.call((raw) => raw.step(heartbeatResponse(3, 1, 1)));
    assert.equal(appendsTo(solo, 3).length, 0, 'rounds of reads are answered more often');
  }
});

test('§10.2.2 appends are pipelined to a follower that keeps up, up to a bound of messages', () => {
  const solo = leaderOf();
  for (let i = 0; i < inflightMessagesMax + 5; i++) propose(solo, `x${i}`);
  const appends = appendsTo(solo, 2);
  assert.equal(appends.length, inflightMessagesMax);
  assert.deepEqual(
    appends.map(({ prevLogIndex }) => prevLogIndex),
    appends.map((_, i) => i + 1),
  );
  const more = ofType(solo.step(appended(2, 1, 1, 2)), 'AppendEntries').filter(({ to }) => to === 2);
  assert.equal(more.length, 1, 'one answer makes room for one');
  assert.equal(more[0]?.prevLogIndex, inflightMessagesMax + 1);
});

test('pipelined appends are bounded in bytes', () => {
  const solo = leaderOf({ inflightBytesMax: 300 });
  for (let i = 0; i < 6; i++) propose(solo, 'x'.repeat(100));
  const appends = appendsTo(solo, 2);
  assert.ok(appends.length >= 2 && appends.length <= 4, `${appends.length}`);
});

test('one append is bounded in entries and bytes, but holds at least one entry', () => {
  const terms = Array<number>(40).fill(1);
  const solo = soloOf(1, three, { terms });
  lead(solo);
  const first = ofType(solo.step(rejected(2, 1, 2, 40, 0, 0)), 'AppendEntries')[0];
  assert.equal(first?.prevLogIndex, 0);
  assert.equal(first?.entries.length, appendEntriesMax);

  const small = leaderOf({ appendBytesMax: 10 });
  small.step(appended(3, 1, 1, 1));
  propose(small, 'y'.repeat(500));
  assert.equal(appendsTo(small, 2)[0]?.entries.length, 1);
});

test('a follower that answers in order is sent whole batches, each entry once', () => {
  const cluster = new Cluster({ voters: three });
  cluster.elect(1);
  cluster.tickAll(heartbeatTicks);
  let entries = 0;
  cluster.onDeliver = (message) => {
    if (message.type === 'AppendEntries' && message.to === 2) entries += message.entries.length;
  };
  for (let i = 0; i < 200; i++) cluster.propose(1, `x${i}`);
  cluster.settle();
  assert.equal(cluster.raw(2).lastIndex, cluster.raw(1).lastIndex);
  assert.equal(entries, 200);
});

test('lost appends of a pipeline are found without a new proposal', () => {
  for (const kept of [0, 1, 3]) {
    const cluster = new Cluster({ voters: three });
    cluster.elect(1);
    cluster.tickAll(heartbeatTicks);
    for (let i = 0; i < 4; i++) cluster.propose(1, `x${i}`);
    const lost = cluster.drop((message) => message.to === 2);
    for (const message of lost.slice(lost.length - kept)) cluster.deliver(message);
    cluster.tickAll(4 * heartbeatTicks);
    assert.equal(cluster.node(2).appliedTexts.length, 4, `${kept} kept`);
  }
});

test('a whole pipeline that is lost is found, too', () => {
  const cluster = new Cluster({ voters: three });
  cluster.elect(1);
  cluster.tickAll(heartbeatTicks);
  for (let i = 0; i < 3 * inflightMessagesMax; i++) cluster.propose(1, `x${i}`);
  cluster.drop((message) => message.to === 2);
  cluster.tickAll(6 * heartbeatTicks);
  assert.ok(cluster.isConverged());
});

test('heartbeats go on while appends are held back', () => {
  const solo = leaderOf();
  for (let i = 0; i < 2 * inflightMessagesMax; i++) propose(solo, 'x');
  solo.take();
  const beats = ofType(solo.tick(heartbeatTicks), 'Heartbeat');
  assert.deepEqual(beats.map(({ to }) => to).sort(), [2, 3]);
});

test('an unreachable follower is probed again', () => {
  const solo = leaderOf();
  propose(solo, 'x');
  solo.take();
  solo.node.call((raw) => raw.reportUnreachable(2));
  assert.equal(progressOf(solo, 2)?.state, 'probe');
  assert.equal(progressOf(solo, 2)?.nextIndex, 2);
});

test('§5.3 a refusal makes the leader go back, and the follower is brought to its log', () => {
  const solo = soloOf(1, three, { terms: [1, 1, 1, 1], term: 1 });
  lead(solo);
  const [retry] = ofType(solo.step(rejected(2, 1, 2, 4, 2, 1)), 'AppendEntries');
  assert.equal(retry?.prevLogIndex, 2);
  assert.deepEqual(retry?.entries.slice(0, 2), logOf([1, 1, 1, 1]).slice(2));
});

test('§5.3 a refusal of an older probe, or of what is known to match, is ignored', () => {
  const solo = soloOf(1, three, { terms: [1, 1, 1, 1], term: 1 });
  lead(solo);
  solo.step(rejected(2, 1, 2, 4, 1, 1));
  assert.equal(progressOf(solo, 2)?.nextIndex, 2);
  solo.step(rejected(2, 1, 2, 4, 3, 1));
  assert.equal(progressOf(solo, 2)?.nextIndex, 2, 'the first probe was answered before');
  solo.step(appended(2, 1, 2, 5));
  assert.deepEqual(ofType(solo.step(rejected(2, 1, 2, 1, 0, 0)), 'AppendEntries'), []);
  assert.equal(progressOf(solo, 2)?.matchIndex, 5);
  assert.equal(progressOf(solo, 2)?.state, 'replicate');
});

test('§5.3 a follower that is short hints at its end', () => {
  const solo = soloOf(1, three, { terms: [1, 1], term: 1 });
  const [answer] = ofType(
    solo.step(append(2, 1, 2, { prevLogIndex: 9, prevLogTerm: 2 })),
    'AppendEntriesResponse',
  );
  assert.deepEqual([answer?.hintIndex, answer?.hintTerm], [2, 1]);
});

test('§5.3 a follower in conflict hints at its last entry that the leader may share', () => {
  const solo = soloOf(1, three, { terms: [1, 1, 3, 3, 3], term: 3 });
  const [answer] = ofType(
    solo.step(append(2, 1, 4, { prevLogIndex: 5, prevLogTerm: 2, entries: [entry(6, 4)] })),
    'AppendEntriesResponse',
  );
  assert.deepEqual(
    [answer?.hintIndex, answer?.hintTerm],
    [2, 1],
    'nothing of term 3 precedes an entry of term 2',
  );
});

/** Rounds of refused appends until a follower has the leader's log. */
function refusals(leaderTerms: readonly number[], followerTerms: readonly number[]): number {
  const term = Math.max(...leaderTerms, ...followerTerms);
  const cluster = new Cluster({
    voters: three,
    logs: { 1: { terms: leaderTerms, term }, 2: { terms: followerTerms, term }, 3: { terms: [], term } },
  });
  // Server 3 is brought up first, so that the leader's first append to 2 is refused.
  cluster.isolate(2);
  cluster.elect(1);
  cluster.heal();
  let count = 0;
  cluster.onDeliver = (message) => {
    if (message.type === 'AppendEntriesResponse' && message.from === 2 && !message.success) count++;
  };
  cluster.tickUntil('agreement', () => cluster.isConverged());
  return count;
}

const repeat = (term: number, times: number): number[] => Array<number>(times).fill(term);

test('§5.3 backing up over a long diverged tail takes one round a term, not one an entry', () => {
  assert.ok(refusals([...repeat(1, 5), ...repeat(3, 200)], [...repeat(1, 5), ...repeat(2, 300)]) <= 3);
  assert.ok(refusals([...repeat(1, 5), ...repeat(3, 300)], [...repeat(1, 5), ...repeat(2, 100)]) <= 3);
  assert.ok(refusals(repeat(1, 300), []) <= 2);
  assert.ok(refusals([...repeat(1, 300), 5], repeat(1, 20)) <= 2);
});

test('§5.3 backing up over interleaved terms is bounded by the number of terms', () => {
  const leader = [1, 3, 5, 7, 9].flatMap((term) => repeat(term, 50));
  const follower = [1, 2, 4, 6, 8].flatMap((term) => repeat(term, 50));
  assert.ok(refusals(leader, follower) <= 6);
  const fewer = [...repeat(1, 10), ...[2, 4, 6, 8].flatMap((term) => repeat(term, 70))];
  assert.ok(refusals(leader, fewer) <= 6);
});

test('proposals past the bound of uncommitted bytes are refused until some are committed', () => {
  const solo = leaderOf({ uncommittedBytesMax: 1000 });
  const results: unknown[] = [];
  for (let i = 0; i < 12; i++) results.push(propose(solo, 'x'.repeat(200)));
  assert.ok(results.includes('overloaded'));
  assert.equal(typeof results[2], 'number');
  solo.step(appended(2, 1, 1, solo.raw.lastIndex));
  assert.equal(typeof propose(solo, 'y'), 'number');
});

test('one proposal always fits, however large', () => {
  const solo = leaderOf({ uncommittedBytesMax: 10 });
  assert.equal(typeof propose(solo, 'x'.repeat(200)), 'number');
  assert.equal(propose(solo, 'x'), 'overloaded');
});

test('committed entries are handed out in bounded pieces, and none is left out', () => {
  const cluster = new Cluster({ voters: three, tuning: { committedBytesMax: 100 } });
  cluster.elect(1);
  const sizes: number[] = [];
  cluster.node(2).onReady = ({ committedEntries }) => {
    if (committedEntries.length > 0) sizes.push(committedEntries.length);
  };
  cluster.isolate(2);
  for (let i = 0; i < 50; i++) cluster.propose(1, 'x'.repeat(30));
  cluster.settle();
  cluster.heal();
  cluster.tickUntil('agreement', () => cluster.isConverged());
  assert.equal(cluster.node(2).appliedTexts.length, 50);
  assert.ok(Math.max(...sizes) <= 10, sizes.join());
});
