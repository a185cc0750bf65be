import { messageOf } from '../base/errors.ts';
import { basicChecks } from './checks/basic.ts';
import { expiryChecks } from './checks/expiry.ts';
import { failureChecks } from './checks/failures.ts';
import { historyChecks } from './checks/history.ts';
import { inputChecks } from './checks/input.ts';
import { orderChecks } from './checks/order.ts';
import { raceChecks } from './checks/races.ts';
import { redirectChecks } from './checks/redirects.ts';
import { valueChecks } from './checks/values.ts';
import { whyNot, type Check } from './check.ts';
import { CheckFailure, Inapplicable } from './failure.ts';
import type { System } from './system.ts';
import { Unreachable } from './tcp-connection.ts';

/** In the order in which they run: what is simple first, what kills servers last. */
export const allChecks: readonly Check[] = [
  ...basicChecks,
  ...redirectChecks,
  ...valueChecks,
  ...orderChecks,
  ...inputChecks,
  ...expiryChecks,
  ...raceChecks,
  ...historyChecks,
  ...failureChecks,
];

/** Not a check of the list: whether the servers come to serve at all. */
const readyName = 'system/ready';

export type Verdict = 'passed' | 'failed' | 'left out';

export interface CheckResult {
  readonly name: string;
  readonly about: string;
  readonly verdict: Verdict;
  readonly durationMs: number;
  /** What is wrong, or why it was left out; empty if it passed. */
  readonly message: string;
}

/** The checks whose names contain one of the words; all without a word. */
export const chooseChecks = (only: readonly string[], skip: readonly string[] = []): Check[] =>
  allChecks.filter(
    ({ name }) =>
      (only.length === 0 || only.some((word) => name.includes(word))) &&
      !skip.some((word) => name.includes(word)),
  );

/**
 * Runs the checks one after the other, each on a system that is up and answers. Tells each result as it comes, and
 * resolves with all of them.
 */
export async function runChecks(
  system: System,
  checks: readonly Check[],
  onResult: (result: CheckResult) => void = () => undefined,
): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  const add = (result: CheckResult): void => {
    results.push(result);
    onResult(result);
  };
  for (const check of checks) {
    const reason = whyNot(check, system);
    if (reason !== null) {
      add({ name: check.name, about: check.about, verdict: 'left out', durationMs: 0, message: reason });
      continue;
    }
    const unready = await timed(system, readyName, 'all servers are up and serve', () => restore(system));
    if (unready.verdict === 'failed') {
      add(unready);
      break;
    }
    add(await timed(system, check.name, check.about, () => check.run(system)));
  }
  return results;
}

/** Every server runs, and the system serves. */
async function restore(system: System): Promise<void> {
  const { control } = system.options;
  if (control !== null) {
    for (const { id } of system.servers) {
      if (control.running.includes(id)) control.resume(id);
      else control.start(id);
    }
  }
  await system.ready();
}

async function timed(
  system: System,
  name: string,
  about: string,
  body: () => Promise<void>,
): Promise<CheckResult> {
  const startMs = system.nowMs();
  const message = await judge(system, body);
  system.dropAll();
  const durationMs = Math.round(system.nowMs() - startMs);
  if (message instanceof Inapplicable) {
    return { name, about, verdict: 'left out', durationMs, message: message.message };
  }
  return { name, about, verdict: message === null ? 'passed' : 'failed', durationMs, message: message ?? '' };
}

/** What is wrong, null if nothing is. Servers that ended by themselves meanwhile are wrong, too. */
async function judge(system: System, body: () => Promise<void>): Promise<string | Inapplicable | null> {
  const faults: string[] = [];
  try {
    await body();
  } catch (error) {
    if (error instanceof Inapplicable) return error;
    if (!(error instanceof CheckFailure || error instanceof Unreachable)) throw error;
    faults.push(messageOf(error));
  }
  faults.push(...(system.options.control?.takeDeaths() ?? []));
  return faults.length === 0 ? null : faults.join('; ');
}
