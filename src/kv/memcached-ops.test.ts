import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXPIRED } from './fields.ts';
import { append, bytes, cas, checkSaved, Client, expire, open, set, textOf } from './kv.test-support.ts';
import type { IncrementOp, InvalidateOp, VisitOp } from './ops.ts';
import { mark } from './records.ts';

const visit = (key: string, more: Partial<VisitOp> = {}): VisitOp => ({
  op: 'visit',
  key,
  ttlMs: null,
  vivifyTtlMs: null,
  recacheMs: 0,
  ...more,
});
const invalidate = (key: string, more: Partial<InvalidateOp> = {}): InvalidateOp => ({
  op: 'invalidate',
  key,
  version: 0,
  ttlMs: null,
  ...more,
});
const increment = (key: string, more: Partial<IncrementOp> = {}): IncrementOp => ({
  op: 'increment',
  key,
  by: 1n,
  down: false,
  initial: null,
  ttlMs: 0,
  ...more,
});

test('a key whose time is over already is stored, and gone for whoever comes next', () => {
  const { machine, storage } = open();
  const client = new Client(machine);
  const over = { ttlMs: EXPIRED };
  assert.deepEqual(client.do(70, set('a', '1', over)), { status: 'ok', version: 1 });
  assert.equal(machine.nextDeadlineMs(), 70, 'a reader has the leader drop it first');
  assert.deepEqual(client.batch(70, [set('b', '1', over), set('b', '2', { when: 'absent' })]).at(1), {
    status: 'ok',
    version: 4,
  });
  expire(machine, 70);
  assert.equal(textOf(machine, 'a'), undefined);
  assert.equal(textOf(machine, 'b'), '2');
  checkSaved({ machine, storage });
});

test('append, prepend and increment can name the version that they mean', () => {
  const { machine } = open();
  const client = new Client(machine);
  client.batch(0, [set('a', '1'), set('a', '2')]);
  const mismatch = { status: 'version-mismatch', version: 2 };
  assert.deepEqual(client.do(0, append('a', 'x', { version: 1 })), mismatch);
  assert.deepEqual(client.do(0, append('a', 'x', { op: 'prepend', version: 3 })), mismatch);
  assert.deepEqual(client.do(0, increment('a', { version: 1 })), mismatch);
  assert.equal(client.do(0, increment('a', { version: 2 })).version, 3);
  assert.equal(client.do(0, append('a', '0', { version: 3 })).version, 4);
  assert.equal(textOf(machine, 'a'), '30');
});

test('an increment can give another time to live, but keeps that of the key otherwise', () => {
  const { machine } = open();
  const client = new Client(machine);
  client.do(0, set('a', '1', { ttlMs: 100 }));
  client.do(10, increment('a'));
  assert.equal(machine.get('a')?.expiresAtMs, 100);
  client.do(10, increment('a', { newTtlMs: 500 }));
  assert.equal(machine.get('a')?.expiresAtMs, 510);
  client.do(10, increment('a', { newTtlMs: 0 }));
  assert.equal(machine.get('a')?.expiresAtMs, 0);
});

test('a visit of a key that is not there makes it, if it is to, and the one who made it wins', () => {
  const { machine, storage } = open();
  const client = new Client(machine);
  assert.deepEqual(client.do(0, visit('a')), { status: 'not-found', version: 0 });
  assert.deepEqual(client.do(0, visit('a', { vivifyTtlMs: 50 })), {
    status: 'won',
    version: 1,
    expiresAtMs: 50,
    marks: mark.won,
  });
  assert.equal(client.do(0, visit('a', { vivifyTtlMs: 50 })).status, 'ok');
  const record = machine.get('a');
  assert.deepEqual([record?.expiresAtMs, record?.marks, record?.value.length], [50, mark.won, 0]);
  client.do(1, set('a', 'made'));
  assert.equal(machine.get('a')?.marks, undefined, 'a new value has no marks');
  checkSaved({ machine, storage });
});

test('of those who find a key with too little to live, the first wins', () => {
  const { machine, storage } = open();
  const client = new Client(machine);
  client.do(0, set('a', '1', { ttlMs: 100 }));
  assert.equal(client.do(50, visit('a', { recacheMs: 50 })).status, 'ok', 'not less than that');
  assert.equal(client.do(51, visit('a', { recacheMs: 50 })).status, 'won');
  assert.equal(client.do(52, visit('a', { recacheMs: 50 })).status, 'ok');
  assert.equal(machine.get('a')?.version, 1);
  client.do(53, set('b', '1'));
  assert.equal(client.do(54, visit('b', { recacheMs: 1e9 })).status, 'ok', 'what never expires is not due');
  checkSaved({ machine, storage });
});

test('a visit gives another time to live, and leaves version, value and flags alone', () => {
  const { machine, storage } = open();
  const client = new Client(machine);
  client.do(0, set('a', '1', { flags: 7, ttlMs: 100 }));
  const { version } = machine;
  client.do(10, visit('a', { ttlMs: 1_000 }));
  assert.deepEqual(machine.get('a'), {
    version: 1,
    flags: 7,
    expiresAtMs: 1_010,
    lease: 0,
    value: bytes('1'),
  });
  client.do(10, visit('a', { ttlMs: EXPIRED }));
  expire(machine, 10);
  assert.equal(machine.get('a'), undefined);
  assert.equal(machine.version, version + 1, 'only its end was a change');
  checkSaved({ machine, storage });
});

test('an invalidated key keeps its value under a new version, and its first visitor wins', () => {
  const { machine, storage } = open();
  const client = new Client(machine);
  client.do(0, set('a', 'old', { flags: 3 }));
  assert.deepEqual(client.do(0, invalidate('a', { version: 9 })), { status: 'version-mismatch', version: 1 });
  assert.deepEqual(client.do(0, invalidate('b')), { status: 'not-found', version: 0 });
  assert.deepEqual(client.do(0, invalidate('a', { version: 1, ttlMs: 30 })), { status: 'ok', version: 2 });
  const record = machine.get('a');
  assert.deepEqual([record?.flags, record?.expiresAtMs, record?.marks], [3, 30, mark.stale]);
  assert.equal(
    client.do(1, visit('a', { recacheMs: null })).status,
    'ok',
    'who only touches it does not win',
  );
  assert.equal(client.do(1, visit('a')).status, 'won');
  assert.equal(client.do(1, visit('a')).status, 'ok');
  assert.equal(machine.get('a')?.marks, mark.stale | mark.won);
  client.do(2, invalidate('a'));
  assert.equal(client.do(2, visit('a')).status, 'won', 'it can be won again');
  checkSaved({ machine, storage });
});

test('a cas that takes later versions leaves the value stale, and the expiry as it was', () => {
  const { machine } = open();
  const client = new Client(machine);
  client.do(0, set('a', '1', { ttlMs: 100 }));
  client.do(0, invalidate('a'));
  client.do(0, visit('a'));
  const older = { ...cas('a', '2', 1), orOlder: true };
  assert.deepEqual(client.do(0, { ...older, version: 3 }), { status: 'version-mismatch', version: 2 });
  assert.deepEqual(client.do(0, older), { status: 'ok', version: 3 });
  const record = machine.get('a');
  assert.deepEqual(
    [textOf(machine, 'a'), record?.expiresAtMs, record?.marks],
    ['2', 100, mark.stale | mark.won],
  );
  assert.deepEqual(client.do(0, { ...older, version: 3 }), { status: 'ok', version: 4 });
  assert.deepEqual(
    [machine.get('a')?.expiresAtMs, machine.get('a')?.marks],
    [0, undefined],
    'it is the version',
  );
});

test('a flush can be set for later: by log time, over restarts, and the last one counts', () => {
  const opened = open();
  const { machine, storage } = opened;
  const client = new Client(machine);
  client.batch(0, [set('a', '1'), { op: 'flush', delayMs: 100 }]);
  assert.equal(machine.nextDeadlineMs(), 100);
  client.do(10, { op: 'flush', delayMs: 200 });
  client.do(150, set('b', '1'));
  assert.equal(textOf(machine, 'a'), '1', 'the first one is off');
  checkSaved(opened);
  const { machine: again } = open({}, storage);
  assert.equal(again.nextDeadlineMs(), 210);
  expire(again, 210);
  assert.deepEqual([textOf(again, 'a'), textOf(again, 'b'), again.keyCount], [undefined, undefined, 0]);
});

test('a write at the time of a flush comes behind it; a flush now calls off the one to come', () => {
  const { machine, storage } = open();
  const client = new Client(machine);
  client.batch(0, [set('a', '1'), { op: 'flush', delayMs: 100 }]);
  assert.equal(client.do(100, set('a', '2', { when: 'absent' })).status, 'ok');
  client.batch(100, [{ op: 'flush', delayMs: 50 }, { op: 'flush' }, set('b', '1')]);
  expire(machine, 500);
  assert.equal(textOf(machine, 'b'), '1');
  checkSaved({ machine, storage });
});
