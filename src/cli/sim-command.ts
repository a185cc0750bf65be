import { Option, type Command } from 'commander';
import { KvraftError } from '../base/errors.ts';
import { runScenario, scenarios, type ScenarioResult } from '../sim/scenarios/index.ts';
import { Totals } from '../sim/totals.ts';
import { primaryBackupScenarios, runPrimaryBackupScenario } from '../sim/primary-backup/scenarios.ts';
import { runPrimaryBackupWorld } from '../sim/primary-backup/world.ts';
import { runWorld } from '../sim/world.ts';
import { exitCodes } from './exit-codes.ts';
import { parseCount } from './options.ts';
import { describeFailure, describeScenarioFailure } from './sim-failure.ts';

interface SimOptions {
  readonly seed: number;
  readonly seeds: number;
  readonly engine: 'raft' | 'primary-backup';
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
    .addOption(
      new Option('--engine <name>', 'what replicates in them')
        .choices(['raft', 'primary-backup'])
        .default('raft'),
    )
    .option('--steps <count>', 'stop a world after so many events', parseCount)
    .option('--scenario <name>', 'play a scenario instead of random worlds; "list" tells their names')
    .option('--trace', 'print every event as it happens')
    .option('--history', 'print what the clients saw, as JSON lines for kvraft check')
    .addHelpText('after', '\nThe same seed gives the same run, event for event.')
    .action((options: SimOptions) => {
      if (options.scenario !== undefined) return playScenario(options.scenario, options);
      const startedMs = performance.now();
      const totals = new Totals();
      for (let seed = options.seed; seed < options.seed + options.seeds; seed++) {
        const run = options.engine === 'raft' ? runWorld : runPrimaryBackupWorld;
        const result = run(seed, {
          ...(options.trace ? { onLine: (line: string) => console.log(line) } : {}),
          ...(options.steps === undefined ? {} : { stepsMax: options.steps }),
        });
        totals.add(result);
        if (options.history) for (const history of result.histories()) process.stdout.write(history);
        if (result.failure !== null) console.log(describeFailure(result, options.trace === true));
      }
      const seconds = (performance.now() - startedMs) / 1_000;
      console.log(`${options.seeds} worlds in ${seconds.toFixed(1)} s, ${totals.failed} of them failed`);
      for (const line of totals.describe()) console.log(line);
      if (totals.failed > 0) process.exitCode = exitCodes.failed;
    });
}

/** Plays a named scenario with each seed, or lists all. */
function playScenario(name: string, { seed, seeds, trace }: SimOptions): void {
  if (name === 'list') {
    for (const scenario of [...scenarios, ...primaryBackupScenarios])
      console.log(`${scenario.name.padEnd(32)}${scenario.about}`);
    return;
  }
  const play = playerOf(name);
  if (play === null) {
    const message = `no scenario is called ${name}: "--scenario list" tells their names`;
    throw new KvraftError('INVALID_ARGUMENT', message);
  }
  let failures = 0;
  for (let at = seed; at < seed + seeds; at++) {
    const result = play(at, trace ? (line) => console.log(line) : null);
    if (result.failure === null) continue;
    failures++;
    console.log(describeScenarioFailure(name, at, result, trace === true));
  }
  console.log(`${name} with ${seeds} seeds, ${failures} of them failed`);
  if (failures > 0) process.exitCode = exitCodes.failed;
}

type Play = (seed: number, onLine: ((line: string) => void) | null) => ScenarioResult;

/** How to play the scenario of that name, of whichever engine; null if there is none. */
function playerOf(name: string): Play | null {
  const scenario = scenarios.find((each) => each.name === name);
  if (scenario !== undefined) return (seed, onLine) => runScenario(scenario, seed, onLine);
  const other = primaryBackupScenarios.find((each) => each.name === name);
  return other === undefined ? null : (seed, onLine) => runPrimaryBackupScenario(other, seed, onLine);
}
