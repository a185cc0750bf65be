import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPrng } from '../base/prng.ts';
import { Cluster } from './cluster-harness.ts';
import {
  append,
  appended,
  bytes,
  conf,
  entry,
  heartbeat,
  initialOf,
  installSnapshot,
  logOf,
  requestVote,
  vote,
} from './test-messages.ts';
import { RawNode } from './raw-node.ts';
import { testTuning } from './test-node.ts';
import { ofType, soloOf } from './test-solo.ts';
import type { Solo } from './test-solo.ts';
import type { Message } from './types.ts';

const three = [1, 2, 3];

/** A core whose disk writes only when it is told to. */
function withSlowDisk(solo: Solo): Solo {
  solo.node.autoDisk = false;
  return solo;
}

/** Writes all that waits, and returns what was sent because of it. */
function written(solo: Solo): Message[] {
  solo.node.completeWrites();
  return solo.take();
}

test('figure 2: a vote leaves only when it is durable', () => {
  const solo = withSlowDisk(soloOf(1, three));
  assert.deepEqual(solo.step(requestVote(2, 1, 1)), []);
  assert.deepEqual(written(solo), [vote(1, 2, 1)]);
});

test('figure 2: an acknowledgement leaves only when its entries are durable', () => {
  const solo = withSlowDisk(soloOf(1, three));
  assert.deepEqual(solo.step(append(2, 1, 1, { entries: logOf([1, 1]) })), []);
  assert.deepEqual(written(solo), [appended(1, 2, 1, 2)]);
});

test('figure 2: a heartbeat of a new term is answered only when the term is durable', () => {
  const solo = withSlowDisk(soloOf(1, three));
  assert.deepEqual(solo.step(heartbeat(2, 1, 1)), []);
  assert.equal(ofType(written(solo), 'HeartbeatResponse').length, 1);
  assert.equal(ofType(solo.step(heartbeat(2, 1, 1)), 'HeartbeatResponse').length, 1, 'later ones at once');
});

test('a heartbeat is not held up by entries that wait for the disk', () => {
  const solo = withSlowDisk(soloOf(1, three));
  solo.step(heartbeat(2, 1, 1));
  written(solo);
  solo.step(append(2, 1, 1, { entries: logOf([1]) }));
  assert.equal(ofType(solo.step(heartbeat(2, 1, 1)), 'HeartbeatResponse').length, 1);
});

test('§10.2.1 votes are asked for when term and own vote are durable; pre-votes at once', () => {
  const solo = withSlowDisk(soloOf(1, three));
  solo.node.call((raw) => raw.campaign());
  assert.equal(ofType(solo.take(), 'RequestVote').length, 2);
  assert.deepEqual(solo.step(vote(2, 1, 1, { preVote: true })), []);
  assert.equal(solo.raw.role, 'candidate');
  assert.equal(ofType(written(solo), 'RequestVote').length, 2);
});

test('§10.2.1 a single voter leads when its own vote is durable', () => {
  const solo = withSlowDisk(soloOf(1, [1]));
  solo.node.call((raw) => raw.campaign());
  assert.equal(solo.raw.role, 'candidate');
  written(solo);
  assert.equal(solo.raw.role, 'leader');
});

test('§10.2.1 the own vote of a candidate counts only when it is durable', () => {
  const solo = withSlowDisk(soloOf(1, three));
  solo.node.call((raw) => raw.campaign());
  solo.step(vote(2, 1, 1, { preVote: true }));
  // A vote cannot be here before the request left, except one given to an earlier life in the same term.
  solo.step(vote(2, 1, 1));
  assert.equal(solo.raw.role, 'candidate');
  written(solo);
  assert.equal(solo.raw.role, 'leader');
});

/** A leader of term 1 whose disk is slow from now on; all know its no-op. */
function slowLeader(): Solo {
  const solo = soloOf(1, three);
  solo.node.call((raw) => raw.campaign());
  solo.step(vote(2, 1, 1, { preVote: true }), vote(2, 1, 1), appended(2, 1, 1, 1), appended(3, 1, 1, 1));
  assert.equal(solo.raw.commitIndex, 1);
  return withSlowDisk(solo);
}

test('§10.2.1 a leader sends entries before they are durable on its own disk', () => {
  const solo = slowLeader();
  solo.node.call((raw) => raw.propose(bytes('x'), 0));
  assert.equal(ofType(solo.take(), 'AppendEntries').length, 2);
  assert.equal(solo.raw.persistedIndex, 1);
});

test('§10.2.1 a leader counts itself only once the entry is durable', () => {
  const solo = slowLeader();
  solo.node.call((raw) => raw.propose(bytes('x'), 0));
  solo.step(appended(2, 1, 1, 2));
  assert.equal(solo.raw.commitIndex, 1);
  written(solo);
  assert.equal(solo.raw.commitIndex, 2);
});

test('§10.2.1 others may commit an entry that the leader has not written', () => {
  const solo = slowLeader();
  solo.node.call((raw) => raw.propose(bytes('x'), 0));
  solo.step(appended(2, 1, 1, 2), appended(3, 1, 1, 2));
  assert.equal(solo.raw.commitIndex, 2);
  assert.equal(solo.raw.persistedIndex, 1);
  assert.deepEqual(solo.node.appliedTexts, ['x']);
});

test('§10.2.1 a write of an older Ready does not count for what came later', () => {
  const solo = slowLeader();
  for (const text of ['x', 'y', 'z']) solo.node.call((raw) => raw.propose(bytes(text), 0));
  assert.ok(solo.node.pendingWrites >= 3);
  solo.node.completeWrites(1);
  assert.equal(solo.raw.persistedIndex, 2);
  solo.node.completeWrites(1);
  assert.equal(solo.raw.persistedIndex, 3);
});

test('a write that was overtaken by a conflict does not count for the entries that replaced it', () => {
  const solo = withSlowDisk(soloOf(1, three));
  solo.step(append(2, 1, 1, { entries: logOf([1, 1, 1]) }));
  solo.step(append(3, 1, 2, { prevLogIndex: 1, prevLogTerm: 1, entries: [entry(2, 2), entry(3, 2)] }));
  assert.equal(solo.raw.lastTerm, 2);
  solo.node.completeWrites(1);
  assert.ok(solo.raw.persistedIndex <= 1, `persisted ${solo.raw.persistedIndex}`);
  solo.node.completeWrites();
  assert.equal(solo.raw.persistedIndex, 3);
});

test('a write that was overtaken does not count for entries that are to be written again', () => {
  // The write of leader 3 takes the entry of leader 2 off the disk again, and a crash could come just then.
  const solo = withSlowDisk(soloOf(1, three));
  solo.step(append(2, 1, 1, { entries: logOf([1, 1]) }));
  solo.step(append(3, 1, 2, { prevLogIndex: 1, prevLogTerm: 1, entries: [entry(2, 2)] }));
  solo.step(append(2, 1, 3, { prevLogIndex: 1, prevLogTerm: 1, entries: [entry(2, 1), entry(3, 3)] }));
  solo.node.completeWrites(1);
  assert.equal(solo.raw.persistedIndex, 1);
  solo.node.completeWrites(1);
  assert.equal(solo.raw.persistedIndex, 1);
  solo.node.completeWrites(1);
  assert.equal(solo.raw.persistedIndex, 3);
});

test('a write that ends between a conflict and the next Ready does not count for what was replaced', () => {
  const core = new RawNode({
    id: 1,
    prng: createPrng(1),
    initial: initialOf(three, { terms: [] }),
    ...testTuning,
  });
  core.step(append(2, 1, 1, { entries: logOf([1, 1, 1]) }));
  const { seq } = core.ready();
  core.step(
    append(3, 1, 2, { prevLogIndex: 1, prevLogTerm: 1, entries: [entry(2, 2), entry(3, 2), entry(4, 2)] }),
  );
  core.persisted(seq);
  assert.ok(core.persistedIndex <= 1, `persisted ${core.persistedIndex}`);
});

test('a write that a snapshot has overtaken does not count for the snapshot', () => {
  const solo = withSlowDisk(soloOf(1, three));
  solo.step(append(2, 1, 1, { entries: logOf([1, 1, 1, 1, 1, 1]) }));
  solo.step(installSnapshot(3, 1, 3, { index: 4, term: 2, stampMs: 0, confState: conf(three) }));
  solo.node.completeWrites(1);
  assert.equal(solo.raw.persistedIndex, 0);
  solo.node.completeWrites(1);
  assert.equal(solo.raw.persistedIndex, 4);
});

test('a Ready tells whether it must be synced', () => {
  const solo = soloOf(1, three);
  const syncs: boolean[] = [];
  solo.node.onReady = ({ hardState, entries, mustSync }) => {
    if (hardState !== null || entries.length > 0) syncs.push(mustSync);
  };
  solo.step(heartbeat(2, 1, 1));
  solo.step(append(2, 1, 1, { entries: logOf([1]) }));
  solo.step(heartbeat(2, 1, 1, { leaderCommit: 1 }));
  assert.deepEqual(syncs, [true, true, false], 'a new commit index alone need not be');
});

test('§5.1 what was acknowledged is there after a restart', () => {
  const cluster = new Cluster({ voters: three });
  cluster.elect(1);
  for (const text of ['a', 'b']) cluster.propose(1, text);
  cluster.settle();
  for (const id of three) cluster.crash(id);
  for (const id of three) cluster.restart(id);
  cluster.tickUntil('agreement', () => cluster.isConverged());
  for (const id of three) assert.deepEqual(cluster.node(id).logTexts, ['a', 'b']);
});

test('a restart begins to apply behind the stored state', () => {
  const cluster = new Cluster({ voters: three });
  cluster.elect(1);
  for (const text of ['a', 'b']) cluster.propose(1, text);
  cluster.settle();
  cluster.node(1).flush();
  for (const text of ['c', 'd']) cluster.propose(1, text);
  cluster.settle();
  cluster.crash(1);
  cluster.restart(1);
  assert.equal(cluster.raw(1).appliedIndex >= 3, true);
  cluster.tickUntil('agreement', () => cluster.isConverged());
  assert.deepEqual(cluster.node(1).appliedTexts, ['a', 'b', 'c', 'd', 'c', 'd']);
});

test('what a crash took from the disk is sent again', () => {
  const cluster = new Cluster({ voters: three });
  cluster.elect(1);
  cluster.tickAll(3);
  cluster.node(2).autoDisk = false;
  for (const text of ['a', 'b', 'c']) cluster.propose(1, text);
  cluster.settle();
  assert.deepEqual(cluster.node(2).logTexts, ['a', 'b', 'c']);
  cluster.crash(2, 1);
  cluster.node(2).autoDisk = true;
  cluster.restart(2);
  assert.ok(cluster.node(2).logTexts.length < 3);
  cluster.tickUntil('agreement', () => cluster.isConverged());
  assert.deepEqual(cluster.node(2).logTexts, ['a', 'b', 'c']);
});

test('a leader whose disk stalls may hand over by stepping down', () => {
  const cluster = new Cluster({ voters: three });
  cluster.elect(1);
  cluster.call(1, (raw) => raw.stepDown());
  assert.equal(cluster.raw(1).role, 'follower');
  assert.equal(cluster.raw(1).term, 1);
  cluster.tickUntil('a leader', () => cluster.leader() !== null);
  assert.ok((cluster.leader()?.raw.term ?? 0) > 1);
});
