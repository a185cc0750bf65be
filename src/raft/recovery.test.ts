import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  heartbeat,
  initialOf,
  appended,
  bytes,
  change,
  heartbeatResponse,
  rejected,
  requestVote,
  vote,
} from './test-messages.ts';
import { testTuning } from './test-node.ts';
import { lead, ofType, Solo, soloOf } from './test-solo.ts';
import { NO_MEMBER, type AppendEntries, type MemberId } from './types.ts';

/** How a leader gets on when an answer is lost or a configuration changes under way. */

const { heartbeatTicks } = testTuning;
const three = [1, 2, 3];

const progressOf = (solo: Solo, id: MemberId) => solo.raw.progress().find(({ member }) => member === id);
const appendsTo = (solo: Solo, id: MemberId): AppendEntries[] =>
  ofType(solo.take(), 'AppendEntries').filter(({ to }) => to === id);

/** A leader of term 2 whose log is cut at 5 and ends at 7; 3 needs what was cut, and is sent a snapshot of 6. */
function sendingSnapshot(): Solo {
  const solo = soloOf(1, three, { terms: [1, 1, 1, 1, 1, 1], term: 1 });
  lead(solo);
  solo.step(appended(2, 1, 2, 7));
  solo.node.flush();
  solo.node.compact(5);
  solo.step(rejected(3, 1, 2, 6, 0, 0));
  assert.deepEqual(solo.node.snapshotsWanted.splice(0), [3]);
  solo.node.call((raw) => raw.snapshotStarted(3, 6));
  solo.take();
  return solo;
}

test('§7 a follower whose acknowledgement of a snapshot was lost is asked whether it has it', () => {
  const solo = sendingSnapshot();
  solo.step(rejected(3, 1, 2, 6, 0, 0));
  assert.equal(progressOf(solo, 3)?.state, 'snapshot', 'it has not arrived yet');
  solo.tick(heartbeatTicks);
  solo.node.call((raw) => raw.step(heartbeatResponse(3, 1, 2)));
  const [asked] = appendsTo(solo, 3);
  assert.deepEqual([asked?.prevLogIndex, asked?.prevLogTerm, asked?.entries], [6, 1, []]);
  solo.node.call((raw) => raw.step(appended(3, 1, 2, 6)));
  assert.deepEqual(
    appendsTo(solo, 3).map(({ entries }) => entries.map(({ index }) => index)),
    [[7]],
  );
  assert.equal(progressOf(solo, 3)?.state, 'replicate');
});

test('§7 a follower that got a snapshot behind which the log was cut meanwhile gets another', () => {
  const solo = sendingSnapshot();
  solo.node.compact(7);
  solo.step(appended(3, 1, 2, 6));
  assert.deepEqual(solo.node.snapshotsWanted, [3]);
});

test('§7 what a follower acknowledges while a snapshot is on its way does not end that', () => {
  const solo = sendingSnapshot();
  solo.node.compact(7);
  solo.step(appended(3, 1, 2, 4));
  assert.equal(progressOf(solo, 3)?.state, 'snapshot');
  assert.deepEqual(solo.node.snapshotsWanted, []);
});

test('§7 a snapshot behind which the log was cut is not waited for', () => {
  const solo = sendingSnapshot();
  solo.node.compact(7);
  solo.tick(heartbeatTicks);
  solo.step(heartbeatResponse(3, 1, 2));
  assert.deepEqual(solo.node.snapshotsWanted, [3]);
});

test('§5.3 a follower that needs what was cut far ahead of its hint is not probed in between', () => {
  const solo = soloOf(1, three, { terms: [1, 1, 1, 1, 1, 1], term: 1 });
  lead(solo);
  solo.step(appended(2, 1, 2, 7));
  solo.node.flush();
  solo.node.compact(5);
  solo.step(rejected(3, 1, 2, 6, 2, 1));
  assert.deepEqual(solo.node.snapshotsWanted, [3]);
});

test('a follower that is idle until a proposal comes is not taken for one that lost it', () => {
  const solo = soloOf(1, three);
  lead(solo);
  for (const id of [2, 3]) solo.step(appended(id, 1, 1, 1));
  solo.tick(5 * heartbeatTicks);
  solo.node.call((raw) => raw.propose(bytes('x'), 0));
  assert.equal(appendsTo(solo, 2).length, 1);
  solo.step(heartbeatResponse(2, 1, 1));
  assert.equal(progressOf(solo, 2)?.state, 'replicate');
  solo.tick(2 * heartbeatTicks);
  solo.node.call((raw) => raw.step(heartbeatResponse(2, 1, 1)));
  assert.equal(appendsTo(solo, 2).length, 1, 'a whole interval brought no answer');
});

test('thesis §6.4 a read that waits for a voter which is removed is confirmed by those who are left', () => {
  const solo = soloOf(1, [1, 2]);
  lead(solo);
  solo.step(appended(2, 1, 1, 1));
  solo.node.call((raw) => raw.readIndex(7));
  solo.node.call((raw) => raw.proposeConfChange(change('-2'), 0));
  assert.deepEqual(solo.node.reads, []);
  solo.tick(heartbeatTicks);
  assert.deepEqual(
    solo.node.reads.map(({ context }) => context),
    [7],
  );
});

test('a new leader that hears nobody steps down after one election timeout', () => {
  const solo = soloOf(1, three);
  lead(solo);
  solo.tick(testTuning.electionTicks - 1);
  assert.equal(solo.raw.role, 'leader');
  solo.tick();
  assert.equal(solo.raw.role, 'follower');
});

test('§5.2 who votes for another while it asks for pre-votes does not go on to a term of its own', () => {
  const solo = soloOf(1, three, { terms: [1], term: 1 });
  solo.node.call((raw) => raw.campaign());
  assert.equal(solo.raw.role, 'pre-candidate');
  solo.step(requestVote(2, 1, 1, { lastLogIndex: 1, lastLogTerm: 1 }));
  assert.deepEqual([solo.raw.role, solo.raw.votedFor, solo.raw.term], ['follower', 2, 1]);
  solo.step(vote(3, 1, 2, { preVote: true }));
  assert.equal(solo.raw.term, 1);
});

test('§5.2 a candidate that cannot win any more waits as a follower', () => {
  for (const preVote of [true, false]) {
    const solo = soloOf(1, three);
    solo.node.call((raw) => raw.campaign());
    if (!preVote) solo.step(vote(2, 1, 1, { preVote: true }));
    const { role, term } = solo.raw;
    solo.step(vote(2, 1, term, { preVote, granted: false }));
    assert.equal(solo.raw.role, role);
    solo.step(vote(3, 1, term, { preVote, granted: false }));
    assert.deepEqual([solo.raw.role, solo.raw.term], ['follower', term]);
  }
});

test('a learner that hears its leader no more asks it no more', () => {
  const solo = new Solo(1, initialOf([2, 3], { terms: [] }, [1]));
  solo.step(heartbeat(2, 1, 1));
  assert.equal(solo.raw.leaderId, 2);
  solo.tick(2 * testTuning.electionTicks);
  assert.deepEqual([solo.raw.leaderId, solo.raw.role], [NO_MEMBER, 'follower']);
});

test('a commit that a heartbeat has told is not told again', () => {
  const solo = soloOf(1, three);
  lead(solo);
  solo.step(appended(2, 1, 1, 1));
  solo.node.call((raw) => raw.sendCommit(2));
  assert.equal(appendsTo(solo, 2).length, 1);
  solo.node.call((raw) => raw.sendCommit(2));
  assert.equal(appendsTo(solo, 2).length, 0);
  solo.node.call((raw) => raw.propose(bytes('x'), 0));
  solo.step(appended(2, 1, 1, 2));
  solo.tick(heartbeatTicks);
  solo.take();
  solo.node.call((raw) => raw.sendCommit(2));
  assert.equal(appendsTo(solo, 2).length, 0);
});

test('§6 a leader that leaves tells each of the commit as far as it holds it, and orders no learner to take over', () => {
  const solo = new Solo(1, initialOf([1, 2, 3, 4], { terms: [] }, [5]));
  lead(solo);
  for (const id of [2, 3, 4]) solo.step(appended(id, 1, 1, 1));
  solo.node.call((raw) => raw.proposeConfChange(change('-1'), 0));
  solo.node.call((raw) => raw.propose(bytes('x'), 0));
  solo.step(appended(5, 1, 1, 3));
  solo.step(appended(2, 1, 1, 2));
  const sent = solo.step(appended(3, 1, 1, 2));
  assert.equal(solo.raw.role, 'follower');
  assert.deepEqual(
    ofType(sent, 'AppendEntries').map(({ to, prevLogIndex, leaderCommit }) => [
      to,
      prevLogIndex,
      leaderCommit,
    ]),
    [
      [2, 2, 2],
      [3, 2, 2],
      [4, 1, 1],
      [5, 2, 2],
    ],
  );
  assert.deepEqual(ofType(sent, 'TimeoutNow'), []);
});

test('bytes that a leader had under way do not count when it leads again', () => {
  const solo = soloOf(1, three, { terms: [] });
  lead(solo);
  solo.node.call((raw) => raw.propose(bytes('12345'), 0));
  assert.equal(solo.raw.uncommittedBytes, 5);
  solo.node.call((raw) => raw.stepDown());
  assert.equal(solo.raw.uncommittedBytes, 0);
  lead(solo);
  solo.step(appended(2, 1, 2, 3));
  assert.equal(solo.raw.uncommittedBytes, 0);
});
