import type { Clock } from '../base/clock.ts';

/**
 * The cluster's own time: the stamp of the last entry plus the monotonic time since this server received it. Not
 * wall time: a leader whose clock is an hour off changes nothing, and the time in which the whole cluster is down
 * does not count.
 *
 * A server that restarts knows the stamp, but not how long ago it received the entry: the leader tells it the time.
 *
 * The latest word of the leader counts, also where it is less than what was counted since the one before: the clock
 * here may be faster, and what it counted too much in a long term would end keys early once this server leads. It may
 * be behind by the time that the word was under way; keys may live longer.
 *
 * The next leader may know less, and be behind: from its first word on only its own count, else keys that it gave
 * a time to live would end before that is over.
 */
export class LogTime {
  readonly #clock: Clock;
  /** The latest word. */
  #knownMs: number;
  /** When it was heard, on the monotonic clock. */
  #atMs: number;
  /** In which it was said. */
  #term = 0;
  /** The last term that this server led. */
  #ledTerm = 0;

  constructor(clock: Clock, lastStampMs: number) {
    this.#clock = clock;
    this.#knownMs = lastStampMs;
    this.#atMs = clock.monotonicMs();
  }

  /** The leader of the term says that it is this late: by the stamp of an entry, or in so many words. */
  observe(logTimeMs: number, term: number): void {
    if (term < this.#term || term === this.#ledTerm) return;
    // An older word that was longer on its way, or the same one again.
    if (term === this.#term && logTimeMs <= this.#knownMs) return;
    this.#term = term;
    this.#knownMs = logTimeMs;
    this.#atMs = this.#clock.monotonicMs();
  }

  /** This server leads: its time is the cluster's in this term. */
  lead(term: number): void {
    this.#term = term;
    this.#ledTerm = term;
  }

  /** Whole milliseconds. */
  nowMs(): number {
    return Math.floor(this.#knownMs + (this.#clock.monotonicMs() - this.#atMs));
  }
}
