import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkState } from './check-state.ts';
import { append, checkSaved, Client, expire, open, set, textOf } from './kv.test-support.ts';
import type { MemoryStorage } from './memory-storage.ts';
import type { Op } from './ops.ts';

const flush: Op = { op: 'flush' };
const records = (storage: MemoryStorage): number => [...storage.range({ start: 'k', end: 'l' })].length;
const keys = (count: number): Op[] => Array.from({ length: count }, (_, i) => set(`k${100 + i}`, `${i}`));

test('a flush removes all keys at once and touches none of them', () => {
  const { machine, storage } = open();
  const client = new Client(machine);
  client.batch(0, [...keys(50), set('due', 'x', { ttlMs: 50 })]);
  assert.deepEqual(client.do(10, flush), { status: 'ok', version: 52 });
  assert.equal(machine.keyCount, 0);
  assert.equal(records(storage), 51);
  assert.equal(machine.get('k100'), undefined);
  assert.equal(machine.get('due'), undefined);
  const events = machine.changes(52, 10);
  assert(events !== 'compacted');
  assert.deepEqual(events, [{ version: 52, type: 'flush', key: '', record: null }]);
  checkSaved({ machine, storage });
});

test('writes after a flush find nothing of what was before', () => {
  const { machine, storage } = open();
  const client = new Client(machine);
  client.batch(0, [set('a', '1'), set('b', '1'), set('c', '1'), flush, append('a', '2')]);
  assert.equal(textOf(machine, 'a'), '2');
  assert.equal(client.do(0, set('b', '2', { when: 'present' })).status, 'not-found');
  const atomic = client.batch(0, [{ op: 'check', key: 'c', version: null }, set('c', '3')], true);
  assert.deepEqual(
    atomic.map(({ status }) => status),
    ['ok', 'ok'],
  );
  assert.equal(machine.keyCount, 2);
  assert.equal(machine.version, 6);
  assert.equal(machine.nextDeadlineMs(), machine.sessionTtlMs, 'nothing is left to purge');
  checkSaved({ machine, storage });
});

test('what a flush left is purged by bounded commands, which are due at once and then every few milliseconds', () => {
  const opened = open({ purgedRecordsMax: 10 });
  const { machine, storage } = opened;
  const client = new Client(machine);
  client.batch(0, keys(25));
  client.batch(1_000, [flush, set('k110', 'new'), set('a', 'new')]);
  assert.equal(machine.nextDeadlineMs(), 1_000);
  const left: number[] = [];
  const { version } = machine;
  for (let stampMs = 1_000; machine.nextDeadlineMs() === stampMs; stampMs += 20) {
    expire(machine, stampMs);
    left.push(records(storage));
    checkSaved(opened);
  }
  assert.deepEqual(left, [17, 8, 2]);
  assert.equal(machine.version, version, 'a purge is no change');
  assert.equal(machine.keyCount, 2);
  assert.equal(textOf(machine, 'k110'), 'new');
});

test('a purge looks at a bounded number of bytes', () => {
  const { machine, storage } = open({ purgedBytesMax: 3_000 });
  const client = new Client(machine);
  client.batch(
    0,
    [1, 2, 3, 4, 5].map((i) => set(`k${i}`, 'x'.repeat(1_500))),
  );
  client.do(0, flush);
  expire(machine, 0);
  assert.equal(records(storage), 3);
});

test('a restart in the middle of a purge goes on where it was', () => {
  const before = open({ purgedRecordsMax: 10 });
  const client = new Client(before.machine);
  client.batch(0, keys(25));
  client.do(0, flush);
  expire(before.machine, 0);
  before.machine.save();
  const after = open({ purgedRecordsMax: 10 }, before.storage.copy());
  for (const each of [before, after]) {
    expire(each.machine, 50);
    assert.equal(records(each.storage), 5);
    assert.equal(each.machine.get('k124'), undefined);
    checkSaved(each);
  }
  assert.equal(after.machine.stateHash(), before.machine.stateHash());
});

test('a second flush starts the purge anew, and keys that fall due meanwhile are no change', () => {
  const opened = open({ purgedRecordsMax: 1 });
  const { machine, storage } = opened;
  const client = new Client(machine);
  client.batch(0, [set('a', '1'), set('b', '1'), set('c', '1', { ttlMs: 5 }), set('d', '1'), flush]);
  expire(machine, 0);
  client.batch(0, [set('a', '2'), flush]);
  const { version } = machine;
  expire(machine, 5);
  assert.equal(records(storage), 2, 'a and c are gone, the one purged, the other dropped when it was due');
  assert.equal(machine.version, version);
  expire(machine, 25);
  expire(machine, 45);
  assert.equal(records(storage), 0);
  checkSaved(opened);
});

test('the hash of a state that was flushed is not that of one that was not', () => {
  const flushed = open();
  const plain = open();
  for (const { machine } of [flushed, plain]) new Client(machine).do(0, set('a', '1'));
  const client = new Client(flushed.machine);
  const other = new Client(plain.machine);
  client.do(0, flush);
  other.do(0, set('b', '1'));
  assert.notEqual(flushed.machine.stateHash(), plain.machine.stateHash());
  flushed.machine.save();
  assert.equal(checkState(flushed.storage).keyCount, 0);
});

test('who watches is told of every change, whatever the command that it came with', () => {
  const { machine } = open();
  const client = new Client(machine);
  const told: number[] = [];
  machine.onChange = () => told.push(machine.version);
  client.batch(0, [set('a', '1'), set('b', '1')]);
  client.do(0, { op: 'touch', key: 'a', ttlMs: 0 });
  assert.deepEqual(told, [2], 'a touch is none');
  client.do(0, { op: 'flush', delayMs: 100 });
  expire(machine, 99);
  assert.deepEqual(told, [2]);
  expire(machine, 100);
  assert.deepEqual(told, [2, 3], 'a flush that was to come later');
});
