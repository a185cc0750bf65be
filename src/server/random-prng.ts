import { randomInt } from 'node:crypto';
import { createPrng, type Prng } from '../base/prng.ts';

const SEEDS = 2 ** 48 - 1;

/** Random numbers for one part of a real server, from a seed that is its own. */
export const randomPrng = (): Prng => createPrng(randomInt(SEEDS));
