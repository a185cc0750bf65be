import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fnv1a } from '../base/fnv1a.ts';
import { append, bytes, cas, checkSaved, Client, open, remove, run, set, textOf } from './kv.test-support.ts';
import type { CheckOp, IncrementOp, PutHashOp, TouchOp } from './ops.ts';
import type { OpResult } from './replies.ts';

const increment = (key: string, by: bigint, more: Partial<IncrementOp> = {}): IncrementOp => ({
  op: 'increment',
  key,
  by,
  down: false,
  initial: null,
  ttlMs: 0,
  ...more,
});
const touch = (key: string, ttlMs: number): TouchOp => ({ op: 'touch', key, ttlMs });
const putHash = (key: string, value: string): PutHashOp => ({ op: 'put-hash', key, value: bytes(value) });
const check = (key: string, version: number | null): CheckOp => ({ op: 'check', key, version });

const carried = ({ value }: OpResult): string | undefined =>
  value === undefined ? undefined : Buffer.from(value).toString('latin1');

test('prepend lengthens before, append behind; both can be for present keys only', () => {
  const { machine, storage } = open();
  const client = new Client(machine);
  const present = { when: 'present' } as const;
  assert.deepEqual(client.do(0, append('a', 'x', present)), { status: 'not-found', version: 0 });
  assert.deepEqual(client.do(0, append('a', 'x', { op: 'prepend', ...present })).status, 'not-found');
  assert.deepEqual(client.do(0, append('a', '2', { op: 'prepend' })), { status: 'ok', version: 1 });
  client.do(0, set('a', '2', { flags: 9, ttlMs: 100 }));
  client.do(1, append('a', '3', present));
  assert.deepEqual(client.do(2, append('a', '01', { op: 'prepend' })), { status: 'ok', version: 4 });
  const value = Buffer.from('0123');
  assert.deepEqual(machine.get('a'), { version: 4, flags: 9, expiresAtMs: 100, lease: 0, value });
  checkSaved({ machine, storage });
});

test('a delete can name the version that it means', () => {
  const { machine } = open();
  const client = new Client(machine);
  client.batch(0, [set('a', '1'), set('a', '2')]);
  assert.deepEqual(client.do(0, remove('a', 1)), { status: 'version-mismatch', version: 2 });
  assert.deepEqual(client.do(0, remove('b', 1)), { status: 'not-found', version: 0 });
  assert.deepEqual(client.do(0, remove('a', 2)), { status: 'deleted', version: 3 });
});

test('increment adds to a decimal number, wraps at 64 bits, and stops at 0 on its way down', () => {
  const { machine } = open();
  const client = new Client(machine);
  const max = 2n ** 64n - 1n;
  const down = { down: true };
  const steps: [value: string, op: IncrementOp, after: string][] = [
    ['5', increment('a', 3n), '8'],
    ['99', increment('a', 1n), '100'],
    ['0', increment('a', 0n), '0'],
    ['007', increment('a', 1n), '8'],
    ['12   ', increment('a', 1n), '13'],
    [`${max}`, increment('a', 1n), '0'],
    [`${max}`, increment('a', max), `${max - 1n}`],
    ['0', increment('a', max), `${max}`],
    ['9007199254740993', increment('a', 1n), '9007199254740994'],
    ['5', increment('a', 3n, down), '2'],
    ['5', increment('a', 6n, down), '0'],
    ['0', increment('a', max, down), '0'],
    ['100', increment('a', 1n, down), '99'],
  ];
  for (const [value, op, after] of steps) {
    client.do(0, set('a', value, { flags: 6, ttlMs: 1_000 }));
    const result = client.do(0, op);
    assert.deepEqual([result.status, result.flags, carried(result)], ['ok', 6, after], value);
    assert.equal(textOf(machine, 'a'), after);
    assert.equal(machine.get('a')?.expiresAtMs, 1_000);
    assert.equal(machine.get('a')?.version, result.version);
  }
});

test('what is no unsigned number of 64 bits is not incremented', () => {
  const { machine } = open();
  const client = new Client(machine);
  for (const value of [
    '',
    ' ',
    '-1',
    '+1',
    ' 1',
    '1.0',
    '1e3',
    '0x1',
    '1 2',
    '18446744073709551616',
    '1\n',
    '\xb2',
  ]) {
    client.do(0, set('a', value));
    assert.deepEqual(client.do(0, increment('a', 1n)), { status: 'not-a-number', version: 0 }, value);
    assert.equal(textOf(machine, 'a'), value);
  }
});

test('increment of an absent key makes it only if it is given what with', () => {
  const { machine } = open();
  const client = new Client(machine);
  assert.deepEqual(client.do(0, increment('a', 1n)), { status: 'not-found', version: 0 });
  const result = client.do(5, increment('a', 1n, { initial: 40n, ttlMs: 10 }));
  assert.deepEqual([result.status, result.version, carried(result)], ['ok', 1, '40']);
  assert.equal(machine.get('a')?.expiresAtMs, 15);
  assert.equal(carried(client.do(6, increment('a', 1n, { initial: 40n, ttlMs: 99 }))), '41');
  assert.equal(machine.get('a')?.expiresAtMs, 15, 'the time to live is for a new key');
});

test('touch gives another time to live, keeps the version, and is no change to those who watch', () => {
  const { machine, storage } = open();
  const client = new Client(machine);
  assert.deepEqual(client.do(0, touch('a', 5)), { status: 'not-found', version: 0 });
  client.do(0, set('a', 'x', { flags: 3, ttlMs: 10 }));
  const before = machine.stateHash();
  const result = client.do(5, touch('a', 100));
  assert.deepEqual([result.status, result.version, result.flags, carried(result)], ['ok', 1, 3, 'x']);
  assert.notEqual(machine.stateHash(), before);
  assert.equal(machine.get('a')?.expiresAtMs, 105);
  assert.equal(machine.version, 1);
  const events = machine.changes(1, 10);
  assert(events !== 'compacted');
  assert.equal(events.length, 1);
  checkSaved({ machine, storage });
  assert.equal(client.do(104, touch('a', 0)).status, 'ok');
  assert.equal(machine.get('a')?.expiresAtMs, 0);
  client.do(104, touch('a', 1));
  assert.equal(client.do(105, touch('a', 1)).status, 'not-found', 'it was due');
});

/** Of `foobar`. */
const HASH = '3214735720';

test('a hash of old and new value replaces the old one, which is answered', () => {
  assert.equal(fnv1a(bytes('')), 0x811c9dc5);
  assert.equal(fnv1a(bytes('a')), 0xe40c292c);
  assert.equal(fnv1a(bytes('foo'), bytes(''), bytes('bar')), 0xbf9cf968);
  const { machine, storage } = open();
  const client = new Client(machine);
  assert.equal(carried(client.do(0, putHash('a', 'foobar'))), '');
  assert.equal(textOf(machine, 'a'), HASH);
  assert.equal(carried(client.do(0, putHash('a', 'x'))), HASH);
  assert.equal(textOf(machine, 'a'), `${fnv1a(bytes(`${HASH}x`))}`);
  checkSaved({ machine, storage });
});

test('checks hold or fail an atomic batch, and change nothing', () => {
  const { machine } = open();
  const client = new Client(machine);
  client.do(0, set('a', '1'));
  const tries = [
    [check('a', 1), 'ok', 1],
    [check('b', null), 'ok', 0],
    [check('a', 2), 'version-mismatch', 1],
    [check('a', null), 'exists', 1],
    [check('b', 1), 'not-found', 0],
  ] as const;
  for (const [op, status, version] of tries) {
    const before = machine.version;
    const results = client.batch(0, [op, set('c', 'x')], true);
    assert.deepEqual(results[0], { status, version });
    assert.equal(results[1]?.status, status === 'ok' ? 'ok' : 'not-applied');
    assert.equal(machine.version, before + (status === 'ok' ? 1 : 0));
  }
  const both = client.batch(
    0,
    [set('n', '1'), check('n', machine.version + 1), remove('n'), check('n', null)],
    true,
  );
  assert.deepEqual(
    both.map(({ status }) => status),
    ['ok', 'ok', 'deleted', 'ok'],
    'each one sees what those before it leave',
  );
});

test('in an atomic batch that fails nothing is answered, and what was touched is as it was', () => {
  const { machine, storage } = open();
  const client = new Client(machine);
  client.do(0, set('a', '1', { ttlMs: 50 }));
  const results = client.batch(
    0,
    [touch('a', 99), increment('a', 1n), putHash('a', 'x'), cas('b', 'x', 1)],
    true,
  );
  const undone = { status: 'not-applied', version: 0 };
  assert.deepEqual(results, [undone, undone, undone, { status: 'not-found', version: 0 }]);
  assert.equal(machine.get('a')?.expiresAtMs, 50);
  assert.equal(textOf(machine, 'a'), '1');
  assert.equal(machine.version, 1);
  const done = client.batch(0, [touch('a', 99), increment('a', 1n), touch('a', 98)], true);
  assert.deepEqual(
    done.map((result) => [result.version, carried(result)]),
    [
      [1, '1'],
      [2, '2'],
      [2, '2'],
    ],
  );
  assert.equal(machine.get('a')?.expiresAtMs, 98);
  checkSaved({ machine, storage });
});

test('a batch whose lock is held under another token does nothing at all', () => {
  const { machine } = open();
  const client = new Client(machine);
  const { version: token } = client.do(0, set('lock', 'me', { when: 'absent', ttlMs: 100 }));
  const fence = { lock: 'lock', token };
  assert.deepEqual(client.batch(50, [set('a', '1')], false, fence)[0]?.status, 'ok');
  assert.deepEqual(client.batch(99, [set('a', '2'), set('b', '2')], true, fence)[0]?.status, 'ok');
  const fenced = { status: 'fenced', version: 0 };
  assert.deepEqual(client.batch(100, [set('a', '3'), set('b', '3')], false, fence), [fenced, fenced]);
  assert.equal(machine.get('lock'), undefined, 'it was due');
  const { version: next } = client.do(100, set('lock', 'you', { when: 'absent' }));
  assert(next > token);
  for (const atomic of [false, true]) {
    assert.deepEqual(client.batch(100, [set('a', '3')], atomic, fence), [fenced]);
    assert.equal(client.batch(100, [set('a', '4')], atomic, { lock: 'lock', token: next })[0]?.status, 'ok');
  }
  client.do(100, remove('lock', next));
  assert.deepEqual(client.batch(100, [set('a', '5')], false, { lock: 'lock', token: next }), [fenced]);
  assert.equal(textOf(machine, 'a'), '4');
});

test('a repeated request answers the same values, a restart included', () => {
  const opened = open();
  const client = new Client(opened.machine);
  client.do(0, set('a', '41', { flags: 5 }));
  const number = 2;
  const ops = [increment('a', 1n), touch('a', 0), putHash('a', '')];
  const batch = { command: 'batch', session: 1, number, lowest: 1, atomic: false, ops } as const;
  const first = client.batch(0, ops);
  assert.deepEqual(first.map(carried), ['42', '42', '42']);
  checkSaved(opened);
  const { machine } = open({}, opened.storage.copy());
  assert.deepEqual(run(machine, batch, 1), { status: 'ok', results: first });
  assert.deepEqual(run(opened.machine, batch, 1), { status: 'ok', results: first });
  assert.equal(machine.stateHash(), opened.machine.stateHash());
});

test('values that are answered count in the window of the session, and the lowest number is always taken', () => {
  const { machine } = open({ sessionReplyBytesMax: 1_000 });
  const client = new Client(machine);
  client.do(0, set('a', 'x'.repeat(600)));
  const statusOf = (number: number, lowest: number): string => {
    const ops = [touch('a', 0)];
    return run(machine, { command: 'batch', session: 1, number, lowest, atomic: false, ops }, 0).status;
  };
  assert.deepEqual(
    [2, 3, 4].map((number) => statusOf(number, 1)),
    ['ok', 'ok', 'window-full'],
  );
  assert.equal(statusOf(4, 3), 'ok', 'the reply of 3 alone leaves room');
  assert.equal(statusOf(6, 3), 'window-full');
  assert.equal(statusOf(5, 5), 'ok');
});

test('the values that one batch answers are bounded, a single one is not', () => {
  const { machine } = open({ sessionReplyBytesMax: 1_000 });
  const client = new Client(machine);
  client.batch(0, [set('a', 'x'.repeat(2_000)), set('b', 'x'.repeat(600)), set('n', '1')]);
  const statuses = (ops: TouchOp[]): string[] => client.batch(0, ops).map(({ status }) => status);
  assert.deepEqual(statuses([touch('a', 0)]), ['ok']);
  assert.deepEqual(statuses([touch('b', 9), touch('b', 7), touch('n', 0), touch('a', 0)]), [
    'ok',
    'reply-too-large',
    'ok',
    'reply-too-large',
  ]);
  assert.equal(machine.get('b')?.expiresAtMs, 9, 'what has no room for its reply is not done');
  const atomic = client.batch(0, [set('c', ''), touch('b', 7), touch('b', 5)], true);
  assert.deepEqual(
    atomic.map(({ status }) => status),
    ['not-applied', 'not-applied', 'reply-too-large'],
  );
});
