import { World, type RunOptions, type RunResult } from '../world.ts';
import { PrimaryBackupCluster } from './cluster.ts';
import { drawPrimaryBackupWorld, type PrimaryBackupWorldOptions } from './world-options.ts';

export interface PrimaryBackupRunOptions extends Omit<RunOptions, 'world'> {
  /** Takes the place of what the seed draws. */
  readonly world?: Partial<PrimaryBackupWorldOptions>;
}

/** As `runWorld`, with the primary/backup engine and a view service. */
export function runPrimaryBackupWorld(seed: number, options: PrimaryBackupRunOptions = {}): RunResult {
  const world = { ...drawPrimaryBackupWorld(seed), ...options.world };
  return new World(world, options, (scheduler, prng, transcript) => {
    return new PrimaryBackupCluster(world, scheduler, prng, transcript);
  }).run();
}
