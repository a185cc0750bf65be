import type { KvraftError } from '../base/errors.ts';

/** How a proposal ended: `result` is the state machine's reply, else the error says whether it may have happened. */
export type ProposeOutcome<Result> =
  { readonly ok: true; readonly result: Result } | { readonly ok: false; readonly error: KvraftError };

/** How a read barrier ended: the local state may be read in the callback, at log time `stampMs`. */
export type ReadOutcome =
  { readonly ok: true; readonly stampMs: number } | { readonly ok: false; readonly error: KvraftError };

/**
 * What a client protocol sees of replication, whatever engine does it. Callbacks are never called inside the
 * call that took them, and each is called exactly once.
 */
export interface Replicator<Result> {
  /**
   * Has the state machine execute the command on all replicas, at least once: when a leader is lost in between,
   * the command is sent again, so it must be one that the state machine recognises as a repeat (a session's).
   * `deadlineMs` is on the monotonic clock.
   */
  propose(command: Uint8Array, deadlineMs: number, done: (outcome: ProposeOutcome<Result>) => void): void;
  /** Calls back when the local state holds every write that was acknowledged anywhere before this call. */
  read(deadlineMs: number, done: (outcome: ReadOutcome) => void): void;
  /** The configured id of the server that leads and was heard of within the election timeout; null when there is none. */
  leaderServer(): number | null;
}
