import { KvraftError, messageOf } from '../base/errors.ts';
import type { Position, RangeOptions, StateKey } from './store.ts';

/** One state on disk, kept open for the whole time that the handle lives. */
export interface BackendSnapshot {
  readonly position: Position;
  /** All entries, sorted. Whatever is written meanwhile does not show. */
  entries(): Iterator<[StateKey, Uint8Array]>;
  /** Idempotent; nothing may be read afterwards. */
  close(): void;
}

/** A batch on its way to the disk. */
export interface BackendWrite {
  /** Takes encoded entries (batch-format.ts), in any order and each key once; their buffer belongs to the backend then. */
  add(records: Uint8Array<ArrayBuffer>): void;
  /**
   * Writes what was added, and the position. When `done` is called with null they are durable and reads show them. With
   * an error of code `NO_SPACE` nothing has changed and the same can be tried again, from the beginning.
   */
  commit(position: Position, done: Done): void;
}

/** A state that is staged on disk beside the current one. One call is under way at a time. */
export interface BackendInstall {
  /** Takes encoded entries (batch-format.ts) in the order of their keys; their buffer belongs to the backend then. */
  write(records: Uint8Array<ArrayBuffer>, done: Done): void;
  /** Makes the staged state durable, with its position. */
  finish(done: Done): void;
  /**
   * Switches to it durably. No snapshot of the old state is open; a write of it under way is void, its `done` is
   * not called, and nothing is added to it any more. Throws when the disk fails; which state a restart finds is then unknown.
   */
  commit(): void;
  /** Removes what was staged; no `done` is called any more. */
  abort(): void;
}

export type Done = (error: Error | null) => void;

/**
 * What the overlay lies over: a sorted map of bytes on disk that changes by whole batches only. Each batch goes
 * with the position that the state has after it; both become durable together or not at all. No callback is
 * called inside the call that it was given to.
 */
export interface StoreBackend {
  /** What a restart would find. */
  readonly position: Position;
  /** As `Store.installedIndex`. */
  readonly installedIndex: number;
  /** The backend is broken for good. */
  onFatal: (error: Error) => void;
  /** The bytes are the caller's to keep. */
  get(key: StateKey): Uint8Array | undefined;
  has(key: StateKey): boolean;
  /** A lazy walk; `limit` is the caller's. */
  range(options: RangeOptions): Generator<[StateKey, Uint8Array], undefined>;
  /** One write is under way at a time; one that was given up is void. */
  beginWrite(): BackendWrite;
  openSnapshot(): BackendSnapshot;
  beginInstall(position: Position): BackendInstall;
  /** No snapshot is open and no install is under way. Calls back when everything is released. */
  close(done: Done): void;
}

/** LMDB reports a full disk as EIO when a write of a page falls short. */
const OUT_OF_SPACE_CODES: ReadonlySet<unknown> = new Set([
  'ENOSPC',
  'EDQUOT',
  'EFBIG',
  'EIO',
  ...[28, 122, 27, 5],
  -30792, // MDB_MAP_FULL
]);

/** Turns what a disk reported into an error of code `NO_SPACE` where waiting may help, else `STORE_DAMAGED`. */
export function diskError(error: unknown, what: string): KvraftError {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  const outOfSpace = OUT_OF_SPACE_CODES.has(code);
  return new KvraftError(outOfSpace ? 'NO_SPACE' : 'STORE_DAMAGED', `${what}: ${messageOf(error)}`, {
    retryable: outOfSpace,
    cause: error,
  });
}

export const isOutOfSpace = (error: Error): boolean =>
  error instanceof KvraftError && error.code === 'NO_SPACE';
