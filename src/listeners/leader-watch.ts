import type { Clock } from '../base/clock.ts';

/** Who leads is asked again after this long while somebody waits for it. */
const askEveryMs = 20;

interface Waiting {
  readonly deadlineMs: number;
  readonly done: () => void;
}

export interface LeaderWatchOptions {
  readonly clock: Clock;
  /** The configured id of the server that leads; null while none is known. */
  readonly leader: () => number | null;
}

/** Who leads, for listeners that do not answer for another server; and a place to wait while that is not known. */
export class LeaderWatch {
  readonly #options: LeaderWatchOptions;
  #waiting: Waiting[] = [];
  #willAsk = false;

  constructor(options: LeaderWatchOptions) {
    this.#options = options;
  }

  /** The configured id of the server that leads and was heard of lately; null while there is none. */
  get leader(): number | null {
    return this.#options.leader();
  }

  /** Calls back once a leader is known, and at the deadline if none is; never inside this call. */
  wait(deadlineMs: number, done: () => void): void {
    this.#waiting.push({ deadlineMs, done });
    this.#askLater();
  }

  #askLater(): void {
    if (this.#willAsk) return;
    this.#willAsk = true;
    this.#options.clock.setTimer(askEveryMs, () => this.#ask());
  }

  #ask(): void {
    this.#willAsk = false;
    const nowMs = this.#options.clock.monotonicMs();
    const isKnown = this.leader !== null;
    const ready = this.#waiting.filter(({ deadlineMs }) => isKnown || deadlineMs <= nowMs);
    this.#waiting = this.#waiting.filter(({ deadlineMs }) => !isKnown && deadlineMs > nowMs);
    if (this.#waiting.length > 0) this.#askLater();
    for (const { done } of ready) done();
  }
}
