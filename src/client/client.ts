import type { ServerAddress } from './address.ts';
import type {
  Election,
  ElectionOptions,
  HeldLock,
  Lease,
  LeaseOptions,
  LockOptions,
} from './coordination.ts';
import type { Entry } from './entry.ts';
import type {
  BatchOperation,
  Bytes,
  CallOptions,
  CasOptions,
  DeleteOptions,
  PutOptions,
  RangeOptions,
  ReadOptions,
  WatchOptions,
  WriteOptions,
} from './options.ts';

export interface WriteResult {
  /** The key's version from this write on. */
  readonly version: number;
}

export interface PutHashResult extends WriteResult {
  /** The value that the key had before; empty if it was not there. */
  readonly previous: Uint8Array;
}

export interface DeleteResult {
  /** Whether the key was there. */
  readonly deleted: boolean;
}

export interface BatchResult {
  /** For each operation the version that it gave its key; `null` where it changed nothing (`check`, an absent key). */
  readonly versions: readonly (number | null)[];
}

/** A change of a key: its new entry, or that it is gone. */
export type WatchEvent =
  | ({ readonly type: 'put' } & Entry)
  | {
      /** `expire`: by its time to live or with its lease. */
      readonly type: 'delete' | 'expire';
      readonly key: string;
      readonly keyBytes: Uint8Array;
      readonly version: number;
    }
  /** All keys are gone at once, of whatever prefix. */
  | { readonly type: 'flush'; readonly version: number };

/**
 * Changes in the order of their versions, each once, over reconnections, leader changes and restarts. Iterate it
 * once. Ends with `COMPACTED` when the servers no longer have the changes that come next: read the keys anew and
 * watch from there.
 */
export interface Watch extends AsyncIterable<WatchEvent>, AsyncDisposable {
  /** Resolves with the first version of interest: every change from it on will be seen. */
  readonly started: Promise<number>;
}

/**
 * Entries of one state of the whole store, in the order of their keys. Iterate it once. The server holds that state
 * for at most 60 s from the first step on, then the iteration ends with `SNAPSHOT_EXPIRED`; so it does when that
 * server is lost.
 */
export interface Range extends AsyncIterable<Entry>, AsyncDisposable {
  /**
   * The store's version as of that state: `watch({ fromVersion: version + 1 })` goes on from it without a gap. Who asks
   * for it begins the range, and is to iterate or dispose of it.
   */
  readonly version: Promise<number>;
}

export interface ClusterServer extends ServerAddress {
  readonly id: number;
  readonly isLeader: boolean;
}

export interface ClusterStatus {
  readonly clusterId: string;
  /** The server that answered. What follows is as it sees it. */
  readonly serverId: number;
  /** `null` while none is known. */
  readonly leaderId: number | null;
  readonly term: number;
  readonly commitIndex: number;
  readonly lastApplied: number;
  /** Of the last change of any key. */
  readonly version: number;
  readonly keys: number;
  /** Of the whole state: servers with the same `lastApplied` have the same. */
  readonly stateHash: string;
  readonly servers: readonly ClusterServer[];
}

/**
 * A connected client. All calls share one connection and one session; any number may be under way at once. A call
 * that was made after another one was answered takes effect after it; of calls under way at once any may be first.
 *
 * **A promise that resolves says that it happened, exactly once.** All others reject with a `KvraftError`:
 *
 * | code | outcome | when |
 * |---|---|---|
 * | `VERSION_MISMATCH` | `not-applied` | the key has another version (`error.version`) |
 * | `EXISTS` | `not-applied` | `ifAbsent`, and the key is there with `error.version` |
 * | `NOT_FOUND` | `not-applied` | a version was asked for, and the key is not there |
 * | `FENCED` | `not-applied` | the lock was released, lost, or is somebody else's now |
 * | `LEASE_LOST` | `not-applied` | the lease of a put has ended |
 * | `LOCK_LOST` | | the function that `lock` ran has come to its end, but the lock was lost before |
 * | `TOO_LARGE` | `not-applied` | the key, the value, or what an `append` would leave, is over the servers' limit |
 * | `INVALID_ARGUMENT` | `not-applied` | the call itself is wrong |
 * | `TIMEOUT`, `ABORTED`, `CLOSED` | `unknown` once a write was sent | the call took too long; was aborted; the client was closed |
 * | `SESSION_EXPIRED` | `unknown` | the client was cut off for so long that the cluster forgot what it had asked for |
 * | `NO_SPACE`, `OVERLOADED` | `not-applied` | the servers had no room until the call's time was over |
 */
export interface Client extends AsyncDisposable {
  /** Of the cluster that it is connected to. */
  readonly clusterId: string;
  /** Gives the key a value. Its former time to live and lease are gone. */
  put(key: Bytes, value: Bytes, options?: PutOptions): Promise<WriteResult>;
  /** Lengthens the value and keeps its time to live; a key that is not there gets it as its value. */
  append(key: Bytes, value: Bytes, options?: WriteOptions): Promise<WriteResult>;
  /** Replaces the value if the key has this version. */
  cas(key: Bytes, version: number, value: Bytes, options?: CasOptions): Promise<WriteResult>;
  delete(key: Bytes, options?: DeleteOptions): Promise<DeleteResult>;
  /** Makes the value the decimal text of the 32-bit FNV-1a hash of the old value followed by the given one. */
  putHash(key: Bytes, value: Bytes, options?: WriteOptions): Promise<PutHashResult>;
  /** All operations as one, or none: rejects with the code of the first that cannot be (`error.index`). */
  batch(operations: readonly BatchOperation[], options?: WriteOptions): Promise<BatchResult>;
  get(key: Bytes, options?: ReadOptions): Promise<Entry | null>;
  /** All of one state, in the order of the keys asked for. */
  getMany(keys: readonly Bytes[], options?: ReadOptions): Promise<(Entry | null)[]>;
  range(options?: RangeOptions): Range;
  watch(options?: WatchOptions): Watch;
  /** Makes a lease, and keeps it alive. */
  lease(options?: LeaseOptions): Promise<Lease>;
  /**
   * Waits until the lock is this client's, runs the function, and gives the lock back; resolves with what the function
   * gave. The name is a key, which is there as long as the lock is held.
   */
  lock<T>(name: Bytes, options: LockOptions, run: (lock: HeldLock) => T | Promise<T>): Promise<T>;
  /** An election under a name, which is a key, as a lock's is. */
  election(name: Bytes, options?: ElectionOptions): Election;
  status(options?: CallOptions): Promise<ClusterStatus>;
  /** Ends the session and the connection. Calls under way reject with `CLOSED`. Idempotent. */
  close(): Promise<void>;
}
