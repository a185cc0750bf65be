import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeConfEntry } from './confchange/encoding.ts';
import { Cluster } from './cluster-harness.ts';
import {
  describeConfChange,
  describeConfState,
  describeData,
  describeEntries,
  describeEntry,
  describeHardState,
  describeMember,
  describeMessage,
  describeNode,
  describeReadState,
  describeReady,
  describeRefusal,
  describeSnapshot,
  describeSoftState,
} from './describe.ts';
import {
  append,
  appended,
  bytes,
  change,
  conf,
  entry,
  heartbeat,
  heartbeatResponse,
  installSnapshot,
  logOf,
  rejected,
  requestVote,
  timeoutNow,
  vote,
} from './test-messages.ts';
import type { Message } from './types.ts';
import { NO_MEMBER, memberId } from './types.ts';

test('a member is told by its configured id, and its life when it was rebuilt', () => {
  assert.equal(describeMember(3), '3');
  assert.equal(describeMember(memberId(3, 2)), '3.2');
  assert.equal(describeMember(NO_MEMBER), 'none');
});

test('configurations and their changes', () => {
  assert.equal(describeConfState(conf([1, 2])), '(1 2)');
  const joint = conf([1, 4], { votersOutgoing: [1, 2], learners: [5], learnersNext: [2] });
  assert.equal(describeConfState(joint), '(1 4)&(1 2) learners(5) next(2)');
  assert.equal(describeConfChange(change('+4', '~5', '-2')), '+4 ~5 -2');
  assert.equal(describeConfChange(change()), 'leave-joint');
});

test('data is text where it is printable, and short', () => {
  assert.equal(describeData(bytes('set x')), '"set x"');
  assert.equal(describeData(Uint8Array.of(0, 255)), 'x00ff');
  assert.equal(describeData(bytes('a"b')), 'x612262');
  assert.equal(describeData(bytes('y'.repeat(50))), `"${'y'.repeat(40)}"…50B`);
});

test('entries', () => {
  assert.equal(describeEntry(entry(7, 2, 'x')), '7/2 "x"');
  assert.equal(describeEntry({ ...entry(7, 2, ''), stampMs: 12 }), '7/2@12 no-op');
  const data = encodeConfEntry({ change: change('+4'), conf: conf([1, 4]) });
  assert.equal(describeEntry({ ...entry(7, 2), type: 'conf-change', data }), '7/2 conf +4');
  assert.equal(describeEntry({ ...entry(7, 2, 'z'), type: 'conf-change' }), '7/2 conf "z"');
  assert.equal(describeEntries([]), '[]');
  assert.equal(describeEntries([entry(1, 1, 'a'), entry(2, 1, 'b')]), '[1/1 "a", 2/1 "b"]');
  assert.equal(describeEntries(logOf(Array<number>(9).fill(1))), '[1/1 "1.1" … 9/1 "9.1", 9 entries]');
});

const messages: readonly (readonly [Message, string])[] = [
  [requestVote(1, 2, 3, { lastLogIndex: 4, lastLogTerm: 2 }), '1->2 t3 RequestVote last 4/2'],
  [requestVote(1, 2, 3, { preVote: true }), '1->2 t3 PreVote last 0/0'],
  [requestVote(1, 2, 3, { transfer: true }), '1->2 t3 RequestVote last 0/0 transfer'],
  [vote(2, 1, 3), '2->1 t3 Vote granted'],
  [vote(2, 1, 3, { preVote: true, granted: false }), '2->1 t3 PreVote refused'],
  [
    append(1, 2, 3, { entries: [entry(1, 3, 'x')], leaderCommit: 0 }),
    '1->2 t3 Append prev 0/0 commit 0 [1/3 "x"]',
  ],
  [appended(2, 1, 3, 5), '2->1 t3 Appended 5'],
  [rejected(2, 1, 3, 5, 4, 2), '2->1 t3 Rejected 5 hint 4/2'],
  [heartbeat(1, 2, 3, { leaderCommit: 4 }), '1->2 t3 Heartbeat commit 4'],
  [heartbeat(1, 2, 3, { readRound: 9 }), '1->2 t3 Heartbeat commit 0 round 9'],
  [heartbeatResponse(2, 1, 3, 9), '2->1 t3 HeartbeatAck round 9'],
  [
    installSnapshot(1, 2, 3, { index: 8, term: 2, stampMs: 0, confState: conf([1, 2]) }),
    '1->2 t3 Snapshot 8/2 (1 2)',
  ],
  [timeoutNow(1, 2, 3), '1->2 t3 TimeoutNow'],
  [{ type: 'ReadIndex', from: 2, to: 1, term: 3, context: 6 }, '2->1 t3 ReadIndex #6'],
  [
    { type: 'ReadIndexResponse', from: 1, to: 2, term: 3, context: 6, index: 8, stampMs: 44 },
    '1->2 t3 ReadIndexAck #6 at 8 @44',
  ],
];
test('every message is one line', () => {
  for (const [message, line] of messages) assert.equal(describeMessage(message), line);
});

test('states', () => {
  assert.equal(
    describeHardState({ term: 2, votedFor: NO_MEMBER, commitIndex: 4 }),
    'term 2 vote none commit 4',
  );
  assert.equal(describeSoftState({ role: 'leader', leaderId: 1 }), 'leader');
  assert.equal(describeSoftState({ role: 'follower', leaderId: 1 }), 'follower of 1');
  assert.equal(describeSoftState({ role: 'follower', leaderId: NO_MEMBER }), 'follower');
  assert.equal(describeSnapshot({ index: 8, term: 2, stampMs: 7, confState: conf([1]) }), '8/2@7 (1)');
  assert.equal(describeReadState({ context: 1, index: 2, stampMs: 0 }), '#1 at 2');
  assert.equal(describeRefusal(7), 'index 7');
  assert.equal(describeRefusal('overloaded'), 'refused: overloaded');
});

test('a node is one line', () => {
  const cluster = new Cluster({ voters: [1, 2] });
  cluster.elect(1);
  assert.equal(
    describeNode(cluster.raw(2)),
    '2 follower of 1 t1 vote 1 log 1..1/1 persisted 1 commit 0 applied 0 (1 2)',
  );
});

test('a Ready tells what it holds, in the order of doing', () => {
  const empty = {
    seq: 4,
    softState: null,
    hardState: null,
    snapshot: null,
    entries: [],
    mustSync: false,
    messages: [],
    messagesAfterAppend: [],
    committedEntries: [],
    readStates: [],
    snapshotsWanted: [],
  };
  assert.equal(describeReady(empty), 'ready 4');
  const full = {
    ...empty,
    softState: { role: 'follower', leaderId: 2 } as const,
    hardState: { term: 1, votedFor: NO_MEMBER, commitIndex: 0 },
    snapshot: { index: 8, term: 1, stampMs: 0, confState: conf([1, 2]) },
    entries: [entry(9, 1, 'x')],
    mustSync: true,
    messages: [heartbeatResponse(1, 2, 1)],
    messagesAfterAppend: [appended(1, 2, 1, 9)],
    committedEntries: [entry(9, 1, 'x')],
    readStates: [{ context: 3, index: 9, stampMs: 0 }],
    snapshotsWanted: [2],
  };
  assert.equal(
    describeReady(full),
    'ready 4; follower of 2; term 1 vote none commit 0; snapshot 8/1 (1 2); entries [9/1 "x"]; sync; ' +
      'send {1->2 t1 HeartbeatAck}; send after {1->2 t1 Appended 9}; apply [9/1 "x"]; reads #3 at 9; ' +
      'snapshot wanted by (2)',
  );
});
