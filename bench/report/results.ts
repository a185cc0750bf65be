import type { SystemName } from '../load/job.ts';
import type { Audit } from '../rows/fill.ts';
import type { Row } from '../rows/row.ts';
import type { Goal, Round } from '../rows/sample.ts';

export interface RowResult {
  readonly row: Row;
  readonly rounds: readonly Round[];
  readonly audits: Partial<Record<SystemName, Audit>>;
}

/** The middle of several figures, and how far they lie apart. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** Null when there are no figures. Of an even number, the mean of the two in the middle. */
export function spreadOf(figures: readonly number[]): Spread | null {
  const sorted = figures.toSorted((a, b) => a - b);
  const low = sorted[0];
  const high = sorted.at(-1);
  if (low === undefined || high === undefined) return null;
  const upper = sorted[Math.floor(sorted.length / 2)] ?? low;
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] ?? low;
  return { median: (lower + upper) / 2, low, high };
}

export function valueSpread(rounds: readonly Round[], system: SystemName, key: string): Spread | null {
  return spreadOf(rounds.flatMap((round) => round[system]?.values[key] ?? []));
}

export interface GoalResult {
  readonly goal: Goal;
  readonly spread: Spread;
  readonly met: boolean;
}

/** Goals go by the median of their rounds' figures; those that the rounds tell nothing of are left out. */
export function goalResults({ row, rounds }: RowResult): GoalResult[] {
  return row.goals.flatMap((goal) => {
    const spread = spreadOf(rounds.flatMap((round) => goal.of(round) ?? []));
    if (spread === null) return [];
    const met = goal.sense === '≥' ? spread.median >= goal.bound : spread.median <= goal.bound;
    return [{ goal, spread, met }];
  });
}

/** Acknowledged writes that could not be read afterwards, in words. */
export function lostWrites(results: readonly RowResult[]): string[] {
  return results.flatMap(({ row, audits }) =>
    Object.entries(audits).flatMap(([system, { violations }]) =>
      violations.map(
        ({ key, found, lastAcked, lastSent }) =>
          `${row.id}: ${system} holds write ${found} of key ${key}; ${lastAcked} was acknowledged, ${lastSent} the last sent`,
      ),
    ),
  );
}
