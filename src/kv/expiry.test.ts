import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { ExpiryIndex, remainingSeconds } from './expiry.ts';
import { append, cas, checkSaved, Client, expire, open, remove, set, textOf } from './kv.test-support.ts';
import { MemoryStorage } from './memory-storage.ts';

test('a key goes at the expire command whose stamp reaches its time, neither earlier nor by reading', () => {
  const { machine, storage } = open();
  const client = new Client(machine, 100);
  client.do(100, set('a', '1', { ttlMs: 50 }));
  assert.equal(machine.nextDeadlineMs(), 150);
  assert.deepEqual(expire(machine, 149), { status: 'expired', keys: 0, sessions: 0 });
  assert.equal(textOf(machine, 'a'), '1');
  assert.deepEqual(expire(machine, 150), { status: 'expired', keys: 1, sessions: 0 });
  assert.equal(machine.get('a'), undefined);
  assert.equal(machine.version, 2);
  assert.equal(machine.keyCount, 0);
  checkSaved({ machine, storage });
});

test('a key that is due stays readable until an entry drops it', () => {
  const { machine } = open();
  const client = new Client(machine);
  client.do(0, set('a', '1', { ttlMs: 50 }));
  client.do(1_000, set('b', '1'));
  assert.equal(textOf(machine, 'a'), '1');
});

test('a write finds a key absent that is due at its own stamp', () => {
  const due = [
    { op: set('a', '2', { when: 'absent' }), status: 'ok', value: '2' },
    { op: set('a', '2', { when: 'present' }), status: 'not-found', value: undefined },
    { op: cas('a', '2', 1), status: 'not-found', value: undefined },
    { op: remove('a'), status: 'not-found', value: undefined },
    { op: append('a', '2'), status: 'ok', value: '2' },
  ];
  for (const { op, status, value } of due) {
    for (const atomic of [false, true]) {
      const { machine, storage } = open();
      const client = new Client(machine);
      client.do(0, set('a', '1', { ttlMs: 50, flags: 9 }));
      const [result] = client.batch(50, [op], atomic);
      assert.equal(result?.status, status);
      assert.equal(textOf(machine, 'a'), value);
      assert.equal(machine.version, status === 'ok' ? 3 : 2, 'the expiry took version 2');
      assert.equal(machine.get('a')?.flags, status === 'ok' ? 0 : undefined);
      assert.equal(machine.nextDeadlineMs(), client.session > 0 ? 600_050 : null, 'of the session alone');
      checkSaved({ machine, storage });
    }
  }
});

test('a write one millisecond earlier finds the key', () => {
  const { machine } = open();
  const client = new Client(machine);
  client.do(0, set('a', '1', { ttlMs: 50 }));
  assert.equal(client.do(49, append('a', '2')).status, 'ok');
  assert.equal(textOf(machine, 'a'), '12');
});

test('an atomic batch that fails still drops the due keys that it touched', () => {
  const { machine } = open();
  const client = new Client(machine);
  client.do(0, set('a', '1', { ttlMs: 50 }));
  const results = client.batch(60, [set('b', '1'), cas('a', '2', 1)], true);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['not-applied', 'not-found'],
  );
  assert.equal(machine.get('a'), undefined);
  assert.equal(machine.version, 2);
});

test('a later write takes the time to live away, or gives another', () => {
  const { machine } = open({ sessionTtlMs: 1_000_000 });
  const client = new Client(machine);
  client.do(0, set('a', '1', { ttlMs: 50 }));
  client.do(10, set('a', '2'));
  assert.equal(machine.get('a')?.expiresAtMs, 0);
  client.do(20, set('a', '3', { ttlMs: 100 }));
  assert.equal(machine.nextDeadlineMs(), 120);
  client.do(20, cas('a', '4', 3));
  assert.equal(machine.nextDeadlineMs(), 1_000_020);
  client.do(30, set('a', '5', { ttlMs: 30 }));
  client.do(30, remove('a'));
  expire(machine, 500);
  assert.equal(machine.version, 6, 'nothing was left to expire');
});

test('one expire command drops a bounded number of keys, the first due first; the rest counts as gone and stays due', () => {
  const { machine, storage } = open({ expiredKeysMax: 3 });
  const client = new Client(machine);
  for (const key of ['e', 'd', 'c']) client.do(0, set(key, '1', { ttlMs: 20 }));
  for (const key of ['b', 'a']) client.do(0, set(key, '1', { ttlMs: 10 }));
  assert.deepEqual(expire(machine, 30), { status: 'expired', keys: 3, sessions: 0 });
  assert.deepEqual(
    ['a', 'b', 'c', 'd', 'e'].map((key) => textOf(machine, key)),
    [undefined, undefined, undefined, undefined, undefined],
  );
  assert.equal(machine.keyCount, 2);
  assert.equal(machine.nextDeadlineMs(), 20);
  machine.save();
  const { machine: restarted } = open({ expiredKeysMax: 3 }, storage.copy());
  for (const each of [machine, restarted]) {
    assert.deepEqual(expire(each, 31), { status: 'expired', keys: 2, sessions: 0 });
    assert.equal(each.nextDeadlineMs(), 600_000);
  }
  assert.equal(machine.stateHash(), restarted.stateHash());
});

test('a time to live beyond all numbers ends at the last one', () => {
  const { machine, storage } = open();
  const client = new Client(machine, 1_000);
  client.do(1_000, set('a', '1', { ttlMs: Number.MAX_SAFE_INTEGER }));
  assert.equal(machine.get('a')?.expiresAtMs, Number.MAX_SAFE_INTEGER);
  assert.equal(expire(machine, Number.MAX_SAFE_INTEGER - 1).status, 'expired');
  assert.equal(textOf(machine, 'a'), '1');
  expire(machine, Number.MAX_SAFE_INTEGER);
  assert.equal(machine.get('a'), undefined);
  checkSaved({ machine, storage });
});

test('the leader is told of no deadline while nothing can fall due', () => {
  const { machine } = open();
  assert.equal(machine.nextDeadlineMs(), null);
});

test('the command for a deadline does what is due', () => {
  const { machine } = open();
  new Client(machine).do(0, set('a', '1', { ttlMs: 50 }));
  assert.deepEqual(machine.apply(machine.deadlineCommand(), 50), { status: 'expired', keys: 1, sessions: 0 });
});

test('the first time of the index is that of a sorted list, whatever was added and removed', () => {
  const entry = fc.record({
    atMs: fc.nat(30).map((n) => n * 2 ** 31),
    key: fc.constantFrom('a', 'b', '\xff'),
  });
  const steps = fc.array(fc.record({ add: fc.boolean(), entry, ask: fc.boolean() }), { maxLength: 60 });
  const property = fc.property(steps, (todo) => {
    const index = new ExpiryIndex(new MemoryStorage());
    const model = new Map<string, number>();
    for (const { add, entry, ask } of todo) {
      const name = `${entry.atMs} ${entry.key}`;
      if (add) {
        index.add(entry.atMs, entry.key);
        model.set(name, entry.atMs);
      } else {
        index.remove(entry.atMs, entry.key);
        model.delete(name);
      }
      if (ask) assert.equal(index.nextMs(), model.size === 0 ? null : Math.min(...model.values()));
    }
  });
  fc.assert(property, { seed: 4, numRuns: 500 });
});

test('asking for the first time does not walk over what was deleted before', () => {
  const storage = new MemoryStorage();
  const starts: string[] = [];
  const index = new ExpiryIndex({
    get: (key) => storage.get(key),
    put: (key, value) => storage.put(key, value),
    delete: (key) => storage.delete(key),
    range: (options) => {
      starts.push(options.start);
      return storage.range(options);
    },
  });
  for (let atMs = 1; atMs <= 100; atMs++) index.add(atMs, 'key');
  for (let atMs = 1; atMs < 100; atMs++) {
    index.remove(atMs, 'key');
    assert.equal(index.nextMs(), atMs + 1);
    assert.equal(index.nextMs(), atMs + 1);
  }
  assert.equal(starts.length, 99, 'one search after each removal');
  assert.deepEqual(starts, starts.toSorted());
  assert.equal(new Set(starts).size, starts.length);
});

test('remaining seconds are rounded up, at least 1, and 0 for what does not expire', () => {
  assert.equal(remainingSeconds(300_000, 0), 300);
  assert.equal(remainingSeconds(300_000, 1), 300);
  assert.equal(remainingSeconds(300_000, 1_000), 299);
  assert.equal(remainingSeconds(300_000, 299_999), 1);
  assert.equal(remainingSeconds(300_000, 400_000), 1);
  assert.equal(remainingSeconds(0, 400_000), 0);
});
