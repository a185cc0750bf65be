import type { Interval, SystemName } from '../load/job.ts';

/** What one measurement of one system gave. Names of values carry their unit. */
export interface Sample {
  readonly values: Readonly<Record<string, number>>;
  readonly intervals?: readonly Interval[];
}

/** One round of a row: all systems in turn. */
export type Round = Partial<Record<SystemName, Sample>>;

/** A column of a row's table. */
export interface Metric {
  readonly key: string;
  readonly label: string;
  readonly digits: number;
}

export interface Goal {
  readonly text: string;
  readonly sense: '≤' | '≥';
  readonly bound: number;
  /** The figure that the goal bounds, of one round; null when the round lacks what it takes. */
  of(round: Round): number | null;
}

/** The quotient of one value of kvraft and of another system. */
export const ratio =
  (key: string, other: SystemName) =>
  (round: Round): number | null => {
    const own = round.kvraft?.values[key];
    const theirs = round[other]?.values[key];
    return own === undefined || theirs === undefined || theirs === 0 ? null : own / theirs;
  };

/** One value of kvraft's, by itself. */
export const value =
  (key: string) =>
  (round: Round): number | null =>
    round.kvraft?.values[key] ?? null;
