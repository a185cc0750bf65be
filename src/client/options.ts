import type { ServerAddress } from './address.ts';

/** A string stands for its bytes in UTF-8. */
export type Bytes = string | Uint8Array;

/** What `connect` takes. Times are in milliseconds. */
export interface ConnectOptions {
  /**
   * Where to find the cluster: `host:port` of one server or of several, as a list or with commas between them. The
   * others are learned from it. The port is a server's `RpcPort` or its `ClientPort`.
   */
  readonly servers: string | readonly (string | ServerAddress)[];
  /** Aborting it before `connect` resolves gives up; aborting it later closes the client. */
  readonly signal?: AbortSignal;
  /** Only talk to servers of this cluster. Without it, to the cluster that the first server belongs to. */
  readonly clusterId?: string;
  /** How long `connect` looks for a server that answers. Default: 10,000. */
  readonly connectTimeout?: number;
  /** How long a call may take, retries included, unless it says otherwise. Default: 10,000. */
  readonly timeout?: number;
  /**
   * Whether to use servers that are not in `servers` but that these name. Off where the addresses that the servers
   * know of each other do not lead there from here. Default: true.
   */
  readonly learnServers?: boolean;
}

/** What every call takes. */
export interface CallOptions {
  /** Aborting it rejects the call with `ABORTED`. A write that was sent already may still happen (`unknown`). */
  readonly signal?: AbortSignal;
  /** How long the call may take, retries included, in milliseconds. */
  readonly timeout?: number;
}

export interface ReadOptions extends CallOptions {
  /**
   * `linearizable` (the default): sees every write that was acknowledged before the call. `stale`: what the server at
   * hand has, without asking the others.
   */
  readonly consistency?: 'linearizable' | 'stale';
}

/** A write under a fence is refused with `FENCED` unless the lock is still held under this token. */
export interface Fence {
  readonly lock: Bytes;
  readonly token: number;
}

export interface WriteOptions extends CallOptions {
  readonly fence?: Fence;
}

/** What a `put` may depend on: that the key has this version, or that it is not there. Not both. */
export type PutCondition =
  | { readonly ifVersion: number; readonly ifAbsent?: never }
  | { readonly ifAbsent: true; readonly ifVersion?: never }
  | { readonly ifVersion?: never; readonly ifAbsent?: never };

interface Lifetime {
  /** Milliseconds from now on after which the key expires, by the cluster's own time. Without it, it stays. */
  readonly ttl?: number;
  /** The key goes when this lease ends, see `Client.lease`. */
  readonly lease?: { readonly id: number };
}

export type PutOptions = WriteOptions & Lifetime & PutCondition;

export interface CasOptions extends WriteOptions, Lifetime {}

export interface DeleteOptions extends WriteOptions {
  /** Only if the key has this version. */
  readonly ifVersion?: number;
}

/** Keys by prefix, or from `start` on to before `end`, in the order of their bytes. Without any, all keys. */
export type RangeSelection =
  | { readonly prefix: Bytes; readonly start?: never; readonly end?: never }
  | { readonly prefix?: never; readonly start?: Bytes; readonly end?: Bytes };

export type RangeOptions = RangeSelection & {
  /** Entries at most. */
  readonly limit?: number;
  /** From the last key to the first. */
  readonly reverse?: boolean;
  readonly consistency?: 'linearizable' | 'stale';
  /** Aborting it ends the iteration with `ABORTED`. */
  readonly signal?: AbortSignal;
  /** How long each step may take, in milliseconds. */
  readonly timeout?: number;
};

export interface WatchOptions {
  /** Only keys that begin so. Without it, all. */
  readonly prefix?: Bytes;
  /** The first version of interest. Without it, changes from now on: see `Watch.started`. */
  readonly fromVersion?: number;
  /** Aborting it ends the iteration with `ABORTED`. */
  readonly signal?: AbortSignal;
}

/** A step of a batch. `check` changes nothing: it is a condition on a key, `null` for "not there". */
export type BatchOperation =
  | ({ readonly op: 'put'; readonly key: Bytes; readonly value: Bytes } & Lifetime & PutCondition)
  | { readonly op: 'append'; readonly key: Bytes; readonly value: Bytes }
  | { readonly op: 'delete'; readonly key: Bytes; readonly ifVersion?: number }
  | { readonly op: 'check'; readonly key: Bytes; readonly version: number | null };
