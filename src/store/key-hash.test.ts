import assert from 'node:assert/strict';
import { test } from 'node:test';
import { halfSipHash, hashKey } from './key-hash.ts';

/** Of the bytes 0, 1, 2 and so on, as many as the place says, under the key 00 01 … 07: the Linux kernel's own test. */
const VECTORS = [0x5814c896, 0xe7e864ca, 0xbc4b0e30, 0x01539939, 0x7e059ea6, 0x88e3d89b, 0xa0080b65];

test('the hash is HalfSipHash-1-3', () => {
  const hashes = VECTORS.map((_, length) => {
    const input = String.fromCharCode(...Array.from({ length }, (_each, i) => i));
    return halfSipHash(input, 0x03020100, 0x07060504) >>> 0;
  });
  assert.deepEqual(hashes, VECTORS);
});

test('keys that differ in one character spread over all places of a table', () => {
  const places = new Set<number>();
  for (let i = 0; i < 65_536; i++) {
    places.add(hashKey(`k${'x'.repeat(i % 7)}${String.fromCharCode(i >> 8, i & 0xff)}`) & 0xffff);
  }
  // Of n balls in n bins, 63 % of the bins get one.
  assert.ok(places.size > 0.6 * 65_536, String(places.size));
});
