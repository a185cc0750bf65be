import type { History, HistoryHeader, Invocation, Operation, OperationResult } from './history.ts';

/** Makes operations from the events that one observer sees, and times that keep the order in which it saw them. */
export class HistoryRecorder {
  readonly #nowMs: () => number;
  readonly #header: HistoryHeader;
  readonly #operations: Operation[] = [];
  #lastMs = -Infinity;

  constructor(nowMs: () => number, header: HistoryHeader = {}) {
    this.#nowMs = nowMs;
    this.#header = header;
  }

  /** `client` is about to send an operation. Exactly one method of the returned object is called later, or none. */
  call(client: string, invocation: Invocation): RecordedCall {
    const index = this.#operations.length;
    const base = { ...invocation, client, callMs: this.#tick() };
    this.#operations.push({ ...base, returnMs: null, outcome: 'unknown' });
    return {
      ok: (result) => {
        this.#operations[index] = { ...base, returnMs: this.#tick(), outcome: 'ok', result };
      },
      fail: () => {
        this.#operations[index] = { ...base, returnMs: this.#tick(), outcome: 'fail' };
      },
      unknown: () => {
        this.#operations[index] = { ...base, returnMs: this.#tick(), outcome: 'unknown' };
      },
    };
  }

  /** What was recorded so far; operations without an answer have an unknown outcome. */
  history(): History {
    return { header: this.#header, operations: [...this.#operations] };
  }

  /** Two events of one millisecond are a nanosecond apart: equal times would count as concurrent. */
  #tick(): number {
    this.#lastMs = Math.max(this.#nowMs(), this.#lastMs + 1e-6);
    return this.#lastMs;
  }
}

/** The end of an operation that was called. */
export interface RecordedCall {
  ok(result: OperationResult): void;
  fail(): void;
  unknown(): void;
}
