import { InvalidArgumentError, type Command } from 'commander';
import { KvraftError } from '../base/errors.ts';
import { runScenario, scenarios } from '../sim/scenarios/index.ts';
import { runWorld, type RunResult } from '../sim/world.ts';
import { exitCodes } from './exit-codes.ts';

interface SimOptions {
  readonly seed: number;
  readonly seeds: number;
  readonly steps?: number;
  readonly scenario?: string;
  readonly trace?: true;
  readonly history?: true;
}

export function registerSim(program: Command): void {
  program
    .command('sim')
    .description(
      'run whole clusters on a simulated clock, network and disk, under faults, and check every promise',
    )
    .option('--seed <number>', 'the first world', parseCount, 1)
    .option('--seeds <count>', 'how many worlds, one after the other', parseCount, 1)
    .option('--steps <count>', 'stop a world after so many events', parseCount)
    .option('--scenario <name>', 'play a scenario instead of random worlds; "list" tells their names')
    .option('--trace', 'print every event as it happens')
    .option('--history', 'print what the clients saw, as JSON lines for kvraft check')
    .addHelpText('after', '\nThe same seed gives the same run, event for event.')
    .action((options: SimOptions) => {
      if (options.scenario !== undefined) return playScenario(options.scenario, options);
      const startedMs = performance.now();
      const totals = new Map<string, number>();
      let failures = 0;
      for (let seed = options.seed; seed < options.seed + options.seeds; seed++) {
        const result = runWorld(seed, {
          ...(options.trace ? { onLine: (line: string) => console.log(line) } : {}),
          ...(options.steps === undefined ? {} : { stepsMax: options.steps }),
        });
        addUp(totals, result);
        if (options.history) for (const history of result.histories()) process.stdout.write(history);
        if (result.failure === null) continue;
        failures++;
        console.log(describeFailure(result, options.trace === true));
      }
      const seconds = (performance.now() - startedMs) / 1_000;
      console.log(`${options.seeds} worlds in ${seconds.toFixed(1)} s, ${failures} of them failed`);
      console.log([...totals].map(([name, count]) => `${name} ${Math.round(count)}`).join(' · '));
      if (failures > 0) process.exitCode = exitCodes.failed;
    });
}

/** Plays a named scenario with each seed, or lists all. */
function playScenario(name: string, { seed, seeds, trace }: SimOptions): void {
  if (name === 'list') {
    for (const scenario of scenarios) console.log(`${scenario.name.padEnd(32)}${scenario.about}`);
    return;
  }
  const scenario = scenarios.find((each) => each.name === name);
  if (scenario === undefined) {
    const message = `no scenario is called ${name}: "--scenario list" tells their names`;
    throw new KvraftError('INVALID_ARGUMENT', message);
  }
  let failures = 0;
  for (let at = seed; at < seed + seeds; at++) {
    const result = runScenario(scenario, at, trace ? (line) => console.log(line) : null);
    if (result.failure === null) continue;
    failures++;
    console.log(`${name} failed with seed ${at}: ${result.failure}`);
    if (!trace) for (const line of result.transcript) console.log(`  ${line}`);
    console.log(`  ${result.stack}\n  again: kvraft sim --scenario ${name} --seed ${at} --trace`);
  }
  console.log(`${name} with ${seeds} seeds, ${failures} of them failed`);
  if (failures > 0) process.exitCode = exitCodes.failed;
}

/** What somebody needs who wants to see it happen again. */
export function describeFailure(result: RunResult, wasTraced: boolean): string {
  const { world, failure, stack, transcript } = result;
  return [
    `seed ${world.seed} failed: ${failure}`,
    `  world: ${JSON.stringify(world)}`,
    ...(wasTraced ? [] : transcript.map((line) => `  ${line}`)),
    ...(stack === null ? [] : [`  ${stack}`]),
    `  again: kvraft sim --seed ${world.seed} --trace`,
  ].join('\n');
}

function addUp(
  totals: Map<string, number>,
  { operations, faults, details, virtualMs, events }: RunResult,
): void {
  const add = (name: string, count: number): void => void totals.set(name, (totals.get(name) ?? 0) + count);
  add('virtual seconds', virtualMs / 1_000);
  add('events', events);
  for (const [name, count] of Object.entries(operations)) add(`operations ${name}`, count as number);
  for (const [name, count] of Object.entries(faults)) add(name, count);
  for (const [name, count] of Object.entries(details)) add(name, count);
}

function parseCount(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('a whole number of at most 15 digits');
  return Number(text);
}
