import type { Clock, Timer } from '../base/clock.ts';
import { KvraftError } from '../base/errors.ts';
import type { OpResult } from '../wire/rpc-replies.ts';
import type { Op } from '../wire/rpc-requests.ts';
import type { ClientCore } from './core.ts';
import type { CallOutcome, PendingCall } from './pending-call.ts';

/** The part of a lease's time after which the client no longer counts on it: clocks do not run equally fast. */
const TRUSTED_SHARE = 0.9;
/** Parts of the trusted time after which the lease is kept alive: two attempts may fail. */
const KEEP_ALIVE_SHARE = 1 / 3;

export interface LeaseKeeperOptions {
  readonly core: ClientCore;
  readonly clock: Clock;
  readonly ttlMs: number;
  /** Called once, when the lease has ended or may have, unless `revoke` or `abandon` was called before. */
  readonly onLost: (error: KvraftError) => void;
}

/**
 * Gets a lease and keeps it alive. The cluster ends a lease by its own time, which runs no faster than real time; so
 * the lease lasts at least its time to live from the moment at which the client asked for it, or asked to keep it
 * alive. The client counts on nine tenths of that, by its own monotonic clock, and on nothing else: it needs no answer
 * to know that the lease may be lost.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  #id = 0;
  /** On the monotonic clock: until then the lease has not ended. */
  #trustedUntilMs = 0;
  #state: 'new' | 'granting' | 'held' | 'over' = 'new';
  #call: PendingCall | null = null;
  #keepAliveTimer: Timer | null = null;
  #lossTimer: Timer | null = null;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
  }

  /** 0 before it is granted. */
  get id(): number {
    return this.#id;
  }

  /** Whether the lease has surely not ended. Also true to the moment after a pause of this process. */
  get isHeld(): boolean {
    return this.#state === 'held' && this.#options.clock.monotonicMs() < this.#trustedUntilMs;
  }

  /** Asks for the lease until it is granted; `done` is called once, unless `abandon` is called before. */
  grant(deadlineMs: number, done: (error: KvraftError | null) => void): void {
    this.#state = 'granting';
    this.#write({ op: 'lease-grant', ttlMs: this.#options.ttlMs }, deadlineMs, (outcome, askedMs) => {
      if (this.#state !== 'granting') return;
      const error = outcome.ok ? refusalOf(outcome.value.status) : outcome.error;
      if (error !== null || !outcome.ok) {
        this.#end();
        return done(error);
      }
      this.#id = outcome.value.lease ?? 0;
      this.#state = 'held';
      this.#trust(askedMs);
      if (this.#state === 'held') done(null);
      else done(lost('its grant came too late'));
    });
  }

  /** Ends the lease, whose keys go with it, and calls back when that was answered or could not be. Idempotent. */
  revoke(deadlineMs: number, done: () => void): void {
    const { core, clock } = this.#options;
    const wasHeld = this.#state === 'held';
    this.#end();
    if (!wasHeld || core.isClosed) return clock.defer(done);
    this.#write({ op: 'lease-revoke', lease: this.#id }, deadlineMs, () => done());
  }

  /** Keeps it alive no longer; it ends by itself. */
  abandon(): void {
    this.#end();
  }

  #keepAlive(): void {
    if (this.#options.core.isClosed) return this.#lose('the client was closed');
    this.#write({ op: 'lease-keep-alive', lease: this.#id }, this.#trustedUntilMs, (outcome, askedMs) => {
      if (this.#state !== 'held') return;
      if (!outcome.ok) {
        // There may be time for another attempt; if not, the other timer says so.
        if (outcome.error.code === 'CLOSED') this.#lose(outcome.error.message);
        else this.#schedule();
      } else if (outcome.value.status === 'ok') this.#trust(askedMs);
      else this.#lose('the cluster has ended it');
    });
  }

  /** The lease was alive at some moment after `sinceMs`. */
  #trust(sinceMs: number): void {
    const { clock, ttlMs } = this.#options;
    this.#trustedUntilMs = sinceMs + ttlMs * TRUSTED_SHARE;
    this.#lossTimer?.cancel();
    const leftMs = this.#trustedUntilMs - clock.monotonicMs();
    if (leftMs <= 0) return this.#lose('it was not heard of in time');
    this.#lossTimer = clock.setTimer(leftMs, () => this.#lose('it could not be kept alive in time'));
    this.#schedule();
  }

  #schedule(): void {
    const { clock, ttlMs } = this.#options;
    this.#keepAliveTimer?.cancel();
    const delayMs = ttlMs * TRUSTED_SHARE * KEEP_ALIVE_SHARE;
    this.#keepAliveTimer = clock.setTimer(delayMs, () => this.#keepAlive());
  }

  #lose(reason: string): void {
    if (this.#state !== 'held') return;
    const wasToldOf = this.#id !== 0 && this.#keepAliveTimer !== null;
    this.#end();
    if (wasToldOf) this.#options.onLost(lost(reason));
  }

  #end(): void {
    this.#state = 'over';
    this.#keepAliveTimer?.cancel();
    this.#lossTimer?.cancel();
    const call = this.#call;
    this.#call = null;
    call?.end('ABORTED');
  }

  #write(op: LeaseOp, deadlineMs: number, done: (outcome: LeaseOutcome, askedMs: number) => void): void {
    const { core, clock } = this.#options;
    const askedMs = clock.monotonicMs();
    const call = core.write({ ops: [op], atomic: false, fence: null, deadlineMs }, (outcome) => {
      if (this.#call === call) this.#call = null;
      if (!outcome.ok) return done(outcome, askedMs);
      const [value] = outcome.value;
      done(value === undefined ? { ok: false, error: noResult() } : { ok: true, value }, askedMs);
    });
    this.#call = call;
  }
}

type LeaseOp = Extract<Op, { op: 'lease-grant' | 'lease-keep-alive' | 'lease-revoke' }>;
type LeaseOutcome = CallOutcome<OpResult>;

const refusalOf = (status: OpResult['status']): KvraftError | null =>
  status === 'ok'
    ? null
    : new KvraftError('OVERLOADED', `the cluster gives no lease: ${status}`, { retryable: true });

const lost = (reason: string): KvraftError => new KvraftError('LEASE_LOST', `the lease is lost: ${reason}`);

const noResult = (): KvraftError =>
  new KvraftError('INTERNAL', 'a write without a result', { outcome: 'unknown' });
