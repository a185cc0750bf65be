import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { isKeyOp } from '../kv/ops.ts';
import {
  leavesNothing,
  readsBack,
  type KvService,
  type ReadOutcome,
  type WriteOp,
  type WriteOutcome,
} from './kv-service.ts';
import type { RequestHandler } from './request-handler.ts';
import { groupBytesMax, type Planner, type RequestGroup, type RequestQueue } from './request-queue.ts';

export interface GroupExecutionSetup {
  readonly service: KvService;
  readonly clock: Clock;
  /** A request is answered with an error when it has waited for so long. */
  readonly requestTimeoutMs: number;
}

/** What the connection does for the execution of its requests. */
export interface GroupExecutionHost {
  /** Whether more replies may be made now. */
  hasRoom(): boolean;
  /** Requests were answered in a callback of the service: the replies are to be sent, and `run` called. */
  progressed(): void;
  /** Nothing more is taken from the client. */
  closeInput(): void;
}

/**
 * Executes the requests of one connection group by group, one at a time: the order of their effects and of their
 * replies is the order in which they came.
 */
export class GroupExecution<Request, Route> implements Planner<Request> {
  readonly #setup: GroupExecutionSetup;
  readonly #queue: RequestQueue<Request>;
  readonly #handler: RequestHandler<Request, Route>;
  readonly #host: GroupExecutionHost;
  #group: RequestGroup<Request> | null = null;
  /** Of the group. */
  #route: Route | null = null;
  #waitsForRoute = false;
  /** The first request of the group that is not answered. */
  #next = 0;
  /** Reads of the group wait for room. */
  #readsWait = false;
  #hadRoom = true;
  /** Since when there is room: a request's timeout does not count while its own client does not read. */
  #roomSinceMs = 0;
  #clientIsGone = false;

  constructor(
    setup: GroupExecutionSetup,
    queue: RequestQueue<Request>,
    handler: RequestHandler<Request, Route>,
    host: GroupExecutionHost,
  ) {
    this.#setup = setup;
    this.#queue = queue;
    this.#handler = handler;
    this.#host = host;
  }

  /** Everything that was received is answered. */
  get isIdle(): boolean {
    return this.#group === null && this.#queue.isEmpty;
  }

  /** Nothing goes on before `run` is called when the host has room again. */
  get waitsForRoom(): boolean {
    return !this.#hadRoom;
  }

  /** Nobody hears the replies: writes that were received are still executed, reads are not. */
  abandon(): void {
    this.#clientIsGone = true;
  }

  /** Goes on with what waits, if nothing is under way. */
  run(): void {
    if (this.#readsWait && this.#hasRoom()) {
      this.#readsWait = false;
      this.#startReads();
    }
    while (this.#group === null && !this.#queue.isEmpty && this.#hasRoom() && this.#findRoute()) {
      this.#group = this.#queue.takeGroup(this);
      this.#next = 0;
      this.#startGroup();
    }
  }

  plan(request: Request): ReturnType<RequestHandler<Request, Route>['plan']> {
    return this.#handler.plan(request, this.#route);
  }

  /** An operation that reads back counts what will be read, as far as that is known: it is answered in one go. */
  bytesOf(op: WriteOp): number {
    if (readsBack(op) && isKeyOp(op)) return this.#setup.service.get(op.key)?.value.length ?? 0;
    return 'value' in op ? op.value.length : 0;
  }

  #hasRoom(): boolean {
    const hasRoom = this.#clientIsGone || this.#host.hasRoom();
    if (hasRoom && !this.#hadRoom) this.#roomSinceMs = this.#setup.clock.monotonicMs();
    this.#hadRoom = hasRoom;
    return hasRoom;
  }

  /** Whether a group can be taken now: where it is to be executed is known, or has not become known in time. */
  #findRoute(): boolean {
    if (this.#waitsForRoute) return false;
    this.#route = this.#handler.route();
    if (this.#route !== null) return true;
    const deadlineMs = this.#deadlineMs(this.#queue.oldestMs);
    if (deadlineMs <= this.#setup.clock.monotonicMs()) return true;
    this.#waitsForRoute = true;
    this.#handler.whenRouted(deadlineMs, () => {
      this.#waitsForRoute = false;
      this.#host.progressed();
    });
    return false;
  }

  #startGroup(): void {
    const { ops, readsAt } = this.#current();
    if (ops.length > 0) this.#write(ops, readsAt);
    else if (this.#answerOthers(readsAt)) this.#startReads();
  }

  /** Executes the operations of the requests up to `end`, answers these, and goes on with the reads. */
  #write(ops: readonly WriteOp[], end: number): void {
    this.#setup.service.write(ops, this.#deadlineMs(this.#current().receivedMs), (outcome) => {
      assert(!outcome.ok || outcome.results.length === ops.length, 'every write has a result of its own');
      if (this.#answerWrites(outcome, end)) this.#startReads();
      this.#host.progressed();
    });
  }

  /** The requests up to `end`: writes, and others among them. Returns whether the connection goes on. */
  #answerWrites(outcome: WriteOutcome, end: number): boolean {
    const { plans } = this.#current();
    for (let write = 0; this.#next < end;) {
      if (plans[this.#next] === 'other') {
        if (!this.#answerOther()) return false;
        continue;
      }
      const result = outcome.ok ? outcome.results[write++] : outcome.error;
      assert(result !== undefined, 'there is a result for each operation');
      const stampMs = outcome.ok ? outcome.stampMs : 0;
      if (this.#handler.answerWrite(this.#take(), result, stampMs) === 'end') return this.#end();
    }
    return true;
  }

  #answerOthers(end: number): boolean {
    while (this.#next < end) if (!this.#answerOther()) return false;
    return true;
  }

  #answerOther(): boolean {
    return this.#handler.answerOther(this.#take(), this.#route) === 'go-on' || this.#end();
  }

  #startReads(): void {
    if (this.#next === this.#current().requests.length || this.#clientIsGone) return this.#finish();
    if (!this.#hasRoom()) {
      this.#readsWait = true;
      return;
    }
    this.#setup.service.readBarrier(this.#deadlineMs(this.#current().receivedMs), (outcome) => {
      this.#answerReads(outcome);
      this.#host.progressed();
    });
  }

  /** As far as there is room: values may be large, and what a few bytes ask for may be many of them. */
  #answerReads(outcome: ReadOutcome): void {
    const { requests, plans } = this.#current();
    while (this.#next < requests.length && this.#hasRoom()) {
      if (plans[this.#next] === 'other') {
        if (!this.#answerOther()) return;
        continue;
      }
      const ops = outcome.ok ? this.#escalated(outcome.stampMs) : [];
      if (ops.length > 0) return this.#write(ops, this.#next + ops.length);
      if (this.#handler.answerRead(this.#take(), outcome) === 'end') return void this.#end();
    }
    this.#startReads();
  }

  /** The operations of the next reads that turn out to be none, in a row. */
  #escalated(stampMs: number): WriteOp[] {
    const { requests, plans } = this.#current();
    const ops: WriteOp[] = [];
    let bytes = 0;
    for (let at = this.#next; at < requests.length && plans[at] === 'read'; at++) {
      const op = this.#handler.escalate(requests[at] as Request, stampMs);
      if (op === null) break;
      bytes += this.bytesOf(op);
      if (ops.length > 0 && bytes > groupBytesMax) break;
      ops.push(op);
      if (leavesNothing(op)) break;
    }
    return ops;
  }

  #take(): Request {
    return this.#current().requests[this.#next++] as Request;
  }

  /** What the client sent after the request that was answered last is dropped. */
  #end(): false {
    this.#queue.clear();
    this.#host.closeInput();
    this.#finish();
    return false;
  }

  #finish(): void {
    this.#queue.release(this.#current());
    this.#group = null;
  }

  /** Of requests that were received at `receivedMs`. */
  #deadlineMs(receivedMs: number): number {
    return Math.max(receivedMs, this.#roomSinceMs) + this.#setup.requestTimeoutMs;
  }

  #current(): RequestGroup<Request> {
    assert(this.#group !== null, 'a group is under way');
    return this.#group;
  }
}
