import { KvraftError } from '../base/errors.ts';
import type { OpResult } from '../wire/rpc-replies.ts';
import type { Fence, Op } from '../wire/rpc-requests.ts';
import { endError, type CallOutcome, type EndCode, type PendingCall } from './pending-call.ts';
import type { WriteBatch } from './write-batch.ts';

/** What a call wants written. Keys and values are the client's own: they are sent again as they are. */
export interface WriteRequest {
  readonly ops: readonly Op[];
  /** All operations or none. */
  readonly atomic: boolean;
  readonly fence: Fence | null;
  /** On the monotonic clock. */
  readonly deadlineMs: number;
}

/** Where a call waits. */
export interface WriteSource {
  /** Why calls wait that were not sent; null if for nothing in particular. */
  readonly refusal: KvraftError | null;
  /** The call ended before it was answered. */
  dropped(call: WriteCall): void;
}

/** About what an operation takes beside its key and value. */
const OP_BYTES = 64;

export type WriteDone = (outcome: CallOutcome<readonly OpResult[]>) => void;

/** A call that writes: in a queue, then in a batch, then settled. */
export class WriteCall implements PendingCall {
  readonly request: WriteRequest;
  readonly bytes: number;
  /** Shares its batch with no other call. */
  isAlone: boolean;
  /** The batch that it was sent in; null while it waits. */
  batch: WriteBatch | null = null;
  readonly #done: WriteDone;
  readonly #source: WriteSource;
  #isSettled = false;

  constructor(request: WriteRequest, source: WriteSource, done: WriteDone) {
    this.request = request;
    this.#done = done;
    this.#source = source;
    this.isAlone = request.atomic;
    let bytes = 0;
    for (const op of request.ops) {
      bytes += OP_BYTES + ('key' in op ? op.key.length : 0) + ('value' in op ? op.value.length : 0);
    }
    this.bytes = bytes;
  }

  get deadlineMs(): number {
    return this.request.deadlineMs;
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  end(code: EndCode, cause?: unknown): void {
    if (this.#isSettled) return;
    const { batch } = this;
    const unknown = batch?.mayBeApplied ?? false;
    const refusal = batch === null ? this.#source.refusal : batch.lastRefusal;
    if (code === 'TIMEOUT' && !unknown && refusal !== null) {
      // It did get an answer in time, each time the same one: that says more.
      const { message, retryable } = refusal;
      this.settle({
        ok: false,
        error: new KvraftError(refusal.code, message, { retryable, cause: refusal }),
      });
    } else {
      this.settle({ ok: false, error: endError(code, unknown, cause ?? refusal ?? undefined) });
    }
    this.#source.dropped(this);
  }

  settle(outcome: CallOutcome<readonly OpResult[]>): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    if (this.batch !== null) this.batch.openCalls--;
    this.#done(outcome);
  }
}
