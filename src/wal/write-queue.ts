import type { LogRecord } from './format.ts';

/** One call of `append` or `reset` on its way to the disk. */
export interface PendingWrite {
  readonly records: readonly LogRecord[];
  readonly mustSync: boolean;
  /** Durable entries above this index no longer count once this is queued. */
  readonly keepsIndex: number;
  readonly done: () => void;
}

/** What was taken out of the queue for one write. */
export interface Taken {
  /** Whether one of the calls whose records were taken must be synced. */
  readonly mustSync: boolean;
  /** The calls that have no records left. */
  readonly finished: readonly PendingWrite[];
}

/** Calls that wait to be written, in their order. A call may be spread over several writes, a record never is. */
export class WriteQueue {
  readonly #pending: PendingWrite[] = [];
  /** Records of the first call that were taken already. */
  #taken = 0;

  get length(): number {
    return this.#pending.length;
  }

  /** The highest index that may be called durable in view of what is queued. */
  get keepsIndex(): number {
    return this.#pending.reduce((lowest, { keepsIndex }) => Math.min(lowest, keepsIndex), Infinity);
  }

  push(pending: PendingWrite): void {
    this.#pending.push(pending);
  }

  clear(): void {
    this.#pending.length = 0;
    this.#taken = 0;
  }

  /** Hands out records as long as `add` takes them. */
  take(add: (record: LogRecord) => boolean): Taken {
    let mustSync = false;
    let finished = 0;
    for (const pending of this.#pending) {
      const start = this.#taken;
      while (this.#taken < pending.records.length) {
        const record = pending.records[this.#taken];
        if (record === undefined || !add(record)) break;
        this.#taken++;
      }
      const complete = this.#taken === pending.records.length;
      if (complete || this.#taken > start) mustSync ||= pending.mustSync;
      if (!complete) break;
      this.#taken = 0;
      finished++;
    }
    return { mustSync, finished: this.#pending.splice(0, finished) };
  }
}
