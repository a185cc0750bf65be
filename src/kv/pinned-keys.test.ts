import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { bytes, Client, expire, open, set } from './kv.test-support.ts';
import type { KvStateMachine } from './machine.ts';
import { MemoryStorage } from './memory-storage.ts';
import { allOps } from './op-arbitraries.test-support.ts';
import type { KeyPin } from './pinned-keys.ts';
import { PinnedKeys } from './pinned-keys.ts';
import type { RangePage, RangeQuery } from './range.ts';
import { prefixEnd } from './range.ts';

const all: RangeQuery = { start: '', end: null, limit: 1_000, bytesMax: 1e9 };

const shown = ({ entries }: RangePage): string[] =>
  entries.map(
    ({ key, record }) => `${key}=${Buffer.from(record.value).toString('latin1')}@${record.version}`,
  );

/** All pages, as `shown` shows them. */
function walk(source: Pick<KeyPin, 'range'>, query: RangeQuery): string[] {
  const seen: string[] = [];
  let from: RangeQuery = query;
  for (;;) {
    const page = source.range(from);
    seen.push(...shown(page));
    if (page.next === null) return seen;
    from = query.reverse === true ? { ...from, end: page.next } : { ...from, start: page.next };
  }
}

test('the end of a prefix lies behind everything that begins with it', () => {
  assert.equal(prefixEnd('ab'), 'ac');
  assert.equal(prefixEnd('a\xff\xff'), 'b');
  assert.equal(prefixEnd('\xff'), null);
  assert.equal(prefixEnd(''), null);
});

test('ranges go up and down between their bounds, page by page', () => {
  const { machine } = open();
  const client = new Client(machine);
  const keys = ['a', 'b', 'b\x00', 'b\xff', 'c', 'd', '\xff'];
  client.batch(
    0,
    keys.map((key) => set(key, 'v')),
  );
  const keysOf = (query: Partial<RangeQuery>): string[] =>
    walk(machine, { ...all, ...query }).map((entry) => entry.slice(0, entry.indexOf('=')));
  for (const limit of [1, 2, 3, 100]) {
    assert.deepEqual(keysOf({ limit }), keys);
    assert.deepEqual(keysOf({ limit, reverse: true }), keys.toReversed());
    assert.deepEqual(keysOf({ limit, start: 'b', end: 'c' }), ['b', 'b\x00', 'b\xff']);
    assert.deepEqual(keysOf({ limit, start: 'b', end: 'd', reverse: true }), ['c', 'b\xff', 'b\x00', 'b']);
    assert.deepEqual(keysOf({ limit, start: 'e', end: 'b' }), []);
  }
  assert.equal(machine.range({ ...all, bytesMax: 1 }).entries.length, 1);
});

test('a page looks at a bounded number of records, though all were flushed', () => {
  const { machine } = open({ purgedRecordsMax: 1 });
  const client = new Client(machine);
  client.batch(
    0,
    Array.from({ length: 5_000 }, (_, i) => set(`k${i}`, 'x')),
  );
  client.batch(0, [{ op: 'flush' }, set('z', 'y')]);
  const first = machine.range(all);
  assert.deepEqual(first.entries, []);
  assert.notEqual(first.next, null);
  assert.deepEqual(walk(machine, all), ['z=y@5002']);
});

test('a pin shows what was there, whatever is done later, and ends when it is let go', () => {
  const { machine } = open({ purgedRecordsMax: 2 });
  const client = new Client(machine);
  const { lease } = client.do(0, { op: 'lease-grant', ttlMs: 50 });
  assert(lease !== undefined);
  client.batch(0, [set('a', '1'), set('b', '1', { lease }), set('c', '1', { ttlMs: 9 }), set('e', '1')]);
  const pin = machine.pin();
  const before = walk(machine, all);
  client.batch(5, [set('a', '2'), set('d', '2'), { op: 'delete', key: 'e', version: 0 }]);
  const later = machine.pin();
  client.do(5, { op: 'lease-revoke', lease });
  expire(machine, 20);
  client.batch(20, [{ op: 'flush' }, set('b', '3')]);
  while (machine.nextDeadlineMs()! < 1_000) expire(machine, machine.nextDeadlineMs()!);
  assert.deepEqual(walk(machine, all), ['b=3@11']);
  assert.deepEqual(walk(pin, { ...all, limit: 1 }), before);
  assert.deepEqual(walk(later, all), ['a=2@5', 'b=1@2', 'c=1@3', 'd=2@6']);
  assert.equal(Buffer.from(pin.get('a')?.value ?? []).toString(), '1');
  assert.equal(pin.get('d'), undefined);
  assert.deepEqual([pin.version, later.version], [4, 7]);
  later.end('enough');
  assert.throws(() => later.range(all), { code: 'SNAPSHOT_EXPIRED', message: /enough/ });
  assert.deepEqual(walk(pin, all), before, 'what the newer one kept is not lost');
  pin.end('enough');
  pin.end('again');
  assert.equal(machine.pinned.bytes, 0);
  assert.equal(machine.pinned.count, 0);
});

test('pins end when the state is replaced', () => {
  const { machine } = open();
  const pin = machine.pin();
  machine.save();
  machine.load();
  assert.throws(() => pin.get('a'), { code: 'SNAPSHOT_EXPIRED', message: /another state/ });
});

test('what pins keep is bounded: the oldest goes first', () => {
  const storage = new MemoryStorage();
  const pinned = new PinnedKeys(storage, 10_000);
  const old = new Uint8Array(3_000);
  const first = pinned.pin(0, () => true);
  for (const key of ['a', 'b']) pinned.changes(key, old);
  const second = pinned.pin(0, () => true);
  pinned.changes('c', old);
  assert.equal(pinned.count, 2);
  assert(pinned.bytes > 9_000 && pinned.bytes <= 10_000);
  pinned.changes('c', old);
  pinned.changes('d', old);
  assert.throws(() => first.get('a'), { code: 'SNAPSHOT_EXPIRED', message: /too much was changed/ });
  assert.equal(second.get('e'), undefined);
  for (let i = 0; i < 10; i++) pinned.changes(`k${i}`, old);
  assert.throws(() => second.get('a'), { code: 'SNAPSHOT_EXPIRED' });
  assert.equal(pinned.bytes, 0);
});

test('any number of pins, made and let go in any order, show the keys as they were', () => {
  const keys = ['a', 'b', 'c', 'd', 'e\xff'];
  const op = allOps({
    key: fc.constantFrom(...keys),
    value: fc.constantFrom('', '1', 'x').map(bytes),
    flags: fc.constant(0),
    ttlMs: fc.constantFrom(0, 0, 1, 20),
    version: fc.integer({ min: 1, max: 40 }),
    by: fc.constantFrom(1n),
    lease: fc.constantFrom(1, 2, 3),
  });
  const step = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ kind: fc.constant('ops' as const), ops: fc.array(op, { maxLength: 3 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('expire' as const) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('pin' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('end' as const), which: fc.nat() }) },
  );
  const query = fc.record({
    start: fc.constantFrom('', 'b', 'c\x01'),
    end: fc.constantFrom(null, 'd', 'e\xff'),
    reverse: fc.boolean(),
    limit: fc.constantFrom(1, 2, 10),
    bytesMax: fc.constantFrom(1, 1e6),
  });
  const seen = (machine: Pick<KvStateMachine, 'get'>): unknown => keys.map((key) => machine.get(key));
  const property = fc.property(fc.array(step, { maxLength: 50, size: 'max' }), query, (steps, query) => {
    const { machine } = open({ purgedRecordsMax: 1 });
    const client = new Client(machine);
    const pins: { pin: KeyPin; seen: unknown; walked: string[] }[] = [];
    let stampMs = 0;
    for (const step of steps) {
      stampMs += 3;
      if (step.kind === 'ops') client.batch(stampMs, step.ops);
      else if (step.kind === 'expire') expire(machine, stampMs);
      else if (step.kind === 'pin') {
        pins.push({ pin: machine.pin(), seen: seen(machine), walked: walk(machine, query) });
      } else if (pins.length > 0) {
        for (const { pin } of pins.splice(step.which % pins.length, 1)) pin.end('enough');
      }
      for (const { pin, seen: before, walked } of pins) {
        assert.deepEqual(seen(pin), before);
        assert.deepEqual(walk(pin, query), walked);
      }
    }
    for (const { pin } of pins) pin.end('enough');
    assert.equal(machine.pinned.bytes, 0);
  });
  fc.assert(property, { seed: 31, numRuns: 150 });
});
