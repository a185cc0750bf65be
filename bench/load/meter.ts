import { cpuSeconds } from './cpu-time.ts';
import { Histogram } from './histogram.ts';
import type { Interval, KillResult, LoadResult } from './job.ts';

/** What happens during the measured part of a load. Times are those of `performance.now()`. */
export class Meter {
  readonly #pids: readonly number[];
  readonly #latency = new Histogram();
  readonly #sendDelay = new Histogram();
  readonly #intervalMs: number;
  readonly #interval = new Histogram();
  readonly #intervals: Interval[] = [];
  #cpuBefore: number[] = [];
  #cpuSeconds: number[] = [];
  #ownBefore = process.cpuUsage();
  #ownSeconds = 0;
  #startMs = 0;
  #elapsedMs = 0;
  #running = false;
  #killedMs: number | null = null;
  #nextMs: number | null = null;
  failed = 0;
  missing = 0;

  /** `intervalMs` of 0: no time series. */
  constructor(pids: readonly number[], intervalMs: number) {
    this.#pids = pids;
    this.#intervalMs = intervalMs;
  }

  start(nowMs: number): void {
    this.#cpuBefore = this.#pids.map(cpuSeconds);
    this.#ownBefore = process.cpuUsage();
    this.#startMs = nowMs;
    this.#running = true;
  }

  stop(nowMs: number): void {
    this.#running = false;
    this.#elapsedMs = nowMs - this.#startMs;
    const { user, system } = process.cpuUsage(this.#ownBefore);
    this.#ownSeconds = (user + system) / 1e6;
    // A process that was killed has lost its count.
    this.#cpuSeconds = this.#pids.map((pid, i) => Math.max(0, cpuSeconds(pid) - (this.#cpuBefore[i] ?? 0)));
    if (this.#intervalMs > 0) this.#closeIntervals(nowMs);
  }

  killed(nowMs: number): void {
    this.#killedMs = nowMs;
  }

  sent(delayMs: number): void {
    if (this.#running) this.#sendDelay.record(delayMs);
  }

  replied(nowMs: number, sinceMs: number): void {
    if (!this.#running) return;
    this.#latency.record(nowMs - sinceMs);
    if (this.#intervalMs > 0) {
      this.#closeIntervals(nowMs);
      this.#interval.record(nowMs - sinceMs);
    }
    if (this.#killedMs !== null && this.#nextMs === null && sinceMs > this.#killedMs) this.#nextMs = nowMs;
  }

  /** Ends the intervals before `nowMs`, those without replies, too. */
  #closeIntervals(nowMs: number): void {
    for (;;) {
      const atMs = this.#intervals.length * this.#intervalMs;
      if (nowMs - this.#startMs < atMs + this.#intervalMs) return;
      const { count, maxMs } = this.#interval;
      const [p50Ms, p99Ms] = [this.#interval.percentile(0.5), this.#interval.percentile(0.99)];
      this.#intervals.push({ atMs, replies: count, p50Ms, p99Ms, maxMs });
      this.#interval.clear();
    }
  }

  result(): Omit<LoadResult, 'checked' | 'violations'> {
    const latency = this.#latency.summary();
    return {
      elapsedMs: this.#elapsedMs,
      replies: latency.count,
      repliesPerSecond: latency.count / (this.#elapsedMs / 1000),
      latency,
      sendDelay: this.#sendDelay.count > 0 ? this.#sendDelay.summary() : null,
      failed: this.failed,
      missing: this.missing,
      cpuSeconds: this.#cpuSeconds,
      generatorCpuSeconds: this.#ownSeconds,
      intervals: this.#intervals,
      kill: this.#kill(),
    };
  }

  #kill(): KillResult | null {
    if (this.#killedMs === null) return null;
    const toNextMs = this.#nextMs === null ? null : this.#nextMs - this.#killedMs;
    return { atMs: this.#killedMs - this.#startMs, toNextMs };
  }
}
