import type { Prng } from '../base/prng.ts';
import { netLimits } from './net-limits.ts';

/**
 * The pause before the next attempt after so many failed ones in a row, in milliseconds: none after none, then
 * doubling from 50 to 2,000, each shortened by up to a half at random so that servers do not call in step.
 */
export function reconnectDelayMs(failures: number, prng: Prng): number {
  if (failures === 0) return 0;
  const { reconnectMsMin, reconnectMsMax } = netLimits;
  const longest = Math.min(reconnectMsMax, reconnectMsMin * 2 ** (failures - 1));
  return Math.floor(longest * (1 - prng.float() / 2));
}
