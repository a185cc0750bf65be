import { runScenario, type Scenario } from '../scenarios/index.ts';
import { runWorld } from '../world.ts';
import type { WorldOptions } from '../world-options.ts';
import type { Undo } from './patch.test-support.ts';

/** A deliberate fault in all servers, and where it is to be found. */
export interface Sabotage {
  readonly name: string;
  /** Puts the fault in. */
  readonly apply: () => Undo;
  /** It must be found within so many seeds, from 1 on. */
  readonly seedsMax: number;
  /** The world to look in; every seed gives it other faults at other times. */
  readonly world?: Partial<WorldOptions>;
  /** Or the scenario, for what chance seldom comes upon. */
  readonly scenario?: Scenario;
  /** Or another way to play a seed: what is found wrong, null if nothing is. */
  readonly play?: (seed: number) => string | null;
}

/** What is found wrong with a seed; null if nothing is. */
function play({ world, scenario, play }: Sabotage, seed: number): string | null {
  if (play !== undefined) return play(seed);
  if (scenario !== undefined) return runScenario(scenario, seed).failure;
  return runWorld(seed, { world: { ...world, seed } }).failure;
}

/** The first seed that shows the fault, and as what; null when none does. */
export function find(sabotage: Sabotage): { seed: number; failure: string } | null {
  const undo = sabotage.apply();
  try {
    for (let seed = 1; seed <= sabotage.seedsMax; seed++) {
      const failure = play(sabotage, seed);
      if (failure !== null) return { seed, failure };
    }
    return null;
  } finally {
    undo();
  }
}

/** What is found wrong in the first `seeds` seeds without any fault. */
export function playClean(sabotage: Sabotage, seeds: number): string | null {
  for (let seed = 1; seed <= seeds; seed++) {
    const failure = play(sabotage, seed);
    if (failure !== null) return `seed ${seed}: ${failure}`;
  }
  return null;
}
