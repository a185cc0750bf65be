import { assert } from '../base/assert.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { KvraftError } from '../base/errors.ts';
import { Pace } from '../base/pace.ts';
import { RingQueue } from '../base/ring-queue.ts';
import { encodeCommand } from '../kv/commands.ts';
import type { KvStateMachine } from '../kv/machine.ts';
import type { Reply } from '../kv/replies.ts';
import type { ProposeOutcome, ReadOutcome, Replicator } from '../replica/replicator.ts';
import {
  leavesNothing,
  readsBack,
  type KvService,
  type ReadRecord,
  type WriteOp,
  type WriteOutcome,
} from './kv-service.ts';

/** Operations and bytes of one batch; a single write always fits. */
const BATCH_OPS_MAX = 4_096;
const BATCH_BYTES_MAX = 1024 * 1024;
/** Batches and operations whose replies are awaited at once: well below what a session may keep recorded. */
const BATCHES_IN_FLIGHT_MAX = 256;
const OPS_IN_FLIGHT_MAX = 64 * 1024;

interface Call {
  readonly ops: readonly WriteOp[];
  readonly bytes: number;
  /** Its caller reads keys in the callback: no other operations may stand behind it in its batch. */
  readonly readsBack: boolean;
  /** Nothing at all may stand behind it. */
  readonly endsBatch: boolean;
  readonly deadlineMs: number;
  readonly done: (outcome: WriteOutcome) => void;
}

type SessionState =
  { readonly state: 'none' | 'registering' } | { readonly state: 'open'; readonly id: number };

/**
 * Executes what connections want on their behalf, under a session of this server's own: what arrives in one turn
 * goes out as one batch under one number, and a batch that is sent again after a leader change executes once.
 */
export class ServerSession implements KvService {
  readonly #replicator: Replicator<Reply>;
  readonly #machine: KvStateMachine;
  readonly #clock: Clock;
  readonly #sessionTtlMs: number;
  readonly #waiting = new RingQueue<Call>();
  /** Numbers of the batches whose reply is awaited, ascending. */
  readonly #inFlight = new Set<number>();
  #opsInFlight = 0;
  /** The highest number of a batch that failed and may still be executed. */
  #openNumber = 0;
  #session: SessionState = { state: 'none' };
  #nextNumber = 1;
  #flushIsDue = false;
  readonly #pace = new Pace();
  #paceTimer: Timer | null = null;

  /** `sessionTtlMs` is the state machine's. */
  constructor(replicator: Replicator<Reply>, machine: KvStateMachine, clock: Clock, sessionTtlMs: number) {
    this.#replicator = replicator;
    this.#machine = machine;
    this.#clock = clock;
    this.#sessionTtlMs = sessionTtlMs;
  }

  write(ops: readonly WriteOp[], deadlineMs: number, done: (outcome: WriteOutcome) => void): void {
    const call = { ops, bytes: 0, readsBack: false, endsBatch: false, deadlineMs, done };
    for (const op of ops) {
      call.bytes += opBytes(op);
      call.readsBack ||= readsBack(op);
      call.endsBatch ||= leavesNothing(op);
    }
    this.#waiting.push(call);
    this.#scheduleFlush();
  }

  readBarrier(deadlineMs: number, done: (outcome: ReadOutcome) => void): void {
    this.#replicator.read(deadlineMs, done);
  }

  get(key: string): ReadRecord | undefined {
    return this.#machine.get(key);
  }

  #scheduleFlush(): void {
    if (this.#flushIsDue) return;
    this.#flushIsDue = true;
    this.#clock.defer(this.#flush);
  }

  readonly #flush = (): void => {
    this.#flushIsDue = false;
    this.#expireWaiting();
    if (this.#waiting.length === 0 || !this.#hasRoom()) return;
    const nowMs = this.#clock.monotonicMs();
    const waitMs = this.#pace.waitMs(this.#inFlight.size > 0, nowMs);
    if (waitMs > 0) return this.#flushLater(waitMs);
    this.#pace.began(nowMs);
    while (this.#waiting.length > 0 && this.#hasRoom()) {
      if (this.#session.state !== 'open') return this.#register();
      this.#submit(this.#session.id, this.#takeBatch());
    }
  };

  /** At the latest; the end of the batch under way may come first. */
  #flushLater(waitMs: number): void {
    if (this.#paceTimer !== null) return;
    this.#paceTimer = this.#clock.setTimer(waitMs, () => {
      this.#paceTimer = null;
      this.#scheduleFlush();
    });
  }

  /**
   * Whether another batch may go out. One whose fate is open must not be executed after it: the batch says that no
   * number below the lowest in flight is awaited, and from then on the open one is refused.
   */
  #hasRoom(): boolean {
    const [lowest = Infinity] = this.#inFlight;
    return (
      this.#openNumber < lowest &&
      this.#inFlight.size < BATCHES_IN_FLIGHT_MAX &&
      this.#opsInFlight < OPS_IN_FLIGHT_MAX
    );
  }

  /** Calls whose time ended while they waited were never sent. */
  #expireWaiting(): void {
    const nowMs = this.#clock.monotonicMs();
    for (
      let call = this.#waiting.peek();
      call !== undefined && call.deadlineMs <= nowMs;
      call = this.#waiting.peek()
    ) {
      this.#waiting.shift();
      call.done({
        ok: false,
        error: new KvraftError('TIMEOUT', 'the request timeout has passed', { retryable: true }),
      });
    }
  }

  #takeBatch(): Call[] {
    const calls: Call[] = [];
    let ops = 0;
    let bytes = 0;
    for (let call = this.#waiting.peek(); call !== undefined; call = this.#waiting.peek()) {
      ops += call.ops.length;
      bytes += call.bytes;
      if (calls.length > 0 && (ops > BATCH_OPS_MAX || bytes > BATCH_BYTES_MAX)) break;
      if (calls[0] !== undefined && calls[0].readsBack !== call.readsBack) break;
      this.#waiting.shift();
      calls.push(call);
      if (call.endsBatch) break;
    }
    return calls;
  }

  #submit(session: number, calls: readonly Call[]): void {
    const number = this.#nextNumber++;
    this.#inFlight.add(number);
    const [lowest] = this.#inFlight;
    assert(lowest !== undefined, 'the batch itself is in flight');
    const ops = opsOf(calls);
    const command = encodeCommand({ command: 'batch', session, number, lowest, atomic: false, ops });
    this.#opsInFlight += ops.length;
    let deadlineMs = 0;
    for (const call of calls) deadlineMs = Math.max(deadlineMs, call.deadlineMs);
    const sentMs = this.#clock.monotonicMs();
    this.#replicator.propose(command, deadlineMs, (outcome) => {
      this.#inFlight.delete(number);
      this.#opsInFlight -= ops.length;
      if (!outcome.ok && outcome.error.outcome === 'unknown')
        this.#openNumber = Math.max(this.#openNumber, number);
      if (outcome.ok && outcome.result.status === 'session-expired' && this.#surelyNew(session, sentMs)) {
        for (const call of calls) this.#waiting.push(call);
      } else {
        this.#settle(calls, outcome);
      }
      if (this.#waiting.length > 0) this.#scheduleFlush();
    });
  }

  /**
   * The session expired for want of use. A batch that is young cannot have been executed in it before: that would
   * have been use.
   */
  #surelyNew(session: number, sentMs: number): boolean {
    if (this.#session.state === 'open' && this.#session.id === session) this.#session = { state: 'none' };
    return this.#clock.monotonicMs() - sentMs < this.#sessionTtlMs / 2;
  }

  #settle(calls: readonly Call[], outcome: ProposeOutcome<Reply>): void {
    if (outcome.ok && outcome.result.status === 'ok') {
      const { results } = outcome.result;
      const { stampMs } = this.#machine;
      let at = 0;
      for (const { ops, done } of calls) {
        const own = ops.length === results.length ? results : results.slice(at, at + ops.length);
        at += ops.length;
        done({ ok: true, results: own, stampMs });
      }
      return;
    }
    const error = outcome.ok ? refusal(outcome.result) : outcome.error;
    for (const { done } of calls) done({ ok: false, error });
  }

  #register(): void {
    if (this.#session.state === 'registering') return;
    this.#session = { state: 'registering' };
    const deadlineMs = this.#waiting.peek()?.deadlineMs ?? this.#clock.monotonicMs();
    this.#replicator.propose(encodeCommand({ command: 'register' }), deadlineMs, (outcome) => {
      if (outcome.ok && outcome.result.status === 'registered') {
        this.#session = { state: 'open', id: outcome.result.session };
      } else {
        this.#session = { state: 'none' };
        this.#failWaiting(outcome);
      }
      this.#scheduleFlush();
    });
  }

  /** Nothing that waited was sent. What only ran out of time is tried again for those who still have some. */
  #failWaiting(outcome: ProposeOutcome<Reply>): void {
    if (!outcome.ok && outcome.error.code === 'TIMEOUT') return;
    const error = outcome.ok
      ? new KvraftError('OVERLOADED', `the cluster gave this server no session: ${outcome.result.status}`)
      : new KvraftError(outcome.error.code, outcome.error.message, { retryable: true, cause: outcome.error });
    for (let call = this.#waiting.shift(); call !== undefined; call = this.#waiting.shift()) {
      call.done({ ok: false, error });
    }
  }
}

const opBytes = (op: WriteOp): number =>
  ('key' in op ? op.key.length : 0) + ('value' in op ? op.value.length : 0);

/** The operations of all calls, in their order. */
function opsOf(calls: readonly Call[]): readonly WriteOp[] {
  const [first] = calls;
  if (first !== undefined && calls.length === 1) return first.ops;
  const all: WriteOp[] = [];
  for (const { ops } of calls) for (const op of ops) all.push(op);
  return all;
}

/** What the state machine says of a batch that it did not execute now, and perhaps did before. */
function refusal(reply: Reply): KvraftError {
  const message = `the server's own session refused a batch: ${reply.status}`;
  return new KvraftError('SESSION_EXPIRED', message, { outcome: 'unknown', retryable: true });
}
