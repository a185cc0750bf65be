import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestServers } from './servers.test-support.ts';

/** Primary 1, backup 2 in sync, spare 3, in view 1. */
function pair(): TestServers {
  const cluster = new TestServers(1, 2, 3);
  cluster.makeView(1, 2);
  assert.equal(cluster.at(1).core.sync, 'in-sync');
  return cluster;
}

const isTo =
  (server: number): ((message: { to: number }) => boolean) =>
  ({ to }) =>
    to === server;

test('a primary without a backup commits what is durable here, and nothing before', () => {
  const cluster = new TestServers(1);
  cluster.makeView(1, null);
  const server = cluster.at(1);
  server.diskIsSlow = true;
  cluster.propose(1, 'a');
  assert.equal(server.applied, '');
  cluster.sync(1);
  assert.equal(server.applied, 'a');
});

test('nothing is committed that the backup in sync has not durably', () => {
  const cluster = pair();
  cluster.at(2).diskIsSlow = true;
  cluster.propose(1, 'a');
  assert.equal(cluster.at(1).applied, '');
  cluster.sync(2);
  assert.equal(cluster.at(1).applied, 'a');
});

test('nothing is committed that the primary itself has not durably', () => {
  const cluster = pair();
  cluster.at(1).diskIsSlow = true;
  cluster.propose(1, 'a');
  assert.equal(cluster.at(1).applied, '');
  cluster.sync(1);
  assert.equal(cluster.at(1).applied, 'a');
});

test('what a spare holds does not count, and what it lacks holds nobody up', () => {
  const cluster = pair();
  cluster.at(3).isUp = false;
  cluster.propose(1, 'a');
  assert.equal(cluster.at(1).applied, 'a');
  cluster.at(3).isUp = true;
  cluster.at(2).isUp = false;
  cluster.propose(1, 'b');
  assert.equal(cluster.at(1).applied, 'a');
});

test('a backup that is not in sync does not hold the primary up, and counts once it holds all that is committed', () => {
  const cluster = new TestServers(1, 2);
  cluster.drops = isTo(2);
  cluster.makeView(1, 2);
  cluster.propose(1, 'a');
  assert.equal(cluster.at(1).applied, 'a');
  assert.equal(cluster.at(1).core.ping().inSync, false);
  cluster.drops = () => false;
  cluster.tick(2);
  assert.equal(cluster.at(1).core.ping().inSync, true);
  cluster.at(2).isUp = false;
  cluster.propose(1, 'b');
  assert.equal(cluster.at(1).applied, 'a', 'from then on nothing is committed without it');
});

test('a primary says that its backup does not answer', () => {
  const cluster = pair();
  cluster.tick(5);
  assert.equal(cluster.at(1).core.ping().unreachable, false);
  cluster.at(2).isUp = false;
  cluster.tick(12);
  assert.equal(cluster.at(1).core.ping().unreachable, true);
});

test('a view is acknowledged once it is durable', () => {
  const cluster = new TestServers(1);
  cluster.at(1).diskIsSlow = true;
  cluster.makeView(1, null);
  assert.equal(cluster.at(1).core.ping().acknowledged, 0);
  cluster.sync(1);
  assert.equal(cluster.at(1).core.ping().acknowledged, 1);
});

test('a view that is older than the known one changes nothing', () => {
  const cluster = pair();
  const old = cluster.view;
  cluster.makeView(2, 3);
  cluster.at(1).core.onView(old);
  assert.equal(cluster.at(1).core.place, 'spare');
});

test('a promoted backup commits everything that it has accepted', () => {
  const cluster = pair();
  cluster.drops = isTo(1);
  cluster.propose(1, 'a');
  assert.equal(cluster.at(1).applied, '', 'the primary was not told that it was accepted');
  cluster.makeView(2, 3, [1]);
  assert.equal(cluster.at(2).applied, 'a');
});

test('a primary that was replaced and has not heard of it commits nothing more', () => {
  const cluster = pair();
  cluster.makeView(2, 3, [1]);
  assert.equal(typeof cluster.at(1).core.propose(Buffer.from('x'), 0), 'number');
  cluster.settle();
  assert.equal(cluster.at(1).applied, '');
  assert.equal(cluster.at(2).applied, '');
  assert.equal(cluster.at(1).core.role, 'follower', 'it was told that there is a later view');
  assert.equal(cluster.propose(1, 'y'), 'not-leader');
});

test('operations that only a replaced primary had are cut off when it is a backup', () => {
  const cluster = pair();
  cluster.drops = ({ from, to }) => from === 1 || to === 1;
  cluster.propose(1, 'lost');
  cluster.makeView(2, null, [1]);
  cluster.propose(2, 'kept');
  cluster.drops = () => false;
  cluster.makeView(2, 1);
  cluster.tick(3);
  assert.equal(cluster.at(2).core.sync, 'in-sync');
  assert.equal(cluster.at(1).applied, 'kept');
});

test('a delayed Prepare of an older view is refused', () => {
  const cluster = pair();
  cluster.drops = ({ type, to }) => type === 'Prepare' && to === 2;
  cluster.propose(1, 'late');
  const late = cluster.sent.findLast(({ type, to }) => type === 'Prepare' && to === 2);
  assert.ok(late !== undefined);
  cluster.drops = () => false;
  cluster.makeView(2, null, [1]);
  cluster.deliver(late);
  cluster.settle();
  assert.ok(!cluster.at(2).applied.includes('late'));
});

test('a Prepare that comes twice, or after later ones, changes nothing', () => {
  const cluster = pair();
  cluster.propose(1, 'a');
  const first = cluster.sent.findLast(({ type, to }) => type === 'Prepare' && to === 2);
  cluster.propose(1, 'b');
  assert.ok(first !== undefined);
  cluster.deliver(first);
  cluster.settle();
  cluster.tick();
  assert.equal(cluster.at(2).applied, 'a b');
  assert.equal(cluster.at(1).core.sync, 'in-sync');
});

test('what a restarted backup accepts does not count in the view of its former life', () => {
  const cluster = pair();
  cluster.at(2).restart();
  cluster.tell(2);
  cluster.propose(1, 'a');
  cluster.tick(3);
  assert.equal(cluster.at(1).applied, '');
});

test('a restarted primary is not the primary of its view any more', () => {
  const cluster = pair();
  cluster.at(1).restart();
  cluster.tell(1);
  assert.equal(cluster.at(1).core.place, 'spare');
  assert.equal(cluster.propose(1, 'a'), 'not-leader');
});

test('both restart, and whichever resumes has everything that was committed', () => {
  for (const resumes of [1, 2]) {
    const cluster = pair();
    cluster.propose(1, 'a');
    cluster.at(1).restart();
    cluster.at(2).restart();
    cluster.makeView(resumes, 3 - resumes);
    cluster.tick(3);
    cluster.propose(resumes, 'b');
    assert.equal(cluster.at(resumes).applied, 'a b');
  }
});

test('alone, a read is confirmed at once; with a backup in sync only when that answers in the same view', () => {
  const alone = new TestServers(1);
  alone.makeView(1, null);
  alone.read(1, 7);
  assert.ok(alone.at(1).reads.has(7));
  const cluster = pair();
  cluster.at(2).isUp = false;
  cluster.read(1, 8);
  assert.ok(!cluster.at(1).reads.has(8));
  cluster.at(2).isUp = true;
  cluster.tick();
  assert.ok(cluster.at(1).reads.has(8));
});

test('a replaced primary confirms no read', () => {
  const cluster = pair();
  cluster.makeView(2, 3, [1]);
  cluster.read(1, 7);
  cluster.tick(3);
  assert.equal(cluster.at(1).reads.size, 0);
});

test('an answer to an earlier round does not confirm a later read', () => {
  const cluster = pair();
  cluster.drops = ({ type }) => type === 'CommitOk';
  cluster.read(1, 7);
  const early = cluster.sent.findLast(({ type, from }) => type === 'CommitOk' && from === 2);
  cluster.read(1, 8);
  assert.ok(early !== undefined);
  cluster.deliver(early);
  cluster.settle();
  assert.deepEqual([...cluster.at(1).reads.keys()], [7]);
});

test('a read that waits when the view changes is confirmed in the next one, if its primary stays', () => {
  const cluster = pair();
  cluster.at(2).isUp = false;
  cluster.read(1, 7);
  cluster.makeView(1, 3, [2]);
  cluster.tick(2);
  assert.ok(cluster.at(1).reads.has(7));
});

test('any server asks the primary what a read must include', () => {
  const cluster = pair();
  cluster.propose(1, 'a');
  cluster.read(3, 7);
  assert.equal(cluster.at(3).reads.get(7), cluster.at(1).core.commitIndex);
});

test('a server whose operations the log has no more is sent the whole state, with operations going on', () => {
  const cluster = new TestServers(1, 2);
  cluster.drops = isTo(2);
  cluster.makeView(1, 2);
  for (const text of ['a', 'b', 'c']) cluster.propose(1, text);
  cluster.at(1).compact();
  cluster.drops = () => false;
  cluster.tick(2);
  assert.equal(cluster.transfers.length, 1);
  cluster.propose(1, 'd');
  assert.equal(cluster.at(1).applied, 'a b c d', 'the primary works alone meanwhile');
  cluster.transfer(true);
  cluster.tick(2);
  assert.equal(cluster.at(2).applied, 'a b c d');
  assert.equal(cluster.at(1).core.sync, 'in-sync');
});

test('a transfer that is lost with either end is begun anew', () => {
  const cluster = new TestServers(1, 2, 3);
  cluster.drops = isTo(2);
  cluster.makeView(1, 2);
  for (const text of ['a', 'b', 'c']) cluster.propose(1, text);
  cluster.at(1).compact();
  cluster.drops = () => false;
  cluster.tick(2);
  cluster.at(2).restart();
  cluster.transfer(false);
  cluster.makeView(1, 2);
  cluster.tick(2);
  assert.equal(cluster.transfers.length, 1, 'the backup restarted: it is asked for again');
  cluster.at(1).restart();
  cluster.transfers.length = 0;
  cluster.makeView(1, 2);
  cluster.tick(2);
  cluster.transfer(true);
  cluster.tick(2);
  assert.equal(cluster.at(2).applied, 'a b c');
  assert.equal(cluster.at(1).core.sync, 'in-sync');
});

test('nothing stays from another folder that a server came with before', () => {
  const cluster = new TestServers(1, 2);
  cluster.makeView(1, null);
  cluster.propose(1, 'a');
  cluster.tick(2);
  assert.equal(cluster.at(2).applied, 'a');
  const { disk } = cluster.at(2);
  Object.assign(disk, { view: 0, committed: 0, entries: [], applied: [], appliedIndex: 0 });
  cluster.at(2).restart();
  cluster.tell(2);
  cluster.tick(4);
  assert.equal(cluster.at(2).applied, 'a', 'it is fed from the start');
});

test('too much that is not committed is refused, one proposal always fits', () => {
  const cluster = pair();
  cluster.at(2).isUp = false;
  assert.equal(typeof cluster.propose(1, 'x'.repeat(200)), 'number');
  assert.equal(cluster.propose(1, 'y'), 'overloaded');
});

test('stamps never fall, whatever the clock of the next primary says', () => {
  const cluster = pair();
  cluster.at(1).core.propose(Buffer.from('a'), 5_000);
  cluster.settle();
  cluster.makeView(2, null, [1]);
  cluster.at(2).core.propose(Buffer.from('b'), 10);
  cluster.settle();
  assert.equal(cluster.at(2).core.lastStampMs, 5_000);
});
