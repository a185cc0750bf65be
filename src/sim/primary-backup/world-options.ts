import { createPrng } from '../../base/prng.ts';
import { drawWorld, faultKinds, type FaultKind, type WorldOptions } from '../world-options.ts';

/** All that makes one world of the primary/backup engine differ from another. */
export interface PrimaryBackupWorldOptions extends WorldOptions {
  readonly monitors: number;
  readonly pingIntervalMs: number;
  readonly deadPings: number;
}

/** What only Raft's membership knows, and what may take the only copy of what was acknowledged. */
const NOT_HERE: readonly FaultKind[] = ['transfer', 'reconfigure', 'damage', 'wipe'];

/** Draws as for Raft, with fewer servers, and monitors. */
export function drawPrimaryBackupWorld(seed: number): PrimaryBackupWorldOptions {
  const world = drawWorld(seed);
  const prng = createPrng(seed + 31_337);
  const rates: Partial<Record<FaultKind, number>> = {};
  for (const kind of faultKinds) {
    const rate = world.rates[kind];
    if (rate !== undefined && !NOT_HERE.includes(kind)) rates[kind] = rate;
  }
  return {
    ...world,
    rates,
    servers: [1, 2, 2, 3, 3, 3, 4][prng.below(7)] ?? 3,
    monitors: [1, 3, 3][prng.below(3)] ?? 3,
    pingIntervalMs: [10, 20, 50][prng.below(3)] ?? 20,
    deadPings: [3, 5, 10][prng.below(3)] ?? 5,
    healsMajorityOnly: false,
  };
}
