/** What the client offers on top of keys: leases, locks, elections. Times are in milliseconds. */
import type { Entry } from './entry.ts';
import type { Bytes, CallOptions, Fence, ReadOptions } from './options.ts';

/** What time is good for that is renewed again and again while this process lives and reaches the cluster. */
interface Renewed {
  /**
   * Milliseconds after which the cluster ends it that it has not heard from this client, by its own time. Default:
   * 10,000. The client itself stops counting on it a little earlier.
   */
  readonly ttl?: number;
}

export interface LeaseOptions extends CallOptions, Renewed {}

/** Waiting has no end unless `timeout` gives it one. */
export interface LockOptions extends CallOptions, Renewed {}

export interface ElectionOptions extends Renewed {}

interface Held {
  /**
   * Aborts as soon as it is lost, or may be: when the client could not renew it in time by this process's monotonic
   * clock. A process that was paused runs for a moment before it learns of it: only writes under a `fence` are safe.
   */
  readonly signal: AbortSignal;
  /** By the clock, whatever the signal says yet. */
  readonly isHeld: boolean;
}

/** Keys that were put with a lease go when it ends. It is kept alive until it is revoked or the client is closed. */
export interface Lease extends Held, AsyncDisposable {
  readonly id: number;
  /** Ends the lease, and with it its keys. Idempotent. */
  revoke(): Promise<void>;
}

/** A lock that this client holds. */
export interface HeldLock extends Held {
  /** Grows with every acquisition of this lock. */
  readonly fencingToken: number;
  /** For `fence` of writes: they are refused with `FENCED` as soon as the lock is released, lost or somebody else's. */
  readonly fence: Fence;
}

export interface Leadership extends HeldLock, AsyncDisposable {
  /** Makes room for another one. Idempotent. */
  resign(): Promise<void>;
}

/** One leader at a time under a name, which is a key: it holds what the leader says of itself. */
export interface Election {
  /** Resolves when this client leads. `value` is what others see of the leader. */
  campaign(value?: Bytes, options?: CallOptions): Promise<Leadership>;
  /** The leader's entry, `null` if nobody leads. */
  leader(options?: ReadOptions): Promise<Entry | null>;
  /** The leader as it is, then every change: `null` while nobody leads. Changes in quick succession all come. */
  observe(options?: { readonly signal?: AbortSignal }): AsyncIterable<Entry | null>;
}
