import type { Clock } from '../base/clock.ts';

/**
 * The cluster's own time: the stamp of the last entry plus the monotonic time since this server received it. Not
 * wall time: a leader whose clock is an hour off changes nothing, and the time in which the whole cluster is down
 * does not count.
 */
export class LogTime {
  readonly #clock: Clock;
  #stampMs: number;
  #receivedMs: number;

  constructor(clock: Clock, lastStampMs: number) {
    this.#clock = clock;
    this.#stampMs = lastStampMs;
    this.#receivedMs = clock.monotonicMs();
  }

  /** The last entry of the log is now one with this stamp. */
  observe(stampMs: number): void {
    if (stampMs === this.#stampMs) return;
    this.#stampMs = stampMs;
    this.#receivedMs = this.#clock.monotonicMs();
  }

  /** Whole milliseconds. */
  nowMs(): number {
    return Math.floor(this.#stampMs + (this.#clock.monotonicMs() - this.#receivedMs));
  }
}
