import type { Clock, Timer } from '../base/clock.ts';
import { KvraftError } from '../base/errors.ts';
import type { Prng } from '../base/prng.ts';
import { parseReply, type BatchVerdict, type OpResult } from '../wire/rpc-replies.ts';
import { backoffMs } from './backoff.ts';
import type { Link, LinkReply } from './link.ts';
import { SessionWindow } from './session-window.ts';
import { WriteBatch } from './write-batch.ts';
import { WriteCall, type WriteDone, type WriteRequest, type WriteSource } from './write-call.ts';
import { WriteQueue } from './write-queue.ts';

/** A session that is not used is told that it is needed so often within the time that it lives. */
const KEEP_ALIVES = 3;

/** What calls may hold that wait to be sent. */
const WAITING_BYTES_MAX = 256 * 1024 * 1024;

export interface SessionOptions {
  readonly clock: Clock;
  readonly prng: Prng;
  /** The connection that requests are to go to; null while there is none. */
  readonly link: () => Link | null;
  /** A server refused because it does not lead. */
  readonly onNotLeader: () => void;
}

interface BatchReply {
  readonly verdict: BatchVerdict;
  readonly results: readonly OpResult[];
}

/**
 * Executes writes exactly once, by a session in the replicated state (Raft thesis §6.3): what arrives in one turn goes
 * out as one batch under one number, as often as it takes to get an answer, and the servers execute each number once.
 * With each batch goes the lowest number that is not answered, so that the servers may forget the replies below it. A
 * number that is given up is left behind in the same way: no copy of it that is still under way is executed after
 * that.
 */
export class Session implements WriteSource {
  readonly #options: SessionOptions;
  readonly #queue = new WriteQueue();
  /** Sent and not answered, in the order of their numbers; of an earlier session, too, if it expired. */
  readonly #batches = new Set<WriteBatch>();
  #window: SessionWindow | null = null;
  #isRegistering = false;
  /** Refusals in a row, after which nothing new is sent for a while. */
  #refusals = 0;
  #pauseTimer: Timer | null = null;
  #keepAliveTimer: Timer | null = null;
  /** When the servers last executed something of this session, about. */
  #usedMs = 0;
  #flushIsDue = false;
  #isClosed = false;
  /** Why calls wait: the servers would not take them. */
  refusal: KvraftError | null = null;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** `done` is called once, not inside this call. */
  write(request: WriteRequest, done: WriteDone): WriteCall {
    const call = new WriteCall(request, this, done);
    if (this.#queue.bytes > 0 && this.#queue.bytes + call.bytes > WAITING_BYTES_MAX) {
      const message = `calls with ${this.#queue.bytes} bytes wait already: await some before making more`;
      const error = new KvraftError('OVERLOADED', message, { retryable: true });
      this.#options.clock.defer(() => call.settle({ ok: false, error }));
      return call;
    }
    this.#queue.push(call);
    this.#scheduleFlush();
    return call;
  }

  /** There is another connection: what nobody can answer any more is sent again. */
  linked(): void {
    for (const batch of this.#batches)
      if (batch.link === null && batch.retryTimer === null) this.#send(batch);
    this.#scheduleFlush();
  }

  /** The call ended before it was answered. */
  dropped({ batch }: WriteCall): void {
    if (batch === null) this.#queue.prune();
    else if (batch.openCalls === 0) this.#remove(batch);
  }

  /** Ends the session, if there is one, and calls back when that is known or nobody is there to be told. */
  close(done: () => void): void {
    this.#isClosed = true;
    this.#pauseTimer?.cancel();
    this.#keepAliveTimer?.cancel();
    for (const batch of this.#batches) batch.retryTimer?.cancel();
    const link = this.#options.link();
    if (this.#window === null || link === null) return this.#options.clock.defer(done);
    link.send({ type: 'end-session', session: this.#window.id }, parseReply.done, done);
  }

  #scheduleFlush(): void {
    if (this.#flushIsDue) return;
    this.#flushIsDue = true;
    this.#options.clock.defer(this.#flush);
  }

  readonly #flush = (): void => {
    this.#flushIsDue = false;
    if (this.#isClosed || this.#pauseTimer !== null) return;
    if (this.#queue.isEmpty || this.#options.link() === null) return;
    const window = this.#window;
    if (window === null) return this.#register();
    while (window.hasRoom && !this.#queue.isEmpty) {
      const batch = new WriteBatch(window, this.#queue.take(), this.#options.clock.monotonicMs());
      this.#batches.add(batch);
      this.#send(batch);
    }
  };

  // Batches.

  #send(batch: WriteBatch): void {
    const link = this.#options.link();
    if (link === null) return;
    batch.link = link;
    batch.unsureSends++;
    const { window, number, atomic, ops, fence } = batch;
    const request = {
      type: 'batch',
      session: window.id,
      number,
      lowest: window.lowest,
      atomic,
      ops,
      fence,
    } as const;
    link.send(request, parseReply.batch, (reply) => this.#onReply(batch, reply));
  }

  #onReply(batch: WriteBatch, reply: LinkReply<BatchReply>): void {
    if (!this.#batches.has(batch) || this.#isClosed) return;
    batch.link = null;
    if (reply.kind === 'lost') return this.#send(batch);
    if (reply.kind === 'error') return this.#onError(batch, reply.error);
    const { verdict, results } = reply.value;
    switch (verdict) {
      case 'executed':
        return this.#executed(batch, results);
      case 'session-expired':
        return this.#expired(batch);
      case 'window-full': {
        const message = 'the cluster keeps too many replies of this session that it has not confirmed';
        return this.#onError(batch, new KvraftError('OVERLOADED', message, { retryable: true }));
      }
      case 'stale':
        return this.#fail(batch, new KvraftError('INTERNAL', 'the cluster says that this call was answered'));
    }
  }

  #onError(batch: WriteBatch, error: KvraftError): void {
    if (error.outcome === 'not-applied') batch.unsureSends--;
    if (!error.retryable) return this.#refused(batch, error);
    if (!batch.mayBeApplied) {
      // Nobody has it: its calls are free again, and one that ends before they are sent anew surely did not happen.
      this.#putBack(batch);
      return this.#pause(error);
    }
    if (error.code === 'NOT_LEADER') this.#options.onNotLeader();
    batch.refusals++;
    batch.lastRefusal = error;
    batch.retryTimer = this.#later(batch.refusals, () => {
      batch.retryTimer = null;
      this.#send(batch);
    });
  }

  /** One of the calls may be at fault: each is tried by itself, so that it does not fail the others. */
  #refused(batch: WriteBatch, error: KvraftError): void {
    if (batch.mayBeApplied || batch.calls.length === 1) return this.#fail(batch, error);
    for (const call of batch.calls) call.isAlone = true;
    this.#putBack(batch);
  }

  #executed(batch: WriteBatch, results: readonly OpResult[]): void {
    this.#usedMs = this.#options.clock.monotonicMs();
    this.#refusals = 0;
    this.refusal = null;
    if (results.length !== batch.ops.length) {
      return this.#fail(batch, new KvraftError('PROTOCOL', 'a server answered with too few or many results'));
    }
    this.#remove(batch);
    let at = 0;
    for (const call of batch.calls) {
      const own = results.slice(at, at + call.request.ops.length);
      at += own.length;
      if (batch.calls.length > 1 && own.some(({ status }) => status === 'reply-too-large')) {
        // Not done, for want of room in the reply that it shares with others.
        call.isAlone = true;
        this.#queue.putBack(call);
      } else call.settle({ ok: true, value: own });
    }
  }

  /**
   * Calls whose first send is younger than the session lives without use surely were not executed: that would have
   * been use. They go on in another session.
   */
  #expired(batch: WriteBatch): void {
    if (this.#window === batch.window) this.#window = null;
    const ageMs = this.#options.clock.monotonicMs() - batch.firstSentMs;
    if (ageMs >= batch.window.ttlMs / 2) {
      const message = 'the client was cut off for so long that the cluster forgot what it had asked for';
      return this.#fail(batch, new KvraftError('SESSION_EXPIRED', message));
    }
    this.#putBack(batch);
  }

  /** The number is left behind, and the calls go under another one. */
  #putBack(batch: WriteBatch): void {
    this.#remove(batch);
    for (const call of batch.calls) this.#queue.putBack(call);
  }

  /** Nothing more is known of the batch than before. */
  #fail(batch: WriteBatch, cause: KvraftError): void {
    const outcome = batch.mayBeApplied ? 'unknown' : cause.outcome;
    const error = new KvraftError(cause.code, cause.message, { outcome, cause });
    this.#remove(batch);
    for (const call of batch.calls) call.settle({ ok: false, error });
  }

  #remove(batch: WriteBatch): void {
    batch.retryTimer?.cancel();
    batch.window.remove(batch);
    this.#batches.delete(batch);
    this.#scheduleFlush();
  }

  // The session itself.

  #register(): void {
    const link = this.#options.link();
    if (this.#isRegistering || link === null) return;
    this.#isRegistering = true;
    link.send({ type: 'register' }, parseReply.register, (reply) => {
      this.#isRegistering = false;
      if (this.#isClosed) return;
      if (reply.kind === 'error') return this.#pause(reply.error);
      if (reply.kind === 'ok') {
        const { session, ttlMs } = reply.value;
        this.#window = new SessionWindow(session, ttlMs);
        this.#keepAliveLater(ttlMs);
      }
      this.#scheduleFlush();
    });
  }

  /** The servers take nothing now: nothing new is sent for a while. */
  #pause(error: KvraftError): void {
    if (error.code === 'NOT_LEADER') this.#options.onNotLeader();
    this.refusal = error;
    if (this.#pauseTimer !== null) return;
    this.#pauseTimer = this.#later(++this.#refusals, () => {
      this.#pauseTimer = null;
      this.#scheduleFlush();
    });
  }

  #keepAliveLater(ttlMs: number): void {
    this.#keepAliveTimer?.cancel();
    this.#keepAliveTimer = this.#options.clock.setTimer(ttlMs / KEEP_ALIVES, () => {
      const window = this.#window;
      if (window === null) return;
      this.#keepAliveLater(ttlMs);
      const link = this.#options.link();
      const idleMs = this.#options.clock.monotonicMs() - this.#usedMs;
      if (link === null || idleMs < ttlMs / KEEP_ALIVES) return;
      link.send({ type: 'keep-alive', session: window.id }, parseReply.keepAlive, (reply) => {
        if (reply.kind === 'ok' && !reply.value && this.#window === window) this.#window = null;
      });
    });
  }

  #later(failures: number, callback: () => void): Timer {
    const { clock, prng } = this.#options;
    return clock.setTimer(backoffMs(failures, prng), callback);
  }
}
