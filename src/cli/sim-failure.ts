import type { ScenarioResult } from '../sim/scenarios/index.ts';
import type { RunResult } from '../sim/world.ts';

/** What somebody needs who wants to see a world's failure happen again. */
export function describeFailure(result: RunResult, wasTraced: boolean): string {
  const { world, failure, stack, transcript } = result;
  return [
    `seed ${world.seed} failed: ${failure}`,
    `  world: ${JSON.stringify(world)}`,
    ...(wasTraced ? [] : transcript.map((line) => `  ${line}`)),
    ...(stack === null ? [] : [`  ${stack}`]),
    `  again: kvraft sim ${'monitors' in world ? '--engine primary-backup ' : ''}--seed ${world.seed} --trace`,
  ].join('\n');
}

/** The same for a scenario. */
export function describeScenarioFailure(
  name: string,
  seed: number,
  { failure, stack, transcript }: ScenarioResult,
  wasTraced: boolean,
): string {
  return [
    `${name} failed with seed ${seed}: ${failure}`,
    ...(wasTraced ? [] : transcript.map((line) => `  ${line}`)),
    ...(stack === null ? [] : [`  ${stack}`]),
    `  again: kvraft sim --scenario ${name} --seed ${seed} --trace`,
  ].join('\n');
}
