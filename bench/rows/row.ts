import type { SystemName } from '../load/job.ts';
import type { System } from '../systems/system.ts';
import type { Goal, Metric, Sample } from './sample.ts';

/** What the command line says about how long things take. */
export interface Effort {
  readonly rounds: number;
  readonly measureMs: number;
  readonly warmUpMs: number;
  /** Of the endurance run. */
  readonly enduranceMs: number;
}

/** A line of the table of results: something that is measured on several systems in turn. */
export interface Row {
  readonly id: string;
  readonly title: string;
  readonly systems: readonly SystemName[];
  /** How many keys the systems hold. Rows with as many share their systems. */
  readonly keys: number;
  readonly metrics: readonly Metric[];
  readonly goals: readonly Goal[];
  /** Only when asked for: it takes long, or serves a plot. */
  readonly group: 'goals' | 'curves' | 'long';
  /** Rounds of its own, where those of the command line do not fit. */
  readonly rounds?: number;
  measure(system: System, effort: Effort): Promise<Sample>;
}
