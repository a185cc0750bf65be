import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readRecords, recordBytes, writeRecord } from './batch-format.ts';
import { parsePointer, pointerText } from './pointer.ts';
import { decodePosition, encodePosition } from './position-record.ts';
import { at } from './store.test-support.ts';
import type { StateKey } from './store.ts';

type Entry = [StateKey, Uint8Array | null];

function encode(entries: readonly Entry[]): Buffer {
  const target = Buffer.alloc(entries.reduce((sum, entry) => sum + recordBytes(...entry), 0));
  let offset = 0;
  for (const entry of entries) offset = writeRecord(target, offset, ...entry);
  assert.equal(offset, target.length);
  return target;
}

function decode(bytes: Uint8Array): Entry[] {
  const entries: Entry[] = [];
  readRecords(
    bytes,
    (key, value) => void entries.push([key, value === null ? null : Uint8Array.from(value)]),
  );
  return entries;
}

const entryArbitrary: fc.Arbitrary<Entry> = fc.tuple(
  fc.uint8Array({ minLength: 1, maxLength: 30 }).map((bytes) => `k${Buffer.from(bytes).toString('latin1')}`),
  fc.option(fc.uint8Array({ maxLength: 50 })),
);

test('entries come back from their bytes, cut ends never do', () => {
  fc.assert(
    fc.property(fc.array(entryArbitrary, { maxLength: 5 }), (entries) => {
      const bytes = encode(entries);
      assert.deepEqual(decode(bytes), entries);
      let whole = 0;
      const ends = new Set([0, ...entries.map((entry) => (whole += recordBytes(...entry)))]);
      for (let length = 0; length < bytes.length; length++) {
        if (ends.has(length)) continue;
        assert.throws(() => decode(bytes.subarray(0, length)), { code: 'PROTOCOL' });
      }
    }),
    { seed: 5, numRuns: 50 },
  );
});

test('entries with keys of impossible lengths are refused', () => {
  for (const length of [0, 1_901]) {
    const bytes = Buffer.alloc(6 + length + 10);
    bytes.writeUInt16LE(length, 0);
    assert.throws(() => decode(bytes), { code: 'PROTOCOL' });
  }
});

test('a position record comes back as it was, and no changed one does', () => {
  const record = { position: { ...at(2 ** 40), stampMs: 12.375 }, installedIndex: 77 };
  const bytes = encodePosition(record);
  assert.deepEqual(decodePosition(bytes, 'here'), record);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = bytes.slice();
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.throws(() => decodePosition(changed, 'here'), { code: 'STORE_DAMAGED', message: /here/ });
  }
  assert.throws(() => decodePosition(undefined, 'here'), { code: 'STORE_DAMAGED' });
  assert.throws(() => decodePosition(bytes.subarray(0, 39), 'here'), { code: 'STORE_DAMAGED' });
  assert.throws(() => decodePosition(new Uint8Array(2), 'here'), { code: 'STORE_DAMAGED' });
});

test('a state of a later format says which version can read it', () => {
  const bytes = encodePosition({ position: at(1), installedIndex: 0 });
  bytes[0] = 9;
  assert.throws(() => decodePosition(bytes, 'here'), { message: /here is of format 9.*reads format 1/ });
  const pointer = pointerText('state-3').replace('1', '2');
  assert.throws(() => parsePointer(Buffer.from(pointer), 'there'), { message: /there is of format 2/ });
});

test('a pointer names a state, and nothing else is one', () => {
  assert.equal(parsePointer(Buffer.from(pointerText('state-12')), 'p'), 'state-12');
  for (const text of [
    '',
    'state-1',
    'kvraft-state 1\n',
    'kvraft-state 1\nstate-1',
    'kvraft-state 1\n../x\n',
  ]) {
    assert.throws(() => parsePointer(Buffer.from(text), 'p'), { code: 'STORE_DAMAGED', message: /^p / });
  }
});
