import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { ChangeEvent } from './change-log.ts';
import { ChangeLog } from './change-log.ts';
import { decodeSegment, encodedBytes, writeChange } from './change-segment.ts';
import type { StoredChange } from './change-segment.ts';
import { append, Client, expire, open, remove, set } from './kv.test-support.ts';
import { MemoryStorage } from './memory-storage.ts';
import { encodeRecord } from './records.ts';

const recordOf = (version: number, bytes: number): Uint8Array =>
  encodeRecord({ version, flags: 0, expiresAtMs: 0, lease: 0, value: new Uint8Array(bytes).fill(version) });

function fill(log: ChangeLog, from: number, to: number, bytes = 10): void {
  for (let version = from; version <= to; version++)
    log.append(version, 'put', `k${version}`, recordOf(version, bytes));
}

const versions = (events: readonly ChangeEvent[] | 'compacted'): number[] | 'compacted' =>
  events === 'compacted' ? events : events.map(({ version }) => version);

const segments = (storage: MemoryStorage): number => [...storage.range({ start: 'c', end: 'd' })].length;

test('every change of a key is one event, under its version', () => {
  const { machine } = open();
  const client = new Client(machine);
  client.batch(0, [
    set('a', '1', { flags: 3 }),
    append('a', '2'),
    set('b', '1', { ttlMs: 5 }),
    remove('a'),
    remove('a'),
  ]);
  expire(machine, 5);
  const events = machine.changes(1, 100);
  assert(events !== 'compacted');
  const shown = events.map(({ version, type, key, record }) => {
    const value =
      record === null ? '' : ` ${Buffer.from(record.value).toString()} ${record.flags}/${record.version}`;
    return `${version} ${type} ${key}${value}`;
  });
  assert.deepEqual(shown, ['1 put a 1 3/1', '2 put a 12 3/2', '3 put b 1 0/3', '4 delete a', '5 expire b']);
});

test('events are read from a version on, in portions', () => {
  const log = new ChangeLog(new MemoryStorage(), 1e6);
  fill(log, 1, 200);
  assert.deepEqual(versions(log.read(198, 10)), [198, 199, 200]);
  assert.deepEqual(versions(log.read(1, 3)), [1, 2, 3]);
  assert.deepEqual(versions(log.read(201, 10)), []);
  assert.deepEqual(versions(log.read(5_000, 10)), []);
});

test('the oldest events go as soon as all take more than the limit', () => {
  const each = 64 + 'k1'.length + recordOf(1, 10).length;
  const log = new ChangeLog(new MemoryStorage(), 3 * each);
  fill(log, 1, 3);
  assert.equal(log.compactedThrough, 0);
  fill(log, 4, 5);
  assert.equal(log.compactedThrough, 2);
  assert.equal(log.bytes, 3 * each);
  assert.equal(log.read(2, 10), 'compacted');
  assert.deepEqual(versions(log.read(3, 10)), [3, 4, 5]);
});

test('an event larger than the limit leaves none', () => {
  const log = new ChangeLog(new MemoryStorage(), 1_000);
  fill(log, 1, 2);
  fill(log, 3, 3, 2_000);
  assert.equal(log.compactedThrough, 3);
  assert.equal(log.bytes, 0);
  assert.deepEqual(versions(log.read(4, 10)), []);
  fill(log, 4, 4);
  assert.deepEqual(versions(log.read(4, 10)), [4]);
});

test('a restart finds the events that were there, with what they said', () => {
  const storage = new MemoryStorage();
  const log = new ChangeLog(storage, 1e6);
  fill(log, 1, 40);
  log.save();
  log.append(41, 'delete', 'gone', null);
  log.append(42, 'expire', '\xff\x00', null);
  log.save();
  const restarted = new ChangeLog(storage.copy(), 1e6);
  restarted.load(0, 42);
  assert.deepEqual(restarted.read(1, 100), log.read(1, 100));
  assert.equal(restarted.bytes, log.bytes);
  fill(restarted, 43, 43);
  assert.deepEqual(versions(restarted.read(42, 9)), [42, 43]);
});

test('saving writes what is new and survived, and deletes what went', () => {
  const storage = new MemoryStorage();
  const log = new ChangeLog(storage, 20_000);
  fill(log, 1, 5_000);
  log.save();
  const saved = [...storage.range({ start: 'c', end: 'd' })];
  const bytes = saved.reduce((sum, [, segment]) => sum + segment.length, 0);
  assert(bytes < log.bytes, 'what came and went is never written');
  log.save();
  assert.deepEqual([...storage.range({ start: 'c', end: 'd' })], saved, 'nothing new, nothing written');
  fill(log, 5_001, 10_000);
  log.save();
  for (const [key] of saved) assert.equal(storage.get(key), undefined);
  assert(segments(storage) <= 2, 'no segment is smaller than need be');
  const restarted = new ChangeLog(storage, 20_000);
  restarted.load(log.compactedThrough, 10_000);
  assert.deepEqual(restarted.read(log.compactedThrough + 1, 1e6), log.read(log.compactedThrough + 1, 1e6));
});

test('large histories are saved in pieces', () => {
  const storage = new MemoryStorage();
  const log = new ChangeLog(storage, 1e7);
  fill(log, 1, 1_000, 1_000);
  log.save();
  const sizes = [...storage.range({ start: 'c', end: 'd' })].map(([, bytes]) => bytes.length);
  assert(sizes.length > 10);
  assert(Math.max(...sizes) < 70_000);
});

test('when it is saved changes nothing that is kept', () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ kind: fc.constant('put' as const), bytes: fc.nat(400) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('save' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
  );
  const property = fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
    const storage = new MemoryStorage();
    const plain = new ChangeLog(new MemoryStorage(), 3_000);
    let log = new ChangeLog(storage, 3_000);
    let version = 0;
    for (const step of steps) {
      if (step.kind === 'put') {
        version++;
        fill(log, version, version, step.bytes);
        fill(plain, version, version, step.bytes);
      } else {
        log.save();
        if (step.kind === 'restart') {
          const { compactedThrough } = log;
          log = new ChangeLog(storage, 3_000);
          log.load(compactedThrough, version);
        }
      }
      assert.equal(log.compactedThrough, plain.compactedThrough);
      assert.equal(log.bytes, plain.bytes);
    }
    const from = plain.compactedThrough + 1;
    assert.deepEqual(log.read(from, 1_000), plain.read(from, 1_000));
    log.save();
    for (const [, bytes] of storage.range({ start: 'c', end: 'd' }))
      assert.notEqual(decodeSegment(bytes), null);
  });
  fc.assert(property, { seed: 5, numRuns: 200 });
});

test('a damaged or missing segment is noticed', () => {
  const storage = new MemoryStorage();
  const log = new ChangeLog(storage, 1e6);
  fill(log, 1, 5);
  log.save();
  fill(log, 6, 9);
  log.save();
  const load = (change: (storage: MemoryStorage, keys: string[]) => void) => () => {
    const copy = storage.copy();
    change(
      copy,
      [...copy.range({ start: 'c', end: 'd' })].map(([key]) => key),
    );
    new ChangeLog(copy, 1e6).load(0, 9);
  };
  const damaged = { code: 'STORE_DAMAGED' };
  assert.doesNotThrow(load(() => undefined));
  assert.throws(
    load((copy, [first]) => copy.delete(first!)),
    damaged,
  );
  assert.throws(
    load((copy, [, last]) => copy.delete(last!)),
    damaged,
  );
  assert.throws(
    load((copy, [first]) => copy.put(first!, copy.get(first!)!.subarray(1))),
    damaged,
  );
});

test('the bytes of a segment in the storage', () => {
  const storage = new MemoryStorage();
  const record = recordOf(2, 3);
  const bytes = Buffer.concat([
    Buffer.from([1, 1, 0, 0, 0, 0, 0, 0x61]),
    Buffer.from([0, 2, 0, record.length, 0, 0, 0, 0x62, 0xff]),
    record,
    Buffer.from([2, 0, 1, 0, 0, 0, 0]),
    Buffer.alloc(256, 'c'),
    Buffer.from([3, 0, 0, 0, 0, 0, 0]),
  ]);
  const log = new ChangeLog(storage, 1e6);
  log.append(1, 'delete', 'a', null);
  log.append(2, 'put', 'b\xff', record);
  log.append(3, 'expire', 'c'.repeat(256), null);
  log.append(4, 'flush', '', null);
  log.save();
  const key = 'c\0\0\0\0\0\0\0\x01';
  assert.deepEqual([...storage.range({ start: 'c', end: 'd' })], [[key, bytes]]);

  const other = new MemoryStorage();
  other.put(key, bytes);
  const restarted = new ChangeLog(other, 1e6);
  restarted.load(0, 4);
  assert.deepEqual(restarted.read(1, 10), log.read(1, 10));
  assert.equal(restarted.bytes, log.bytes);
});

test('a segment without events in the storage does no harm, and goes', () => {
  const storage = new MemoryStorage();
  storage.put('c\0\0\0\0\0\0\0\x01', new Uint8Array());
  const log = new ChangeLog(storage, 1e6);
  log.load(0, 0);
  fill(log, 1, 2);
  assert.deepEqual(versions(log.read(1, 10)), [1, 2]);
  log.save();
  const restarted = new ChangeLog(storage, 1e6);
  restarted.load(0, 2);
  assert.deepEqual(restarted.read(1, 10), log.read(1, 10));
});

test('a segment decodes to what was encoded, and garbage to nothing without throwing', () => {
  const key = fc
    .uint8Array({ minLength: 1, maxLength: 20 })
    .map((key) => Buffer.from(key).toString('latin1'));
  const gone = fc.record({
    type: fc.constantFrom('delete' as const, 'expire' as const),
    key,
    record: fc.constant(null),
  });
  const put = fc.record({
    type: fc.constant('put' as const),
    key,
    record: fc.uint8Array().map((r) => Buffer.from(r)),
  });
  const events: fc.Arbitrary<StoredChange[]> = fc.array(fc.oneof(gone, put));
  const property = fc.property(events, fc.nat(), fc.nat(255), (events, at, byte) => {
    const segment = Buffer.alloc(events.reduce((sum, { key, record }) => sum + encodedBytes(key, record), 0));
    let end = 0;
    for (const { type, key, record } of events) end = writeChange(segment, end, type, key, record);
    assert.equal(end, segment.length);
    assert.deepEqual(
      decodeSegment(segment),
      events.map(({ type, key, record }) => ({ type, key, record })),
    );
    if (segment.length > 0) segment[at % segment.length] = byte;
    decodeSegment(segment);
    decodeSegment(segment.subarray(0, at % (segment.length + 1)));
  });
  fc.assert(property, { seed: 6, numRuns: 300 });
});
