import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { encodeRecord } from './records.ts';
import type { RecordView } from './records.ts';
import type { OpResult } from './replies.ts';
import { StateHash } from './state-hash.ts';
import { bytes } from './kv.test-support.ts';

const record = (value: string, more: Partial<RecordView> = {}): Uint8Array =>
  encodeRecord({ version: 1, flags: 2, expiresAtMs: 3, lease: 4, value: bytes(value), ...more });

function hashOf(...build: ((hash: StateHash) => void)[]): string {
  const hash = new StateHash();
  for (const each of build) each(hash);
  return hash.digest([]);
}

const put = (key: string, stored: Uint8Array) => (hash: StateHash) =>
  hash.replaceRecord(key, undefined, stored);
const reply = (session: number, number: number, results: OpResult[]) => (hash: StateHash) =>
  hash.add(hash.shareOfReply(session, number, results));
const ok = (version: number): OpResult => ({ status: 'ok', version });

test('states that differ in one thing hash differently', () => {
  const session = { id: 1, lastActivityMs: 2, lowest: 3 };
  const states = [
    hashOf(),
    hashOf(put('a', record('x'))),
    hashOf(put('b', record('x'))),
    hashOf(put('ab', record('x'))),
    hashOf(put('a\x00', record('x'))),
    hashOf(put('\x00\x00\x00\x00', record('x'))),
    hashOf(put('a', record('y'))),
    hashOf(put('a', record(''))),
    hashOf(put('a', record('\x00'))),
    hashOf(put('a', record('\x00\x00'))),
    hashOf(put('a', record('x', { version: 2 }))),
    hashOf(put('a', record('x', { version: 1 + 2 ** 32 }))),
    hashOf(put('a', record('x', { version: 2, flags: 1 }))),
    hashOf(put('a', record('x', { flags: 3 }))),
    hashOf(put('a', record('x', { expiresAtMs: 4, lease: 3 }))),
    hashOf(put('a', record('x', { expiresAtMs: 5 }))),
    hashOf(put('a', record('x', { lease: 5 }))),
    hashOf((hash) => hash.addSession(session)),
    hashOf((hash) => hash.addSession({ ...session, id: 2, lastActivityMs: 1 })),
    hashOf((hash) => hash.addSession({ ...session, lastActivityMs: 3, lowest: 2 })),
    hashOf((hash) => hash.addSession({ ...session, lowest: 4 })),
    hashOf((hash) => hash.addSession({ ...session, lowest: 3 + 2 ** 32 })),
    hashOf(reply(1, 2, [])),
    hashOf(reply(2, 1, [])),
    hashOf(reply(1, 2, [ok(3)])),
    hashOf(reply(1, 2, [{ status: 'deleted', version: 3 }])),
    hashOf(reply(1, 2, [ok(3), ok(4)])),
    hashOf(reply(1, 2, [ok(4), ok(3)])),
    hashOf((hash) => hash.addEntry('la', bytes('x'))),
    hashOf((hash) => hash.addEntry('lax', bytes(''))),
    hashOf((hash) => hash.addEntry('fa', bytes('x'))),
    hashOf((hash) => hash.addEntry('fa', bytes('xx'))),
    new StateHash().digest([1, 2]),
    new StateHash().digest([2, 1]),
  ];
  assert.equal(new Set(states).size, states.length);
});

test('values that changed places hash differently', () => {
  const straight = hashOf(put('a', record('x')), put('b', record('y')));
  const crossed = hashOf(put('a', record('y')), put('b', record('x')));
  assert.notEqual(straight, crossed);
  assert.notEqual(
    hashOf(put('a', record('x', { version: 5 })), put('b', record('x', { version: 6 }))),
    hashOf(put('a', record('x', { version: 6 })), put('b', record('x', { version: 5 }))),
  );
});

test('one bit anywhere changes both lanes', () => {
  const base = hashOf(put('a key', record('value')));
  for (let bit = 0; bit < 8 * record('value').length; bit++) {
    // The value itself counts by its checksum in the header.
    if (bit >= 8 * 32) break;
    const changed = record('value');
    changed[bit >> 3]! ^= 1 << (bit & 7);
    const other = hashOf(put('a key', changed));
    assert.notEqual(other.slice(0, 8), base.slice(0, 8));
    assert.notEqual(other.slice(8), base.slice(8));
  }
});

test('the digest has 16 hexadecimal digits', () => {
  for (let i = 0; i < 300; i++) assert.match(new StateHash().digest([i]), /^[0-9a-f]{16}$/);
});

test('shares do not collide by the thousand', () => {
  const seen = new Set<string>();
  for (let i = 0; i < 20_000; i++) seen.add(hashOf(put(`key${i % 200}`, record(`${i}`))));
  assert.equal(seen.size, 20_000);
});

test('the sum depends on what there is, not on the way there', () => {
  const key = fc.constantFrom('a', 'b', 'c', 'd');
  const value = fc.option(
    fc.string({ maxLength: 3 }).map((text) => record(text)),
    { nil: undefined },
  );
  const property = fc.property(fc.array(fc.tuple(key, value)), (steps) => {
    const hash = new StateHash();
    const model = new Map<string, Uint8Array | undefined>();
    for (const [key, next] of steps) {
      hash.replaceRecord(key, model.get(key), next);
      model.set(key, next);
    }
    const fresh = new StateHash();
    for (const [key, stored] of [...model].toReversed()) fresh.replaceRecord(key, undefined, stored);
    assert.equal(hash.digest([]), fresh.digest([]));
  });
  fc.assert(property, { seed: 7, numRuns: 200 });
});

test('what was added and removed again leaves no trace', () => {
  const session = { id: 1, lastActivityMs: 2, lowest: 3 };
  const leftover = hashOf((hash) => {
    hash.addSession(session);
    const share = hash.shareOfReply(1, 3, [ok(1)]);
    hash.add(share);
    hash.addEntry('l1', bytes('x'));
    hash.remove(share);
    hash.removeEntry('l1', bytes('x'));
    hash.removeSession(session);
  });
  assert.equal(leftover, hashOf());
});

test('the sums are all that is to be kept', () => {
  const hash = new StateHash();
  put('a', record('x'))(hash);
  const restored = new StateHash();
  restored.restore(hash.sums);
  assert.equal(restored.digest([1]), hash.digest([1]));
});
