/** A handle of a pending timer. */
export interface Timer {
  /** Idempotent; a timer that was cancelled never fires. */
  cancel(): void;
}

/**
 * Time as the core of the server sees it. Real in production, virtual in the simulator. Callbacks run one at
 * a time, never inside the call that set them.
 */
export interface Clock {
  /** Milliseconds since an arbitrary start; never goes back. */
  monotonicMs(): number;
  /** Milliseconds since 1970 as this machine believes; may jump. Only for people and for absolute expiry times. */
  wallMs(): number;
  /** Runs `callback` once, after `delayMs`. */
  setTimer(delayMs: number, callback: () => void): Timer;
  /** Runs `callback` once this turn's input has been read: where work of one turn is batched. */
  defer(callback: () => void): void;
}
