import type { Clock } from '../base/clock.ts';

/**
 * The cluster's own time: the stamp of the last entry plus the monotonic time since this server received it. Not
 * wall time: a leader whose clock is an hour off changes nothing, and the time in which the whole cluster is down
 * does not count.
 *
 * A server that restarts knows the stamp, but not how long ago it received the entry: the leader tells it the time.
 *
 * What one leader says never runs ahead of what has really passed since any entry that it has, so the latest is the
 * best. The next leader may know less, and be behind: from its first word on only its own count, else keys that it gave
 * a time to live would end before that is over.
 */
export class LogTime {
  readonly #clock: Clock;
  #knownMs: number;
  /** When it was so late, on the monotonic clock. */
  #atMs: number;
  /** In which it was said. */
  #term = 0;

  constructor(clock: Clock, lastStampMs: number) {
    this.#clock = clock;
    this.#knownMs = lastStampMs;
    this.#atMs = clock.monotonicMs();
  }

  /** The leader of the term says that it is this late: by the stamp of an entry, or in so many words. */
  observe(logTimeMs: number, term: number): void {
    const nowMs = this.#clock.monotonicMs();
    if (term < this.#term) return;
    if (term === this.#term && logTimeMs <= this.#knownMs + (nowMs - this.#atMs)) return;
    this.#term = term;
    this.#knownMs = logTimeMs;
    this.#atMs = nowMs;
  }

  /** This server leads: its time is the cluster's in this term. */
  lead(term: number): void {
    this.#term = term;
  }

  /** Whole milliseconds. */
  nowMs(): number {
    return Math.floor(this.#knownMs + (this.#clock.monotonicMs() - this.#atMs));
  }
}
