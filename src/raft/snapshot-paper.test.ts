import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cluster } from './cluster-harness.ts';
import { append, appended, bytes, conf, entry, installSnapshot, logOf, rejected } from './test-messages.ts';
import { testTuning } from './test-node.ts';
import { lead, ofType, soloOf } from './test-solo.ts';
import type { Solo } from './test-solo.ts';
import type { SnapshotMeta } from './types.ts';

const { heartbeatTicks } = testTuning;
const three = [1, 2, 3];

const snapshotAt = (index: number, term: number, voters: readonly number[] = three): SnapshotMeta => ({
  index,
  term,
  stampMs: 5,
  confState: conf(voters),
});

/** A leader with a log of 20 entries, cut at 10; server 3 is down since before. */
function clusterWithLaggard(): Cluster {
  const cluster = new Cluster({ voters: three });
  cluster.elect(1);
  cluster.crash(3);
  for (let i = 0; i < 20; i++) cluster.propose(1, `x${i}`);
  cluster.tickAll(heartbeatTicks);
  for (const id of [1, 2]) {
    cluster.node(id).flush();
    cluster.node(id).compact(10);
  }
  return cluster;
}

test('§7 a log is cut behind what was applied, and answers for what it still has', () => {
  const cluster = clusterWithLaggard();
  const raw = cluster.raw(1);
  assert.equal(raw.firstIndex, 11);
  assert.equal(raw.termAt(10), 1);
  assert.equal(raw.termAt(9), undefined);
  assert.equal(raw.entries(11, raw.lastIndex + 1).length, raw.lastIndex - 10);
});

test('§7 a follower whose next entry was cut off gets a snapshot, then the rest of the log', () => {
  const cluster = clusterWithLaggard();
  cluster.restart(3);
  cluster.tickUntil('agreement', () => cluster.isConverged());
  assert.equal(cluster.node(3).state.hash, cluster.node(1).state.hash);
  assert.ok(cluster.raw(3).firstIndex > 11);
});

test('§7 a snapshot is wanted once, while it is on its way', () => {
  const cluster = clusterWithLaggard();
  cluster.autoSnapshot = false;
  cluster.restart(3);
  cluster.tickAll(heartbeatTicks);
  const leader = cluster.node(1);
  assert.deepEqual(leader.snapshotsWanted, [3]);
  leader.call((raw) => raw.snapshotStarted(3, leader.state.index));
  cluster.propose(1, 'y');
  cluster.tickAll(3 * heartbeatTicks);
  assert.deepEqual(leader.snapshotsWanted, [3]);
  assert.equal(leader.raw.progress().find(({ member }) => member === 3)?.state, 'snapshot');
});

test('§7 a snapshot that failed is wanted again', () => {
  const cluster = clusterWithLaggard();
  cluster.autoSnapshot = false;
  cluster.restart(3);
  cluster.tickAll(heartbeatTicks);
  const leader = cluster.node(1);
  leader.snapshotsWanted.splice(0);
  leader.call((raw) => raw.snapshotStarted(3, leader.state.index));
  leader.call((raw) => raw.snapshotFailed(3));
  cluster.tickAll(2 * heartbeatTicks);
  assert.deepEqual(leader.snapshotsWanted, [3]);
  cluster.autoSnapshot = true;
  cluster.tickUntil('agreement', () => cluster.isConverged());
});

test('§7 a snapshot whose acknowledgement was lost is not waited for any longer', () => {
  const cluster = clusterWithLaggard();
  cluster.restart(3);
  cluster.tickAll(heartbeatTicks - 1);
  cluster.onSend = (message) =>
    message.type === 'AppendEntriesResponse' && message.success && message.from === 3;
  cluster.tickAll(2 * heartbeatTicks);
  assert.ok(cluster.raw(3).firstIndex > 11, 'it is installed');
  assert.equal(
    cluster
      .raw(1)
      .progress()
      .find(({ member }) => member === 3)?.state,
    'snapshot',
  );
  cluster.onSend = null;
  cluster.propose(1, 'y');
  cluster.tickAll(4 * heartbeatTicks);
  assert.ok(cluster.isConverged());
  assert.deepEqual(cluster.node(3).appliedTexts, ['y']);
});

test('§7 entries that were proposed while the snapshot was sent come after it', () => {
  const cluster = clusterWithLaggard();
  cluster.autoSnapshot = false;
  cluster.restart(3);
  cluster.tickAll(heartbeatTicks);
  const leader = cluster.node(1);
  leader.snapshotsWanted.splice(0);
  const snapshot = leader.snapshot();
  leader.call((raw) => raw.snapshotStarted(3, snapshot.index));
  for (let i = 0; i < 5; i++) cluster.propose(1, `y${i}`);
  cluster.settle();
  cluster.sendSnapshot(leader, 3, snapshot);
  cluster.tickUntil('agreement', () => cluster.isConverged());
  assert.deepEqual(cluster.node(3).appliedTexts, ['y0', 'y1', 'y2', 'y3', 'y4']);
});

test('§7 a snapshot replaces log, state and configuration, and is acknowledged when it is durable', () => {
  const solo = soloOf(1, three, { terms: [1, 1], term: 1 });
  solo.node.autoDisk = false;
  const snapshot = snapshotAt(9, 3, [1, 2, 4]);
  assert.deepEqual(ofType(solo.step(installSnapshot(2, 1, 3, snapshot)), 'AppendEntriesResponse'), []);
  assert.deepEqual([solo.raw.firstIndex, solo.raw.lastIndex, solo.raw.lastTerm], [10, 9, 3]);
  assert.deepEqual([solo.raw.commitIndex, solo.raw.appliedIndex], [9, 9]);
  assert.deepEqual(solo.raw.confState(), conf([1, 2, 4]));
  solo.node.completeWrites();
  assert.deepEqual(ofType(solo.take(), 'AppendEntriesResponse'), [appended(1, 2, 3, 9)]);
  assert.equal(solo.raw.persistedIndex, 9);
});

test('§7 the stamps of a log that starts with a snapshot go on from there', () => {
  const solo = soloOf(1, three);
  solo.step(installSnapshot(2, 1, 3, snapshotAt(9, 3)));
  assert.equal(solo.raw.lastStampMs, 5);
});

test('§7 a snapshot of what the log holds keeps the log, and moves the commit', () => {
  const solo = soloOf(1, three, { terms: [1, 1, 1, 1], term: 1 });
  const sent = solo.step(installSnapshot(2, 1, 1, snapshotAt(2, 1)));
  assert.equal(solo.raw.lastIndex, 4);
  assert.equal(solo.raw.firstIndex, 1);
  assert.equal(solo.raw.commitIndex, 2);
  assert.equal(ofType(sent, 'AppendEntriesResponse')[0]?.success, true);
});

test('§7 a snapshot behind the commit is answered and changes nothing', () => {
  const solo = soloOf(1, three, { terms: [1, 1, 1, 1], term: 1, commit: 3 });
  const [answer] = ofType(solo.step(installSnapshot(2, 1, 1, snapshotAt(2, 1))), 'AppendEntriesResponse');
  assert.equal(solo.raw.lastIndex, 4);
  assert.equal(solo.raw.commitIndex, 3);
  assert.equal(answer?.success, true);
});

test('§7 a late snapshot does not take a server back behind what it has installed since', () => {
  const solo = soloOf(1, three, { terms: [1], term: 1 });
  solo.step(installSnapshot(2, 1, 1, snapshotAt(9, 1)));
  const [answer] = ofType(solo.step(installSnapshot(2, 1, 1, snapshotAt(5, 1))), 'AppendEntriesResponse');
  assert.equal(answer?.success, true);
  assert.deepEqual([solo.raw.firstIndex, solo.raw.lastIndex, solo.raw.commitIndex], [10, 9, 9]);
});

test('§7 a snapshot from a deposed leader is not taken', () => {
  const solo = soloOf(1, three, { terms: [1], term: 5 });
  solo.step(installSnapshot(2, 1, 4, snapshotAt(9, 3)));
  assert.equal(solo.raw.lastIndex, 1);
  assert.equal(solo.raw.commitIndex, 0);
});

test('§7 a snapshot of a term that its sender has not reached is not taken', () => {
  const solo = soloOf(1, three, { terms: [1], term: 1 });
  solo.step(installSnapshot(2, 1, 2, snapshotAt(9, 3)));
  assert.deepEqual([solo.raw.firstIndex, solo.raw.lastIndex, solo.raw.commitIndex], [1, 1, 0]);
});

test('§7 a snapshot throws an unconfirmed tail away', () => {
  const solo = soloOf(1, three, { terms: [1, 1, 2, 2, 2, 2], term: 2 });
  solo.step(installSnapshot(2, 1, 4, snapshotAt(4, 3)));
  assert.deepEqual([solo.raw.firstIndex, solo.raw.lastIndex], [5, 4]);
  solo.step(append(2, 1, 4, { prevLogIndex: 4, prevLogTerm: 3, entries: [entry(5, 4)], leaderCommit: 5 }));
  assert.equal(solo.raw.commitIndex, 5);
  assert.deepEqual(solo.node.appliedTexts, ['5.4']);
});

test('§7 appends that reach behind the cut are taken from there', () => {
  const solo = soloOf(1, three, { terms: [], term: 1 });
  solo.step(installSnapshot(2, 1, 3, snapshotAt(4, 1)));
  const late = append(2, 1, 3, { prevLogIndex: 2, prevLogTerm: 1, entries: logOf([1, 1, 2], 2) });
  const [answer] = ofType(solo.step(late), 'AppendEntriesResponse');
  assert.equal(answer?.success, true);
  assert.ok(answer !== undefined && answer.index <= 5);
  solo.step(append(2, 1, 3, { prevLogIndex: 4, prevLogTerm: 1, entries: [entry(5, 2)] }));
  assert.equal(solo.raw.lastIndex, 5);
});

test('§7 a follower that caught up in another way needs no snapshot', () => {
  const solo: Solo = soloOf(1, three, { terms: [1, 1, 1, 1, 1, 1], term: 1, commit: 6 });
  lead(solo);
  solo.node.flush();
  solo.node.compact(4);
  // The leader may ask once more at its cut before it knows that it must send a snapshot.
  solo.step(rejected(2, 1, 2, 6, 1, 1), rejected(2, 1, 2, 4, 1, 1));
  assert.deepEqual(solo.node.snapshotsWanted, [2]);
  solo.node.call((raw) => raw.snapshotStarted(2, 6));
  solo.step(appended(2, 1, 2, 5));
  assert.notEqual(solo.raw.progress().find(({ member }) => member === 2)?.state, 'snapshot');
});

test('§7 a restart from a cut log goes on where it was', () => {
  const cluster = clusterWithLaggard();
  const { lastIndex } = cluster.raw(1);
  cluster.crash(1);
  cluster.restart(1);
  assert.equal(cluster.raw(1).firstIndex, 11);
  assert.equal(cluster.raw(1).lastIndex, lastIndex);
  assert.equal(cluster.raw(1).termAt(10), 1);
  cluster.tickUntil('a leader', () => cluster.leader() !== null);
  cluster.restart(3);
  cluster.tickUntil('agreement', () => cluster.isConverged());
});

test('§7 stamps do not start over when a server restarts with a log that was cut behind its last entry', () => {
  const cluster = new Cluster({ voters: [1] });
  cluster.elect(1);
  const last = cluster.propose(1, 'x', 700);
  cluster.node(1).flush();
  cluster.node(1).compact(last);
  cluster.crash(1);
  cluster.restart(1);
  assert.equal(cluster.raw(1).firstIndex, cluster.raw(1).lastIndex + 1);
  assert.equal(cluster.raw(1).lastStampMs, 700);
  cluster.elect(1);
  assert.equal(cluster.raw(1).lastStampMs, 700);
});

test('§7 a crash before a snapshot is durable leaves the log as it was', () => {
  const solo = soloOf(1, three, { terms: [1, 1], term: 1 });
  solo.node.autoDisk = false;
  solo.step(installSnapshot(2, 1, 3, snapshotAt(9, 3)));
  solo.node.crash();
  solo.node.start();
  assert.deepEqual([solo.raw.firstIndex, solo.raw.lastIndex, solo.raw.commitIndex], [1, 2, 0]);
});

test('the bytes of the log fall when it is cut', () => {
  const cluster = new Cluster({ voters: three });
  cluster.elect(1);
  const empty = cluster.raw(1).logBytes;
  for (let i = 0; i < 10; i++) cluster.call(1, (raw) => raw.propose(bytes('x'.repeat(100)), 0));
  cluster.settle();
  const full = cluster.raw(1).logBytes;
  assert.ok(full >= empty + 1000);
  cluster.node(1).flush();
  cluster.node(1).compact(cluster.raw(1).appliedIndex - 1);
  assert.ok(cluster.raw(1).logBytes <= full - 800);
});
