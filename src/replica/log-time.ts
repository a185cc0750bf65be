import type { Clock } from '../base/clock.ts';

/**
 * The cluster's own time: the stamp of the last entry plus the monotonic time since this server received it. Not
 * wall time: a leader whose clock is an hour off changes nothing, and the time in which the whole cluster is down
 * does not count.
 *
 * A server that restarts knows the stamp, but not how long ago it received the entry: the leader tells it the time. No
 * server's time runs ahead of what has really passed since an entry was stamped, so the latest is always the best.
 */
export class LogTime {
  readonly #clock: Clock;
  #knownMs: number;
  /** When it was so late, on the monotonic clock. */
  #atMs: number;

  constructor(clock: Clock, lastStampMs: number) {
    this.#clock = clock;
    this.#knownMs = lastStampMs;
    this.#atMs = clock.monotonicMs();
  }

  /** It is at least this late: the last entry of the log has this stamp, or the leader says so. */
  observe(logTimeMs: number): void {
    const nowMs = this.#clock.monotonicMs();
    if (logTimeMs <= this.#knownMs + (nowMs - this.#atMs)) return;
    this.#knownMs = logTimeMs;
    this.#atMs = nowMs;
  }

  /** Whole milliseconds. */
  nowMs(): number {
    return Math.floor(this.#knownMs + (this.#clock.monotonicMs() - this.#atMs));
  }
}
