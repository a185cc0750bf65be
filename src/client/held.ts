import type { Clock } from '../base/clock.ts';
import { KvraftError } from '../base/errors.ts';
import type { Lease, Leadership } from './coordination.ts';
import type { ClientCore } from './core.ts';
import { timeoutMs, ttlMs } from './input.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { LockKeeper, RELEASE_MS_MAX } from './lock-keeper.ts';
import type { Bytes, CallOptions, Fence } from './options.ts';
import { promised } from './promised.ts';

/** Where leases and locks are kept. */
export interface Keeping {
  readonly core: ClientCore;
  readonly clock: Clock;
}

const DEFAULT_TTL_MS = 10_000;
/** Below, a lease would spend its time on the way to the servers. */
const TTL_MS_MIN = 100;

/** Of a lease; throws `INVALID_ARGUMENT`. */
export function leaseTtlMs(ttl: unknown): number {
  return Math.max(TTL_MS_MIN, ttlMs(ttl ?? DEFAULT_TTL_MS));
}

/** On the monotonic clock; Infinity without a timeout. */
export function deadlineOf({ clock }: Keeping, { timeout }: CallOptions): number {
  return timeout === undefined ? Infinity : clock.monotonicMs() + timeoutMs(timeout, 'timeout');
}

/** A lease that is kept alive. */
export class HeldLease implements Lease {
  readonly #keeping: Keeping;
  readonly #keeper: LeaseKeeper;
  readonly #lost = new AbortController();
  #revoking: Promise<void> | null = null;

  private constructor(keeping: Keeping, ttl: number) {
    this.#keeping = keeping;
    this.#keeper = new LeaseKeeper({ ...keeping, ttlMs: ttl, onLost: (error) => this.#lost.abort(error) });
  }

  static async grant(
    keeping: Keeping,
    ttl: number,
    deadlineMs: number,
    signal?: AbortSignal,
  ): Promise<HeldLease> {
    const lease = new HeldLease(keeping, ttl);
    await promised<null>(keeping.core, signal, (done) => {
      lease.#keeper.grant(deadlineMs, (error) =>
        done(error === null ? { ok: true, value: null } : { ok: false, error }),
      );
      return {
        deadlineMs,
        end: (code, cause) => {
          lease.#keeper.abandon();
          done({ ok: false, error: new KvraftError(code, 'no lease was granted', { cause }) });
        },
      };
    });
    return lease;
  }

  get id(): number {
    return this.#keeper.id;
  }

  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  get isHeld(): boolean {
    return this.#keeper.isHeld;
  }

  revoke(): Promise<void> {
    this.#revoking ??= new Promise((resolve) => {
      this.#keeper.revoke(this.#keeping.clock.monotonicMs() + RELEASE_MS_MAX, resolve);
    });
    return this.#revoking;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.revoke();
  }
}

export interface HoldOptions {
  readonly name: Bytes;
  /** The name as it is sent. */
  readonly key: string;
  readonly value: Uint8Array;
  readonly ttlMs: number;
  readonly deadlineMs: number;
  readonly signal: AbortSignal | undefined;
}

/** A lock that was acquired and is kept. */
export class HeldKey implements Leadership {
  readonly fencingToken: number;
  readonly signal: AbortSignal;
  /** Why it was lost; null while it was not. */
  lost: KvraftError | null = null;
  readonly #keeping: Keeping;
  readonly #keeper: LockKeeper;
  readonly #name: Bytes;
  #releasing: Promise<void> | null = null;

  private constructor(keeping: Keeping, keeper: LockKeeper, name: Bytes, signal: AbortSignal) {
    this.#keeping = keeping;
    this.#keeper = keeper;
    this.#name = name;
    this.signal = signal;
    this.fencingToken = keeper.token;
  }

  /** Waits until the lock is this client's. The signal ends the waiting, and after that is part of the held signal. */
  static async acquire(keeping: Keeping, options: HoldOptions): Promise<HeldKey> {
    const { name, key, value, ttlMs, deadlineMs, signal } = options;
    const lost = new AbortController();
    let keeper: LockKeeper | null = null;
    let held: HeldKey | null = null;
    let lostEarly: KvraftError | null = null;
    const onLost = (error: KvraftError): void => {
      lostEarly = error;
      if (held !== null) held.lost = error;
      lost.abort(error);
    };
    await promised<number>(keeping.core, signal, (done) => {
      keeper = new LockKeeper({ ...keeping, key, value, ttlMs, onLost }, deadlineMs, done);
      return keeper;
    });
    const all = signal === undefined ? lost.signal : AbortSignal.any([lost.signal, signal]);
    held = new HeldKey(keeping, keeper as unknown as LockKeeper, name, all);
    held.lost = lostEarly;
    return held;
  }

  get isHeld(): boolean {
    return this.#keeper.isHeld;
  }

  get fence(): Fence {
    return { lock: this.#name, token: this.fencingToken };
  }

  resign(): Promise<void> {
    this.#releasing ??= new Promise((resolve) => {
      this.#keeper.release(this.#keeping.clock.monotonicMs() + RELEASE_MS_MAX, resolve);
    });
    return this.#releasing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.resign();
  }
}
