/**
 * What the log drives: deterministic, without clock, chance or I/O of its own. All its state lives in the
 * storage it was made with, or is put there by `save`.
 */
export interface StateMachine<Result = unknown> {
  /** Executes one command at log time `stampMs` and returns its reply. Never throws: bad bytes have a reply, too. */
  apply(command: Uint8Array, stampMs: number): Result;
  /**
   * Puts state that is kept in memory into the storage, about so many bytes of it a call. False: there is more, and the
   * storage is whole only after a call that returns true, with nothing applied since.
   */
  save(bytesMax: number): boolean;
  /** Reads that state from the storage, after opening it and after a snapshot was installed. */
  load(): void;
  /** Digest of the whole state, as 16 hexadecimal digits; equal on all replicas at the same index. */
  stateHash(): string;
  /** The log time at which something is due (an expiry), or null. */
  nextDeadlineMs(): number | null;
  /** The command that does what is due at log time `nowMs`; the leader appends it. */
  deadlineCommand(nowMs: number): Uint8Array;
}
