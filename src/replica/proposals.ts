import { KvraftError } from '../base/errors.ts';
import type { ProposeOutcome } from './replicator.ts';

interface Pending<Result> {
  readonly id: number;
  readonly command: Uint8Array;
  readonly deadlineMs: number;
  readonly done: (outcome: ProposeOutcome<Result>) => void;
  /** When it was last handed to a leader, on the monotonic clock; null while it waits to be. */
  sentMs: number | null;
  /** How many sends may have reached a log: while there is one, a failure leaves the outcome unknown. */
  sends: number;
}

/** A proposal that is to be handed to the leader now. */
export interface Outgoing {
  readonly id: number;
  readonly command: Uint8Array;
}

/**
 * The proposals that this server made and whose outcome it does not know yet. They are sent, and sent again
 * whenever a send may have been lost, until their entry is applied here or their deadline has passed.
 */
export class Proposals<Result> {
  readonly #pending = new Map<number, Pending<Result>>();
  /** Ids that wait to be sent, in their order. */
  #unsent: number[] = [];
  #nextId = 1;
  #bytes = 0;

  get count(): number {
    return this.#pending.size;
  }

  /** Bytes of all commands that are pending. */
  get bytes(): number {
    return this.#bytes;
  }

  get hasUnsent(): boolean {
    return this.#unsent.length > 0;
  }

  /** Whether some were sent and have no answer yet. */
  get hasSent(): boolean {
    return this.#pending.size > this.#unsent.length;
  }

  add(command: Uint8Array, deadlineMs: number, done: (outcome: ProposeOutcome<Result>) => void): void {
    const id = this.#nextId++;
    this.#pending.set(id, { id, command, deadlineMs, done, sentMs: null, sends: 0 });
    this.#bytes += command.length;
    this.#unsent.push(id);
  }

  /** The unsent ones in the order of their calls; they count as sent from now on. */
  takeUnsent(nowMs: number): Outgoing[] {
    const outgoing: Outgoing[] = [];
    for (const id of this.#unsent) {
      const pending = this.#pending.get(id);
      if (pending === undefined) continue;
      pending.sentMs = nowMs;
      pending.sends++;
      outgoing.push(pending);
    }
    this.#unsent = [];
    return outgoing;
  }

  /** The entry of the proposal was applied. */
  complete(id: number, result: Result): void {
    this.#end(id)?.done({ ok: true, result });
  }

  /** The leader surely did not take the last send: the proposal fails, with what is known of earlier ones. */
  refuse(id: number, error: KvraftError): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    if (pending.sentMs !== null) pending.sends--;
    this.#fail(pending, error);
  }

  /** The last send surely was not taken; the proposal is to be sent again. */
  returnUnsent(id: number): void {
    const pending = this.#pending.get(id);
    if (pending === undefined || pending.sentMs === null) return;
    pending.sends--;
    this.#requeue(pending);
  }

  /** There is another leader: everything is to be sent again, in order. */
  returnAll(): void {
    for (const pending of this.#pending.values()) pending.sentMs = null;
    this.#unsent = [...this.#pending.keys()];
  }

  /** Sends made before `beforeMs` may have been lost: those proposals are to be sent again. */
  returnSentBefore(beforeMs: number): void {
    for (const pending of this.#pending.values()) {
      if (pending.sentMs !== null && pending.sentMs < beforeMs) this.#requeue(pending);
    }
  }

  expire(nowMs: number): void {
    for (const pending of this.#pending.values()) {
      if (pending.deadlineMs > nowMs) continue;
      const message = 'no majority agreed to the operation within the request timeout';
      this.#fail(pending, new KvraftError('TIMEOUT', message, { retryable: true }));
    }
  }

  failAll(error: KvraftError): void {
    for (const pending of this.#pending.values()) this.#fail(pending, error);
  }

  #requeue(pending: Pending<Result>): void {
    pending.sentMs = null;
    this.#unsent.push(pending.id);
  }

  #fail(pending: Pending<Result>, error: KvraftError): void {
    this.#end(pending.id);
    const { code, message, retryable } = error;
    const outcome = pending.sends > 0 ? 'unknown' : error.outcome;
    pending.done({ ok: false, error: new KvraftError(code, message, { outcome, retryable, cause: error }) });
  }

  #end(id: number): Pending<Result> | undefined {
    const pending = this.#pending.get(id);
    if (pending === undefined) return undefined;
    this.#pending.delete(id);
    this.#bytes -= pending.command.length;
    return pending;
  }
}
