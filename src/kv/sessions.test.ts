import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BatchCommand } from './commands.ts';
import type { KvStateMachine } from './machine.ts';
import { append, checkSaved, Client, expire, open, register, run, set, textOf } from './kv.test-support.ts';
import type { Reply } from './replies.ts';

const request = (number: number, lowest: number, more: Partial<BatchCommand> = {}): BatchCommand => ({
  command: 'batch',
  session: 1,
  number,
  lowest,
  atomic: false,
  ops: [append('a', String(number))],
  ...more,
});

const statusOf = (machine: KvStateMachine, number: number, lowest: number, stampMs = 0): Reply['status'] =>
  run(machine, request(number, lowest), stampMs).status;

test('a repeated number is not executed again and gets the recorded reply', () => {
  const { machine } = open();
  register(machine);
  const first = run(machine, request(1, 1), 0);
  assert.deepEqual(first, { status: 'ok', results: [{ status: 'ok', version: 1 }] });
  run(machine, request(2, 1), 0);
  assert.deepEqual(run(machine, request(1, 1), 0), first);
  assert.equal(textOf(machine, 'a'), '12');
});

test('failed operations are recorded, too', () => {
  const { machine } = open();
  register(machine);
  const ops = [set('b', '1', { when: 'present' })];
  const first = run(machine, request(1, 1, { ops }), 0);
  run(machine, request(2, 1, { ops: [set('b', '2')] }), 0);
  assert.deepEqual(run(machine, request(1, 1, { ops }), 0), first);
});

test('numbers may come in any order, each executed once', () => {
  const { machine } = open();
  register(machine);
  for (const number of [3, 1, 3, 2, 1, 2]) assert.equal(statusOf(machine, number, 1), 'ok');
  assert.equal(textOf(machine, 'a'), '312');
});

test('a number that the client has an answer for is stale, and its reply is dropped', () => {
  const { machine } = open();
  register(machine);
  statusOf(machine, 1, 1);
  statusOf(machine, 3, 3);
  assert.equal(statusOf(machine, 1, 1), 'stale');
  assert.equal(statusOf(machine, 2, 1), 'stale', 'not executed before, and not any more');
  assert.equal(statusOf(machine, 3, 3), 'ok');
  assert.equal(textOf(machine, 'a'), '13');
});

test('an old copy of a request does not lower what its session has confirmed', () => {
  const { machine } = open();
  register(machine);
  statusOf(machine, 5, 5);
  statusOf(machine, 6, 1);
  assert.equal(statusOf(machine, 4, 4), 'stale');
  assert.equal(textOf(machine, 'a'), '56');
});

test('a far jump of the lowest number drops every reply', () => {
  const { machine, storage } = open();
  register(machine);
  for (let number = 1; number <= 10; number++) statusOf(machine, number, 1);
  machine.save();
  assert.equal(statusOf(machine, 2 ** 53 - 1, 2 ** 53 - 1), 'ok');
  checkSaved({ machine, storage });
  assert.equal([...storage.range({ start: 's', end: 't' })].length, 2, 'the session and one reply');
});

test('a request of no session, or of one that ended, is refused', () => {
  const { machine } = open();
  assert.equal(statusOf(machine, 1, 1), 'session-expired');
  register(machine);
  statusOf(machine, 1, 1);
  assert.deepEqual(run(machine, { command: 'end-session', session: 1 }, 0), { status: 'ended' });
  assert.equal(statusOf(machine, 1, 1), 'session-expired');
  assert.deepEqual(run(machine, { command: 'keep-alive', session: 1 }, 0), { status: 'session-expired' });
  assert.deepEqual(run(machine, { command: 'end-session', session: 1 }, 0), { status: 'ended' });
  assert.equal(textOf(machine, 'a'), '1');
});

test('a session ends by the expire command once it was not used for its time to live', () => {
  const { machine } = open({ sessionTtlMs: 1_000 });
  register(machine, 0);
  register(machine, 0);
  register(machine, 0);
  assert.equal(machine.nextDeadlineMs(), 1_000);
  statusOf(machine, 1, 1, 400);
  assert.equal(machine.nextDeadlineMs(), 1_000, 'the others were not used');
  run(machine, { command: 'keep-alive', session: 2 }, 600);
  assert.deepEqual(expire(machine, 999), { status: 'expired', keys: 0, sessions: 0 });
  assert.deepEqual(expire(machine, 1_000), { status: 'expired', keys: 0, sessions: 1 });
  assert.equal(machine.nextDeadlineMs(), 1_400);
  assert.deepEqual(expire(machine, 1_599), { status: 'expired', keys: 0, sessions: 1 });
  assert.equal(statusOf(machine, 1, 1, 1_599), 'session-expired');
  assert.equal(machine.sessionCount, 1);
});

test('a session that is due but was not ended yet lives on when it is used', () => {
  const { machine } = open({ sessionTtlMs: 1_000 });
  register(machine, 0);
  assert.equal(statusOf(machine, 1, 1, 5_000), 'ok');
  assert.deepEqual(expire(machine, 5_999), { status: 'expired', keys: 0, sessions: 0 });
});

test('a session cannot be registered over the limit, unless some are due', () => {
  const { machine } = open({ sessionsMax: 2, sessionTtlMs: 1_000 });
  register(machine, 0);
  register(machine, 500);
  assert.deepEqual(run(machine, { command: 'register' }, 999), { status: 'too-many-sessions' });
  assert.deepEqual(run(machine, { command: 'register' }, 1_000), { status: 'registered', session: 3 });
  assert.deepEqual(run(machine, { command: 'register' }, 1_000), { status: 'too-many-sessions' });
});

test('ids are not used again, a restart included', () => {
  const opened = open();
  for (let i = 1; i <= 3; i++)
    run(opened.machine, { command: 'end-session', session: register(opened.machine) }, 0);
  opened.machine.save();
  assert.equal(register(open({}, opened.storage).machine), 4);
});

test('a number too far above the lowest unanswered one is not executed', () => {
  const { machine } = open({ sessionRepliesMax: 4 });
  register(machine);
  assert.equal(statusOf(machine, 4, 1), 'ok');
  assert.equal(statusOf(machine, 5, 1), 'window-full');
  assert.equal(textOf(machine, 'a'), '4');
  assert.equal(statusOf(machine, 5, 2), 'ok');
  assert.equal(statusOf(machine, 4, 1), 'ok', 'what is recorded is answered however full the window');
});

test('a session with too many bytes of replies gets nothing executed until it confirms some', () => {
  const { machine } = open({ sessionReplyBytesMax: 200 });
  register(machine);
  const statuses = [1, 2, 3, 4, 5].map((number) => statusOf(machine, number, 1));
  assert.deepEqual(statuses, ['ok', 'ok', 'ok', 'window-full', 'window-full']);
  assert.equal(statusOf(machine, 4, 2), 'ok');
});

test('preview says what would become of a request, without a trace', () => {
  const { machine } = open({ sessionRepliesMax: 4 });
  register(machine);
  statusOf(machine, 3, 2);
  const before = machine.stateHash();
  const verdicts = [
    machine.preview(9, 1, 1),
    machine.preview(1, 1, 1),
    machine.preview(1, 2, 2),
    machine.preview(1, 3, 2),
    machine.preview(1, 5, 2),
    machine.preview(1, 6, 2),
    machine.preview(1, 6, 3),
  ];
  assert.deepEqual(verdicts, [
    'session-expired',
    'stale',
    'execute',
    'repeated',
    'execute',
    'window-full',
    'execute',
  ]);
  assert.equal(machine.stateHash(), before);
});

test('a restart remembers what was executed, with what result, and what was confirmed', () => {
  const before = open();
  register(before.machine);
  statusOf(before.machine, 1, 1);
  const second = run(
    before.machine,
    request(2, 2, { ops: [set('b', '1', { when: 'present' }), append('b', 'x')] }),
    0,
  );
  before.machine.save();
  statusOf(before.machine, 3, 3);
  const third = run(before.machine, request(4, 3), 7);
  before.machine.save();
  const { machine, storage } = open({}, before.storage.copy());
  assert.equal(machine.stateHash(), before.machine.stateHash());
  assert.equal(statusOf(machine, 2, 2, 8), 'stale');
  assert.deepEqual(run(machine, request(4, 3), 8), third);
  assert.equal(second.status, 'ok');
  assert.equal(textOf(machine, 'a'), '134');
  checkSaved({ machine, storage });
});

test('a reply that was confirmed before it was saved is never written', () => {
  const { machine, storage } = open();
  const client = new Client(machine);
  for (let i = 0; i < 50; i++) client.do(0, append('a', 'x'));
  machine.save();
  assert.equal([...storage.range({ start: 's', end: 't' })].length, 2, 'the session and its last reply');
});

test('an ended session leaves nothing in the storage', () => {
  const { machine, storage } = open();
  register(machine);
  statusOf(machine, 1, 1);
  machine.save();
  statusOf(machine, 2, 1);
  run(machine, { command: 'end-session', session: 1 }, 0);
  machine.save();
  assert.deepEqual([...storage.range({ start: 's', end: 't' })], []);
});
