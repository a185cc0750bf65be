import type { Clock } from '../base/clock.ts';
import { KvraftError } from '../base/errors.ts';
import { parseReply, type OpResult, type RpcWatchPage } from '../wire/rpc-replies.ts';
import type { ClientCore } from './core.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { endError, type CallOutcome, type EndCode, type PendingCall } from './pending-call.ts';

export interface LockKeeperOptions {
  readonly core: ClientCore;
  readonly clock: Clock;
  /** The key that is the lock; bytes, one per character. */
  readonly key: string;
  /** What the key holds while the lock is held: for people, and for those who watch an election. */
  readonly value: Uint8Array;
  readonly ttlMs: number;
  /** Called once if the lock, once acquired, is lost or may be, unless `release` was called before. */
  readonly onLost: (error: KvraftError) => void;
}

/**
 * Acquires a lock, keeps it, and gives it back. The lock is held by whoever made its key, which hangs on his lease;
 * the version that the key got is the fencing token. Who comes too late waits until the key changes.
 *
 * A call that ends without an answer may have made the key all the same. That does no harm: it hangs on the lease,
 * which is not kept alive any more.
 */
export class LockKeeper implements PendingCall {
  readonly deadlineMs: number;
  readonly #options: LockKeeperOptions;
  readonly #done: (outcome: CallOutcome<number>) => void;
  #lease: LeaseKeeper | null = null;
  #call: PendingCall | null = null;
  #state: 'acquiring' | 'held' | 'over' = 'acquiring';
  #token = 0;

  /** Starts to acquire the lock; `done` is given its token, or why it was not got. It is not called inside this call. */
  constructor(options: LockKeeperOptions, deadlineMs: number, done: (outcome: CallOutcome<number>) => void) {
    this.#options = options;
    this.deadlineMs = deadlineMs;
    this.#done = done;
    this.#begin();
  }

  /** Whether the lock was surely not lost yet. */
  get isHeld(): boolean {
    return this.#state === 'held' && this.#lease?.isHeld === true;
  }

  get token(): number {
    return this.#token;
  }

  /** Gives up acquiring. */
  end(code: EndCode, cause?: unknown): void {
    this.#fail(endError(code, false, cause));
  }

  /** Gives the lock back, and calls back when that was answered or could not be. */
  release(deadlineMs: number, done: () => void): void {
    const { core, clock, key } = this.#options;
    const lease = this.#lease;
    const wasHeld = this.#state === 'held' && lease !== null;
    this.#state = 'over';
    lease?.abandon();
    if (!wasHeld || core.isClosed) return clock.defer(done);
    const ops = [
      { op: 'delete', key, version: this.#token },
      { op: 'lease-revoke', lease: lease.id },
    ] as const;
    core.write({ ops, atomic: false, fence: null, deadlineMs }, () => done());
  }

  #begin(): void {
    const { core, clock, ttlMs } = this.#options;
    const lease = new LeaseKeeper({ core, clock, ttlMs, onLost: (error) => this.#leaseLost(lease, error) });
    this.#lease = lease;
    lease.grant(this.deadlineMs, (error) => {
      if (this.#lease !== lease || this.#state !== 'acquiring') return;
      if (error === null) this.#take(lease);
      else if (error.code === 'LEASE_LOST') this.#begin();
      else this.#fail(error);
    });
  }

  /** Makes the key, unless it is there. */
  #take(lease: LeaseKeeper): void {
    const { core, key, value } = this.#options;
    const op = { op: 'set', key, value, flags: 0, ttlMs: 0, when: 'absent', lease: lease.id } as const;
    const request = { ops: [op], atomic: false, fence: null, deadlineMs: this.deadlineMs };
    this.#call = core.write(request, (outcome) => {
      if (this.#lease !== lease || this.#state !== 'acquiring') return;
      this.#call = null;
      if (!outcome.ok) return this.#fail(outcome.error);
      const [result] = outcome.value;
      if (result === undefined) return this.#fail(unexpected('no result'));
      this.#taken(lease, result);
    });
  }

  #taken(lease: LeaseKeeper, { status, version }: OpResult): void {
    if (status === 'ok') {
      if (!lease.isHeld) return;
      this.#state = 'held';
      this.#token = version;
      this.#done({ ok: true, value: version });
    } else if (status === 'exists') this.#wait(lease, version + 1);
    else if (status === 'lease-not-found') {
      lease.abandon();
      this.#begin();
    } else this.#fail(unexpected(status));
  }

  /** Waits for a change of the key from a version on, then tries again. */
  #wait(lease: LeaseKeeper, from: number): void {
    const { core, key } = this.#options;
    const request = { type: 'watch', prefix: key, from } as const;
    const options = {
      request,
      parse: parseReply.watch,
      deadlineMs: this.deadlineMs,
      waits: true,
      only: null,
    };
    this.#call = core.call<RpcWatchPage>(options, (outcome) => {
      if (this.#lease !== lease || this.#state !== 'acquiring') return;
      this.#call = null;
      if (!outcome.ok) {
        // Too much has changed since to know what became of the key: look.
        if (outcome.error.code === 'COMPACTED') return this.#take(lease);
        return this.#fail(outcome.error.code === 'TIMEOUT' ? stillHeld(outcome.error) : outcome.error);
      }
      const { events, next } = outcome.value;
      if (events.some((event) => event.type === 'flush' || (event.key === key && event.type !== 'put'))) {
        this.#take(lease);
      } else this.#wait(lease, next);
    });
  }

  #leaseLost(lease: LeaseKeeper, error: KvraftError): void {
    if (this.#lease !== lease || this.#state === 'over') return;
    const wasHeld = this.#state === 'held';
    this.#endCall();
    if (wasHeld) {
      this.#state = 'over';
      this.#options.onLost(new KvraftError('LOCK_LOST', `the lock may be lost: ${error.message}`));
    } else if (this.#options.core.isClosed) this.#fail(endError('CLOSED', false, error));
    else this.#begin();
  }

  #fail(error: KvraftError): void {
    if (this.#state !== 'acquiring') return;
    this.#state = 'over';
    this.#endCall();
    const lease = this.#lease;
    lease?.revoke(this.#options.clock.monotonicMs() + RELEASE_MS_MAX, () => undefined);
    this.#done({ ok: false, error });
  }

  #endCall(): void {
    const call = this.#call;
    this.#call = null;
    call?.end('ABORTED');
  }
}

/** How long the client tries to give back what it does not need; after that, time does it. */
export const RELEASE_MS_MAX = 5_000;

const stillHeld = (cause: KvraftError): KvraftError =>
  new KvraftError('TIMEOUT', 'the lock was not free in time', { retryable: true, cause });

const unexpected = (status: string): KvraftError =>
  new KvraftError('INTERNAL', `the lock was refused: ${status}`, { outcome: 'unknown' });
