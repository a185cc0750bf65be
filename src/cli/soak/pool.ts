import { fork, type ChildProcess } from 'node:child_process';
import type { SeedReport } from './worker.ts';

/** Runs allocate much that dies young: fewer collections with more room for it. */
const WORKER_ARGS = ['--max-semi-space-size=64', '--enable-source-maps'];

export interface PoolOptions {
  /** The module that runs seeds. */
  readonly worker: string;
  /** How many processes run it. */
  readonly workers: number;
  /** The next seed; null when there are no more. */
  readonly next: () => number | null;
  readonly onReport: (report: SeedReport) => void;
  /** A seed came to no end: its process died, or was killed because it took longer than this. */
  readonly onLost: (seed: number, reason: string) => void;
  readonly seedMsMax: number;
}

/** Runs seeds in processes of their own; resolves when there are none left and the last one is over. */
export async function runPool(options: PoolOptions): Promise<void> {
  await Promise.all(Array.from({ length: options.workers }, () => work(options)));
}

/** One after the other, in a new process when one was lost. */
async function work(options: PoolOptions): Promise<void> {
  let child: ChildProcess | null = null;
  for (let seed = options.next(); seed !== null; seed = options.next()) {
    child ??= fork(options.worker, { execArgv: WORKER_ARGS });
    const outcome = await runIn(child, seed, options.seedMsMax);
    if (typeof outcome === 'string') {
      options.onLost(seed, outcome);
      child = null;
    } else {
      options.onReport(outcome);
    }
  }
  child?.disconnect();
}

/** What the worker reports, or why it does not. */
function runIn(child: ChildProcess, seed: number, msMax: number): Promise<SeedReport | string> {
  return new Promise((resolve) => {
    const finish = (outcome: SeedReport | string): void => {
      clearTimeout(timer);
      child.removeAllListeners();
      resolve(outcome);
    };
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      finish(`it came to no end within ${msMax / 1_000} s`);
    }, msMax);
    child.on('message', (report) => finish(report as SeedReport));
    child.on('error', (error) => finish(error.message));
    child.on('exit', (code, signal) => finish(`its process ended with ${signal ?? `exit code ${code}`}`));
    child.send(seed);
  });
}
