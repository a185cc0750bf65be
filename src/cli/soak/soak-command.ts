import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { Totals } from '../../sim/totals.ts';
import { exitCodes } from '../exit-codes.ts';
import { parseCount, parsePositive } from '../options.ts';
import { runPool } from './pool.ts';
import { ProgressDisplay } from './progress.ts';

interface SoakOptions {
  readonly minutes?: number;
  readonly seeds?: number;
  readonly firstSeed?: number;
  readonly workers: number;
}

const WORKER = join(import.meta.dirname, 'worker.js');
const MINUTES = 5;
const RANDOM_SEED_MAX = 2 ** 31;
/** A world takes a tenth of a second. */
const SEED_MS_MAX = 300_000;
/** Failures that are told in full; of more there is only the count. */
const FAILURES_TOLD = 10;

export function registerSoak(program: Command): void {
  program
    .command('soak')
    .description(
      'run simulated worlds and scenarios with many seeds, on all cores, and add up what they went through',
    )
    .option(
      '--minutes <number>',
      `how long (default: ${MINUTES}, or as long as --seeds takes)`,
      parsePositive,
    )
    .option('--seeds <count>', 'how many seeds', parseCount)
    .option(
      '--first-seed <number>',
      'the first one; the others follow it (default: a random one)',
      parseCount,
    )
    .option('--workers <count>', 'processes that run them', parseCount, availableParallelism())
    .addHelpText('after', '\nExit code 1 if a promise was broken: then it is told how to see it again.')
    .action(soak);
}

async function soak(options: SoakOptions): Promise<void> {
  const firstSeed = options.firstSeed ?? randomInt(RANDOM_SEED_MAX);
  const seeds = options.seeds ?? Infinity;
  const minutes = options.minutes ?? (options.seeds === undefined ? MINUTES : Infinity);
  const startedMs = performance.now();
  const elapsedMs = (): number => performance.now() - startedMs;
  const totals = new Totals();
  const scenarios = new Map<string, number>();
  const display = new ProgressDisplay(process.stdout);
  let given = 0;
  let failures = 0;
  let isInterrupted = false;
  process.once('SIGINT', () => (isInterrupted = true));

  const fail = (text: string): void => {
    if (++failures <= FAILURES_TOLD) display.say(text);
  };
  const show = (): void => {
    const done = Math.max(totals.worlds / seeds, elapsedMs() / (minutes * 60_000));
    const rate = (totals.worlds / (elapsedMs() / 1_000)).toFixed(1);
    display.show({
      done: Math.min(1, done),
      words: `${totals.worlds.toLocaleString('en-US')} seeds, ${rate}/s, ${failures} failed`,
    });
  };

  display.say(`seeds from ${firstSeed} on, ${options.workers} workers`);
  await runPool({
    workers: Math.max(1, options.workers),
    worker: WORKER,
    seedMsMax: SEED_MS_MAX,
    next: () => {
      if (isInterrupted || given >= seeds || elapsedMs() > minutes * 60_000) return null;
      return firstSeed + given++;
    },
    onReport: (report) => {
      totals.add(report.world);
      const { scenario } = report;
      if (scenario !== null) scenarios.set(scenario, (scenarios.get(scenario) ?? 0) + 1);
      for (const failure of report.failures) fail(failure);
      show();
    },
    onLost: (seed, reason) =>
      fail(`seed ${seed} failed: ${reason}\n  again: kvraft sim --seed ${seed} --trace`),
  });
  display.clear();

  const last = firstSeed + given - 1;
  const took = (elapsedMs() / 60_000).toFixed(1);
  const played = [...scenarios.values()].reduce((sum, count) => sum + count, 0);
  console.log(
    `${given.toLocaleString('en-US')} seeds (${firstSeed} to ${last}) in ${took} minutes, ${failures} failures`,
  );
  console.log(
    `${played.toLocaleString('en-US')} plays of ${scenarios.size} scenarios, with one of the seeds each`,
  );
  for (const line of totals.describe()) console.log(line);
  if (failures > 0) process.exitCode = exitCodes.failed;
}
