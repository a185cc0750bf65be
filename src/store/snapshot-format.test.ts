import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../base/limits.ts';
import { readRecords } from './batch-format.ts';
import { POSITION_KEY } from './keys.ts';
import { SnapshotDecoder, SnapshotEncoder } from './snapshot-format.ts';
import { at, bytes } from './store.test-support.ts';
import type { StateKey } from './store.ts';

type Pair = [StateKey, Uint8Array];

function encode(pairs: readonly Pair[], chunkBytes = 100): Uint8Array[] {
  const encoder = new SnapshotEncoder(at(9), pairs.values(), chunkBytes);
  const chunks: Uint8Array[] = [];
  for (let chunk = encoder.next(); chunk !== null; chunk = encoder.next()) chunks.push(chunk);
  assert.equal(encoder.next(), null);
  return chunks;
}

function decode(pieces: Iterable<Uint8Array>): { pairs: Pair[]; complete: boolean } {
  const decoder = new SnapshotDecoder(at(9));
  const pairs: Pair[] = [];
  for (const piece of pieces) {
    for (const records of decoder.push(piece)) {
      readRecords(records, (key, value) => void pairs.push([key, Uint8Array.from(value ?? [])]));
    }
  }
  return { pairs, complete: decoder.complete };
}

const pair = (key: StateKey, value: string): Pair => [key, Uint8Array.from(bytes(value))];
const PAIRS = Array.from({ length: 20 }, (_, i) => pair(`k\xff${String(i).padStart(2, '0')}`, 'v'.repeat(i)));

test('a snapshot comes back from its chunks, whole, cut in two anywhere, and byte by byte', () => {
  const whole = Buffer.concat(encode(PAIRS));
  assert.deepEqual(decode(encode(PAIRS)), { pairs: PAIRS, complete: true });
  assert.deepEqual(decode([whole]), { pairs: PAIRS, complete: true });
  for (let cut = 0; cut <= whole.length; cut++) {
    assert.deepEqual(decode([whole.subarray(0, cut), whole.subarray(cut)]), { pairs: PAIRS, complete: true });
  }
  const single = Array.from(whole, (byte) => Uint8Array.of(byte));
  assert.deepEqual(decode(single), { pairs: PAIRS, complete: true });
});

test('a snapshot without its end is never complete', () => {
  const whole = Buffer.concat(encode(PAIRS));
  for (let length = 0; length < whole.length; length++) {
    assert.equal(decode([whole.subarray(0, length)]).complete, false);
  }
});

test('a snapshot with any bit changed is refused', () => {
  const whole = Buffer.concat(encode(PAIRS.slice(0, 4)));
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const changed = Uint8Array.from(whole);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    let complete = false;
    try {
      ({ complete } = decode([changed]));
    } catch (error) {
      assert.equal((error as { code: string }).code, 'PROTOCOL');
    }
    assert.equal(complete, false, `bit ${bit}`);
  }
});

test('a snapshot with chunks lost, doubled or in another order is refused', () => {
  const chunks = encode(PAIRS);
  assert.ok(chunks.length > 5);
  const refused = (order: Uint8Array[]): void => {
    let complete = false;
    try {
      ({ complete } = decode(order));
    } catch (error) {
      assert.equal((error as { code: string }).code, 'PROTOCOL');
    }
    assert.equal(complete, false);
  };
  for (let i = 0; i < chunks.length; i++) {
    refused(chunks.toSpliced(i, 1));
    refused(chunks.toSpliced(i, 0, chunks[i] ?? assert.fail()));
    for (let j = i + 1; j < chunks.length; j++) {
      const swapped = chunks.slice();
      [swapped[i], swapped[j]] = [chunks[j] ?? assert.fail(), chunks[i] ?? assert.fail()];
      refused(swapped);
    }
  }
});

test('a snapshot of another position, or with entries that are none, is refused', () => {
  assert.throws(() => new SnapshotDecoder(at(8)).push(encode([])[0] ?? assert.fail()), { code: 'PROTOCOL' });
  for (const pairs of [
    [pair('kb', ''), pair('ka', '')],
    [pair('ka', ''), pair('ka', '')],
    [pair(POSITION_KEY, '')],
  ]) {
    assert.throws(() => decode(encode(pairs)), { code: 'PROTOCOL' });
  }
});

test('a frame larger than any that is sent is refused before memory is taken for it', () => {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(limits.frameBytesMax + 1, 0);
  assert.throws(() => decode([header]), { code: 'PROTOCOL', message: /frame of \d+ bytes/ });
});

test('chunks are of about the size that was asked for, whatever the values', () => {
  const pairs = fc.uniqueArray(
    fc.tuple(
      fc.string({ unit: fc.constantFrom('a', 'b', '\xff'), minLength: 1, maxLength: 20 }),
      fc.uint8Array({ maxLength: 900 }),
    ),
    { selector: ([key]) => key, maxLength: 60 },
  );
  fc.assert(
    fc.property(pairs, (unsorted) => {
      const sorted = unsorted
        .map(([key, value]): Pair => [`k${key}`, value])
        .sort(([a], [b]) => (a < b ? -1 : 1));
      const chunks = encode(sorted, 500);
      assert.deepEqual(decode(chunks), { pairs: sorted, complete: true });
      for (const chunk of chunks) assert.ok(chunk.length < 500 + 900 + 50);
      for (const chunk of chunks.slice(1, -2)) assert.ok(chunk.length >= 500);
    }),
    { seed: 7, numRuns: 50 },
  );
});
