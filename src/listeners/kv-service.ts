import type { KvraftError } from '../base/errors.ts';
import { EXPIRED } from '../kv/fields.ts';
import type { Op } from '../kv/ops.ts';
import type { OpResult } from '../kv/replies.ts';
import type { ReadOutcome } from '../replica/replicator.ts';

export type { ReadOutcome } from '../replica/replicator.ts';
export type WriteOp = Op;
export type WriteResult = OpResult;

/** How writes ended: one result for each, in their order, at log time `stampMs`; else the error says whether they may have happened. */
export type WriteOutcome =
  | { readonly ok: true; readonly results: readonly WriteResult[]; readonly stampMs: number }
  | { readonly ok: false; readonly error: KvraftError };

/** A key as it stands. */
export interface ReadRecord {
  /** Belongs to the store: valid within the turn, and not to be written to. */
  readonly value: Uint8Array;
  readonly version: number;
  readonly flags: number;
  /** Log time from which on the key is due to go; 0 if it does not expire. */
  readonly expiresAtMs: number;
  /** Bits of `mark`; absent: none. */
  readonly marks?: number;
}

/**
 * Whether what the operation answers may be as large as the key's value: it is in the result, or the caller reads the
 * key in the callback, where `get` answers as of the operation. They are written apart from others, and few at a time.
 */
export const readsBack = (op: WriteOp): boolean =>
  op.op === 'visit' || op.op === 'touch' || op.op === 'put-hash';

/** Whether the key that is read back is due behind the operation: then nothing else may be executed in between. */
export const leavesNothing = (op: WriteOp): boolean =>
  op.op === 'visit' && (op.ttlMs === EXPIRED || op.vivifyTtlMs === EXPIRED);

/**
 * What client protocols ask of the server, on behalf of their connections. Callbacks are never called inside the
 * call that took them, and each is called exactly once, at the deadline at the latest. Deadlines are on the
 * monotonic clock.
 */
export interface KvService {
  /** Executes the writes in their order, each one by itself, as one proposal. At least one. */
  write(ops: readonly WriteOp[], deadlineMs: number, done: (outcome: WriteOutcome) => void): void;
  /**
   * Calls back when the local state holds every write that was acknowledged before this call; `get` answers from
   * that state within the callback. `stampMs` of the outcome is the log time that expiries are counted from.
   */
  readBarrier(deadlineMs: number, done: (outcome: ReadOutcome) => void): void;
  /** Undefined if the key is not there. Linearizable only within the callback of a read barrier. */
  get(key: string): ReadRecord | undefined;
}
