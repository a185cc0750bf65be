import { randomFillSync } from 'node:crypto';
import type { StateKey } from './store.ts';

/** Clients choose keys: with a secret of this process nobody can choose ones that all meet in one place of a table. */
const SECRET = randomFillSync(new Int32Array(2));
const K0 = SECRET[0] ?? 0;
const K1 = SECRET[1] ?? 0;

/** A hash of the key by a secret of this process, as a signed number of 32 bits. */
export const hashKey = (key: StateKey): number => halfSipHash(key, K0, K1);

/** HalfSipHash-1-3 (J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF", 2012) of a key's bytes. */
export function halfSipHash(key: StateKey, k0: number, k1: number): number {
  const { length } = key;
  let v0 = k0;
  let v1 = k1;
  let v2 = 0x6c796765 ^ k0;
  let v3 = 0x74656462 ^ k1;
  let at = 0;
  for (let rounds = (length >> 2) + 4; rounds > 0; rounds--) {
    // Words of four bytes, one of what is left and the length, then three rounds with none.
    let word = 0;
    if (rounds > 4) {
      const low = key.charCodeAt(at) | (key.charCodeAt(at + 1) << 8);
      word = low | (key.charCodeAt(at + 2) << 16) | (key.charCodeAt(at + 3) << 24);
      at += 4;
    } else if (rounds === 4) {
      word = length << 24;
      for (let shift = 0; at < length; shift += 8) word |= key.charCodeAt(at++) << shift;
    }
    v3 ^= word;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= word;
    if (rounds === 4) v2 ^= 0xff;
  }
  return v1 ^ v3;
}
