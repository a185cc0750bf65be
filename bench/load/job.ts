import type { LatencySummary } from './histogram.ts';
import type { Violation } from './ledger.ts';

export type SystemName = 'kvraft' | 'etcd' | 'redis' | 'memcached' | 'echo';

/** What all loads have. Sent to the process that makes them. */
interface JobBase {
  readonly work: 'write' | 'read';
  /** Connections go to these in turn. */
  readonly ports: readonly number[];
  readonly connections: number;
  /** Most requests in flight on a connection. */
  readonly depth: number;
  /** Keys are drawn from so many. */
  readonly keys: number;
  readonly valueBytes: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** Processes whose processor time is to be counted over the measurement. */
  readonly pids: readonly number[];
}

/** The next request of a connection leaves when a reply comes. */
export interface ClosedLoopJob extends JobBase {
  readonly kind: 'closed';
}

/** Requests leave when they are due, whatever the replies do; latency counts from when they were due. */
export interface OpenLoopJob extends JobBase {
  readonly kind: 'open';
  /** Requests a second over all connections. */
  readonly rate: number;
  /** Width of the intervals of the time series. */
  readonly intervalMs: number;
  /** A process that is ended by SIGKILL so long after the measurement began. */
  readonly kill: { readonly pid: number; readonly afterMs: number } | null;
}

/** Every key (or every `stride`-th) once, with all that `connections` and `depth` allow. Reads check what they find. */
export interface SweepJob extends Omit<JobBase, 'warmUpMs' | 'measureMs'> {
  readonly kind: 'sweep';
  readonly stride: number;
}

export type LoadJob = ClosedLoopJob | OpenLoopJob | SweepJob;

/** One interval of a time series. */
export interface Interval {
  readonly atMs: number;
  readonly replies: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface KillResult {
  /** When, counted as `Interval.atMs` is. */
  readonly atMs: number;
  /** From the kill to the first acknowledgement of a request that was sent after it; null: none came. */
  readonly toNextMs: number | null;
}

export interface LoadResult {
  /** Length of the measurement in fact. */
  readonly elapsedMs: number;
  readonly replies: number;
  readonly repliesPerSecond: number;
  readonly latency: LatencySummary;
  /** Open loop: how late requests left the generator. It is a part of the latency. */
  readonly sendDelay: LatencySummary | null;
  /** Requests without a success: only where a process is killed, else the job fails. */
  readonly failed: number;
  readonly missing: number;
  /** Processor seconds of each of `pids`, and of the generator itself. */
  readonly cpuSeconds: readonly number[];
  readonly generatorCpuSeconds: number;
  readonly intervals: readonly Interval[];
  readonly kill: KillResult | null;
  /** Of a sweep of reads: how many were checked, and the first that were not as they had to be. */
  readonly checked: number;
  readonly violations: readonly Violation[];
}
