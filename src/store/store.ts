/**
 * A key of the replicated state: bytes, one per character ("latin1"), so that keys work in a Map and compare in
 * byte order. The first character is the namespace; each folder that writes state owns some (see `namespaces`).
 */
export type StateKey = string;

/** Who owns which first character of a key. */
export const namespaces = {
  /** Written by the store itself: the position. */
  store: 'm',
  /** Written by the replica: cluster id, configuration, members. */
  replica: 'r',
  /** Written by the key-value state machine. */
  record: 'k',
  expiry: 'x',
  session: 's',
  change: 'c',
  lease: 'l',
  leaseKey: 'L',
  leaseExpiry: 'y',
  machine: 'v',
} as const;

export interface RangeOptions {
  /** First key, inclusive. */
  readonly start: StateKey;
  /** Last key, exclusive. */
  readonly end: StateKey;
  readonly reverse?: boolean;
  readonly limit?: number;
}

/**
 * The ordered map of bytes that a state machine keeps its state in. A value is copied on its way in; what is given out is
 * not to be changed.
 */
export interface StateStorage {
  get(key: StateKey): Uint8Array | undefined;
  put(key: StateKey, value: Uint8Array): void;
  delete(key: StateKey): void;
  /** A lazy walk; the storage must not be written to while it is under way. */
  range(options: RangeOptions): IterableIterator<[StateKey, Uint8Array]>;
}

/** The log position that a state speaks of. */
export interface Position {
  readonly index: number;
  readonly term: number;
  /** Log time of that entry, in milliseconds. */
  readonly stampMs: number;
}

/** A consistent state to send to a follower. Held for a bounded time: it keeps old pages from being reused. */
export interface StoreSnapshot {
  readonly position: Position;
  /** The next piece of at most about `snapshotChunkBytes`; null after the last. */
  next(): Uint8Array | null;
  close(): void;
}

/** A state that is being received: staged beside the current one until `commit`. */
export interface StoreInstall {
  /** Takes the next piece. Throws when it is not one. Slow disks are waited for through `done`. */
  write(chunk: Uint8Array, done: (error: Error | null) => void): void;
  /** Makes the staged state durable and complete; the current state is still in place. */
  finish(done: (error: Error | null) => void): void;
  /** Switches to it atomically and durably; the store then stands at `position`. */
  commit(): void;
  abort(): void;
}

/** State under a write overlay: applied at once in memory, flushed to disk in the background. */
export interface Store extends StateStorage {
  /** What the state in memory speaks of. */
  readonly position: Position;
  /** What a restart would find. */
  readonly durablePosition: Position;
  /**
   * Index of the snapshot that the durable state came from, as long as nothing was flushed over it; else 0. Tells a
   * crash between the switch to a snapshot and the new log from a log that lost entries.
   */
  readonly installedIndex: number;
  /** Bytes applied but not flushed. */
  readonly unflushedBytes: number;
  /** Whether the last flush failed for want of space; it is retried. */
  readonly outOfSpace: boolean;
  /**
   * Called before a generation is frozen, so that state kept in memory is put into the storage, about so many bytes of it.
   * Where it returns false it is called again in a later turn; the generation is frozen right after it returned true.
   */
  beforeFreeze: (bytesMax: number) => boolean;
  /** Called after a flush changed `durablePosition`. */
  onFlushed: () => void;
  /** A damaged or failing disk below the store: the process must end. */
  onFatal: (error: Error) => void;
  /** The state now speaks of this position: all writes up to here belong to it. */
  advance(position: Position): void;
  /** Tells how far the local log is durable: a generation that ends above is not flushed before. */
  setLogDurable(index: number): void;
  /** Freezes what was applied, now or soon and then with what came meanwhile, and flushes it, whatever its size. Nothing happens while one is under way. */
  flush(): void;
  /** A snapshot of `durablePosition`. */
  openSnapshot(): StoreSnapshot;
  /** Stages a state for `position`, which the chunks carry, too. */
  beginInstall(position: Position): StoreInstall;
  /** Waits for a flush under way or asked for; does not start one. */
  close(done: (error: Error | null) => void): void;
}
