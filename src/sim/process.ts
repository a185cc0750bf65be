import type { Clock, Timer } from '../base/clock.ts';
import type { Scheduling } from './scheduler.ts';

/** How a machine's clocks differ from true time. */
export interface ClockSkew {
  /** Speed of the monotonic clock, about 1. */
  readonly rate: number;
  /** What the wall clock is off by, in milliseconds. */
  wallOffsetMs: number;
}

const HELD_APART_MS = 0.01;
/** Time goes on before a timer fires, however short: what is asked for may vanish in the rounding of the moment. */
const TIMER_MS_MIN = 0.001;

/**
 * One life of a simulated process: whatever happens in it runs through here, so that a crash ends all of it at
 * once and a pause (a long garbage collection, a stopped virtual machine) holds all of it up.
 */
export class SimProcess {
  readonly #scheduler: Scheduling;
  readonly #skew: ClockSkew;
  readonly #startedMs: number;
  /** Runs everything that happens in this process. */
  readonly #run: (callback: () => void) => void;
  #alive = true;
  #pausedUntilMs = 0;
  /** Events that were held up by the pause. */
  #held = 0;

  constructor(scheduler: Scheduling, skew: ClockSkew, run: (callback: () => void) => void) {
    this.#scheduler = scheduler;
    this.#skew = skew;
    this.#run = run;
    this.#startedMs = scheduler.nowMs;
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Nothing of this process runs any more, callbacks that are under way included. */
  crash(): void {
    this.#alive = false;
  }

  pause(durationMs: number): void {
    this.#held = 0;
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, this.#scheduler.nowMs + durationMs);
  }

  /** Ends a pause; what is due runs when it would have. */
  resume(): void {
    this.#pausedUntilMs = 0;
  }

  /** Runs `callback` in this process now, if it is alive. */
  run(callback: () => void): void {
    if (this.#alive) this.#run(callback);
  }

  /** Runs `callback` in this process now, later when it is paused, never when it is dead. */
  enter(callback: () => void): void {
    if (this.#pausedUntilMs > this.#scheduler.nowMs) this.after(0, callback);
    else this.run(callback);
  }

  /** Runs `callback` in this process after true `delayMs`, later when it is paused, never when it is dead. */
  after(delayMs: number, callback: () => void): Timer {
    let timer: Timer;
    const run = (): void => {
      if (!this.#alive) return;
      const held = this.#pausedUntilMs - this.#scheduler.nowMs;
      // One after the other, as a process works off what has gathered: not all in one moment.
      if (held > 0) timer = this.#scheduler.schedule(held + HELD_APART_MS * this.#held++, run);
      else this.#run(callback);
    };
    timer = this.#scheduler.schedule(delayMs, run);
    return { cancel: () => timer.cancel() };
  }

  /** Time as this process sees it. */
  readonly clock: Clock = {
    monotonicMs: () => (this.#scheduler.nowMs - this.#startedMs) * this.#skew.rate,
    wallMs: () => this.#scheduler.nowMs + this.#skew.wallOffsetMs,
    setTimer: (delayMs, callback) => this.after(Math.max(delayMs / this.#skew.rate, TIMER_MS_MIN), callback),
    defer: (callback) => {
      this.after(0, callback);
    },
  };
}
