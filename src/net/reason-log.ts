import type { Clock } from '../base/clock.ts';

const REPEAT_MS_MIN = 1_000;

/**
 * Decides what is worth a line in the log when the same thing fails at every retry: a reason is told when it is
 * another one than before, and at most once a second per subject, so that nobody outside can flood the log.
 */
export class ReasonLog {
  readonly #clock: Clock;
  readonly #told = new Map<string, { readonly reason: string; readonly atMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether to tell it. There must be a bounded number of subjects. */
  isNews(subject: string, reason: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    const last = this.#told.get(subject);
    if (last !== undefined && (last.reason === reason || nowMs - last.atMs < REPEAT_MS_MIN)) return false;
    this.#told.set(subject, { reason, atMs: nowMs });
    return true;
  }

  /** The subject is well again: whatever comes next is news, as long as it is not too soon. */
  settle(subject: string): void {
    const last = this.#told.get(subject);
    if (last !== undefined) this.#told.set(subject, { reason: '', atMs: last.atMs });
  }
}
