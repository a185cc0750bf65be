/** A process of its own that runs one seed after the other, as it is told. */
import { runScenario, scenarios } from '../../sim/scenarios/index.ts';
import type { RunSummary } from '../../sim/totals.ts';
import { runWorld } from '../../sim/world.ts';
import { describeFailure, describeScenarioFailure } from '../sim-failure.ts';

/** What a worker says of a seed. */
export interface SeedReport {
  readonly seed: number;
  readonly world: RunSummary;
  /** Null where none was played. */
  readonly scenario: string | null;
  /** Everything that somebody needs who wants to see it again, of each failure. */
  readonly failures: readonly string[];
}

/** Scenarios are directed: they gain less by many seeds. */
const SCENARIO_EVERY = 5;

/** The world of a seed, and with some seeds one of the scenarios: together they play all. */
function runSeed(seed: number): SeedReport {
  const failures: string[] = [];
  const result = runWorld(seed);
  if (result.failure !== null) failures.push(describeFailure(result, false));
  const scenario =
    seed % SCENARIO_EVERY === 0 ? scenarios[(seed / SCENARIO_EVERY) % scenarios.length] : undefined;
  if (scenario !== undefined) {
    const played = runScenario(scenario, seed);
    if (played.failure !== null) failures.push(describeScenarioFailure(scenario.name, seed, played, false));
  }
  const { failure, virtualMs, events, operations, faults, details } = result;
  const world: RunSummary = { failure, virtualMs, events, operations, faults, details };
  return { seed, world, scenario: scenario?.name ?? null, failures };
}

process.on('message', (seed: number) => {
  process.send?.(runSeed(seed));
});
// The one that gives out seeds is gone.
process.on('disconnect', () => process.exit());
// Ctrl-C goes to all processes of the terminal: the seed that is under way is finished, then nothing more comes.
process.on('SIGINT', () => undefined);
