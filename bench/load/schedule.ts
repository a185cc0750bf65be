/**
 * When the requests of an open loop are due: evenly, at `rate` a second from `startMs` on. Requests that could not leave
 * in time stay due since then, so that a server that stands still is charged for all whom it keeps waiting, and not
 * only for the one that each connection had in flight (coordinated omission).
 */
export class Schedule {
  readonly #startMs: number;
  readonly #intervalMs: number;
  /** Requests that were taken. */
  taken = 0;

  constructor(startMs: number, rate: number) {
    this.#startMs = startMs;
    this.#intervalMs = 1000 / rate;
  }

  /** How many requests are due and not taken. */
  due(nowMs: number): number {
    if (nowMs < this.#startMs) return 0;
    return Math.floor((nowMs - this.#startMs) / this.#intervalMs) + 1 - this.taken;
  }

  /** Takes the next request and tells when it was or is due. */
  take(): number {
    return this.#startMs + this.taken++ * this.#intervalMs;
  }
}
