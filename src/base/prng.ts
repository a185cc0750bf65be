import { assert } from './assert.ts';

/** A source of random numbers. Injected everywhere, so that a simulation replays from its seed. */
export interface Prng {
  /** A uniform integer in [0, 2^32). */
  uint32(): number;
  /** A uniform integer in [0, bound), `bound` from 1 to 2^32. */
  below(bound: number): number;
  /** A uniform number in [0, 1). */
  float(): number;
  /** True with the given probability. */
  chance(probability: number): boolean;
}

/** sfc32 (Chris Doty-Humphrey, PractRand): small, fast, passes PractRand; not for secrets. */
export function createPrng(seed: number): Prng {
  let a = seed >>> 0;
  let b = Math.floor(seed / 2 ** 32) >>> 0;
  let c = 0x9e3779b9;
  let counter = 1;
  const uint32 = (): number => {
    const t = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return t >>> 0;
  };
  for (let i = 0; i < 16; i++) uint32();
  const prng: Prng = {
    uint32,
    below(bound) {
      assert(Number.isInteger(bound) && bound >= 1 && bound <= 2 ** 32, `prng bound ${bound}`);
      return Math.floor((uint32() / 2 ** 32) * bound);
    },
    float: () => uint32() / 2 ** 32,
    chance: (probability) => uint32() / 2 ** 32 < probability,
  };
  return prng;
}
