import type { Entry, HardState } from '../raft/types.ts';
import type { Done } from './vfs.ts';

/** What recovery found. */
export interface RecoveredLog {
  /** All zero, NO_MEMBER where nothing was ever written. */
  readonly hardState: HardState;
  /** The position before the first entry: (0, 0), or where the log was cut or reset to. */
  readonly baseIndex: number;
  readonly baseTerm: number;
  /** Contiguous from `baseIndex + 1`. */
  readonly entries: readonly Entry[];
}

export interface WalBatch {
  readonly hardState: HardState | null;
  readonly entries: readonly Entry[];
  readonly mustSync: boolean;
}

export interface WalEvents {
  /**
   * A write or sync of the log failed. Nothing that was not reported durable may be acknowledged any more, and
   * the process must end: a second sync after a failed one proves nothing. No `done` is called after this.
   */
  onFatal(error: Error): void;
  /**
   * The next segment cannot be reserved (disk full, as a rule; `error` says what it was), or can again: stop
   * admitting proposals, or go on. Called on a change only.
   */
  onSpace(available: boolean, error: Error | null): void;
}

/** The write-ahead log as the replica uses it. */
export interface Wal {
  /** Last index whose entry is synced here. */
  readonly durableIndex: number;
  /** What the last sync made durable. Entries that a queued write will replace are still in it. */
  readonly synced: { readonly hardState: HardState; readonly lastIndex: number };
  /** Bytes on disk, all segments. */
  readonly bytesOnDisk: number;
  /** Room of one segment; an entry must leave some of it. */
  readonly segmentBytes: number;
  /** Milliseconds that the oldest unfinished write or sync has been under way; 0 when idle. */
  readonly stalledMs: number;
  /**
   * Appends in order; `done` is called in the order of the calls, once this batch and all before it are durable
   * (or written, when no batch so far since the last sync has `mustSync`). Calls while a sync is under way share the next one.
   */
  append(batch: WalBatch, done: () => void): void;
  /** Segments that hold nothing above `index` are removed. `term` is that of the entry at `index`. */
  compact(index: number, term: number): void;
  /** Forgets all entries: the log goes on after a snapshot at (index, term). Queued in order with appends. */
  reset(index: number, term: number, hardState: HardState, done: () => void): void;
  /** Finishes what is under way, writes the durability marker, closes the files. */
  close(done: Done): void;
}
