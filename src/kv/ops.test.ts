import assert from 'node:assert/strict';
import { test } from 'node:test';
import { append, bytes, cas, checkSaved, Client, open, remove, set, textOf } from './kv.test-support.ts';

test('set creates and replaces', () => {
  const { machine } = open();
  const client = new Client(machine);
  assert.deepEqual(client.do(0, set('a', '1')), { status: 'ok', version: 1 });
  assert.deepEqual(client.do(0, set('a', '2', { flags: 0xffff_ffff })), { status: 'ok', version: 2 });
  assert.deepEqual(machine.get('a'), {
    version: 2,
    flags: 0xffff_ffff,
    expiresAtMs: 0,
    lease: 0,
    value: Buffer.from('2'),
  });
  assert.equal(machine.get('b'), undefined);
  assert.equal(machine.keyCount, 1);
});

test('set of an absent key only, or of a present one only', () => {
  const { machine } = open();
  const client = new Client(machine);
  assert.deepEqual(client.do(0, set('a', '1', { when: 'present' })), { status: 'not-found', version: 0 });
  assert.deepEqual(client.do(0, set('a', '1', { when: 'absent' })), { status: 'ok', version: 1 });
  assert.deepEqual(client.do(0, set('a', '2', { when: 'absent' })), { status: 'exists', version: 1 });
  assert.deepEqual(client.do(0, set('a', '3', { when: 'present' })), { status: 'ok', version: 2 });
  assert.equal(textOf(machine, 'a'), '3');
});

test('cas replaces the version that it names, else says the current one', () => {
  const { machine } = open();
  const client = new Client(machine);
  assert.deepEqual(client.do(0, cas('a', 'x', 0)), { status: 'not-found', version: 0 });
  client.do(0, set('a', '1'));
  client.do(0, set('b', '1'));
  assert.deepEqual(client.do(0, cas('a', 'x', 2)), { status: 'version-mismatch', version: 1 });
  assert.deepEqual(client.do(0, cas('a', '2', 1)), { status: 'ok', version: 3 });
  assert.equal(textOf(machine, 'a'), '2');
});

test('delete removes a key once', () => {
  const { machine } = open();
  const client = new Client(machine);
  client.do(0, set('a', '1'));
  assert.deepEqual(client.do(0, remove('a')), { status: 'deleted', version: 2 });
  assert.deepEqual(client.do(0, remove('a')), { status: 'not-found', version: 0 });
  assert.equal(machine.get('a'), undefined);
  assert.equal(machine.keyCount, 0);
});

test('append puts an absent key, and keeps flags and expiry of a present one', () => {
  const { machine } = open();
  const client = new Client(machine);
  assert.deepEqual(client.do(0, append('a', 'x')), { status: 'ok', version: 1 });
  assert.equal(machine.get('a')?.flags, 0);
  client.do(5, set('b', 'one', { flags: 7, ttlMs: 1_000 }));
  assert.deepEqual(client.do(500, append('b', ' two')), { status: 'ok', version: 3 });
  const value = Buffer.from('one two');
  assert.deepEqual(machine.get('b'), { version: 3, flags: 7, expiresAtMs: 1_005, lease: 0, value });
});

test('no write leaves a value above the limit behind', () => {
  const { machine } = open({ valueBytesMax: 4 });
  const client = new Client(machine);
  const tooLarge = { status: 'too-large', version: 0 };
  assert.deepEqual(client.do(0, set('a', '12345')), tooLarge);
  assert.deepEqual(client.do(0, append('a', '12345')), tooLarge);
  assert.equal(machine.get('a'), undefined);
  client.do(0, set('a', '123'));
  assert.deepEqual(client.do(0, append('a', '45')), tooLarge);
  assert.deepEqual(client.do(0, cas('a', '12345', 1)), tooLarge);
  assert.deepEqual(client.do(0, append('a', '4')), { status: 'ok', version: 2 });
  assert.equal(textOf(machine, 'a'), '1234');
});

test('a key may be any bytes, a value empty', () => {
  const { machine, storage } = open();
  const client = new Client(machine);
  const key = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)).toString('latin1');
  client.do(0, set(key, ''));
  client.do(0, append(key, ''));
  assert.equal(textOf(machine, key), '');
  checkSaved({ machine, storage });
});

test('every changed key gets the next version, whatever the change; a failed operation takes none', () => {
  const { machine } = open();
  const client = new Client(machine);
  client.batch(0, [set('a', '1'), cas('a', '2', 9), set('b', '1', { ttlMs: 10 }), remove('a'), remove('a')]);
  assert.equal(machine.version, 3);
  assert.deepEqual(
    client.do(20, set('b', '2')),
    { status: 'ok', version: 5 },
    'version 4 is the expiry of b',
  );
});

test('operations of a batch that is not atomic stand for themselves and see those before', () => {
  const { machine } = open();
  const client = new Client(machine);
  const results = client.batch(0, [set('a', '1'), cas('a', '2', 1), cas('a', '3', 1), append('a', '!')]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['ok', 'ok', 'version-mismatch', 'ok'],
  );
  assert.equal(textOf(machine, 'a'), '2!');
  assert.deepEqual(client.batch(0, []), []);
});

test('an atomic batch is applied whole', () => {
  const { machine, storage } = open();
  const client = new Client(machine);
  client.do(0, set('c', 'old'));
  const ops = [
    set('a', '1', { when: 'absent' }),
    cas('a', '2', 2),
    append('a', '!'),
    remove('c'),
    set('c', 'new'),
  ];
  const results = client.batch(0, [...ops, remove('c')], true);
  assert.deepEqual(
    results.map(({ status, version }) => `${status} ${version}`),
    ['ok 2', 'ok 3', 'ok 4', 'deleted 5', 'ok 6', 'deleted 7'],
  );
  assert.equal(textOf(machine, 'a'), '2!');
  assert.equal(machine.get('c'), undefined);
  assert.equal(machine.version, 7);
  checkSaved({ machine, storage });
});

test('an atomic batch with an operation that fails changes nothing and says which ones failed', () => {
  const { machine } = open();
  const client = new Client(machine);
  client.do(0, set('a', '1'));
  const results = client.batch(
    0,
    [set('a', '2'), set('b', '1'), cas('c', '1', 1), remove('a'), cas('b', '2', 9)],
    true,
  );
  assert.deepEqual(
    results.map(({ status }) => status),
    ['not-applied', 'not-applied', 'not-found', 'not-applied', 'version-mismatch'],
  );
  assert.equal(textOf(machine, 'a'), '1');
  assert.equal(machine.get('b'), undefined);
  assert.equal(machine.version, 1);
});

test('a failed atomic batch names versions that were there before it only', () => {
  const { machine } = open();
  const client = new Client(machine);
  client.do(0, set('a', '1'));
  const results = client.batch(0, [set('b', '1'), set('b', '2', { when: 'absent' }), cas('a', '2', 5)], true);
  assert.deepEqual(results, [
    { status: 'not-applied', version: 0 },
    { status: 'exists', version: 0 },
    { status: 'version-mismatch', version: 1 },
  ]);
});

test('values of later writes do not share bytes with earlier ones', () => {
  const { machine } = open();
  const client = new Client(machine);
  client.do(0, set('a', 'one'));
  const before = machine.get('a')?.value;
  client.do(0, append('a', 'two'));
  assert.deepEqual(before, Buffer.from(bytes('one')));
});
