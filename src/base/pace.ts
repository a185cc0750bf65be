/**
 * Groups what arrives one by one into rounds. A round costs much the same however much it carries (a sync, a
 * message to each server, threads that wake up), so while one is under way what arrives waits for its end, but for
 * no longer than `ROUND_MS`: where servers are far apart, rounds overlap.
 */

/** Milliseconds after which a round that is still under way holds up the next one no more. */
const ROUND_MS = 1;
/** The shortest wait worth a timer: clocks that are scaled are not exact to the last bit. */
const WAIT_MS_MIN = 0.01;

export class Pace {
  #beganMs = -Infinity;

  /** Milliseconds until the next round may begin; 0: now. `underWay` says whether the last one is. */
  waitMs(underWay: boolean, nowMs: number): number {
    const waitMs = this.#beganMs + ROUND_MS - nowMs;
    return underWay && waitMs >= WAIT_MS_MIN ? waitMs : 0;
  }

  /** A round begins. */
  began(nowMs: number): void {
    this.#beganMs = nowMs;
  }
}
