import type { Prng } from '../base/prng.ts';
import { timings } from './timings.ts';

/** The pause after so many failures in a row, in milliseconds; random, so that clients do not come in step. */
export function backoffMs(failures: number, prng: Prng): number {
  const { backoffMsMin, backoffMsMax } = timings;
  const longest = Math.min(backoffMsMax, backoffMsMin * 2 ** Math.min(failures - 1, 16));
  return Math.ceil(longest * (1 - prng.float() / 2));
}
