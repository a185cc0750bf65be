import { assert } from '../base/assert.ts';
import { RingQueue } from '../base/ring-queue.ts';
import { leavesNothing, readsBack, type WriteOp } from './kv-service.ts';
import type { Plan } from './request-handler.ts';

/** The requests that one piece of input completed. */
interface Batch<Request> {
  readonly requests: readonly Request[];
  /** Of memory that they hold: their input is freed as a whole. */
  readonly bytes: number;
  readonly receivedMs: number;
  /** The first request that no group has taken yet. */
  next: number;
}

/**
 * Requests that are answered together: writes, then reads, with what is neither in its place among them. So one
 * proposal and one read barrier do for all of them, and a read sees the writes before it.
 */
export interface RequestGroup<Request> {
  readonly requests: readonly Request[];
  /** What becomes of each of them. */
  readonly plans: readonly Plan[];
  /** The operations among the plans. */
  readonly ops: readonly WriteOp[];
  /** How many requests, from the first one on, stand before the first read. */
  readonly readsAt: number;
  /** When the first of them was received; the others soon after. */
  readonly receivedMs: number;
  /** What is freed once all are answered. */
  readonly bytes: number;
}

/** A group ends where it would get larger; one request always fits. */
export const groupRequestsMax = 4_096;
export const groupBytesMax: number = 1_024 * 1_024;

/** The requests of a group share a deadline, and so must not be far apart. */
const groupSpanMs = 1_000;

/** What the group's builder asks of those who know the requests. */
export interface Planner<Request> {
  plan(request: Request): Plan;
  /** What the operation adds to the group's bytes. */
  bytesOf(op: WriteOp): number;
}

/** The requests of one connection that wait for their turn, in their order. */
export class RequestQueue<Request> {
  readonly #batches = new RingQueue<Batch<Request>>();
  #bytes = 0;

  /** What the requests hold that are not answered, those in a group included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** No request waits to be taken. */
  get isEmpty(): boolean {
    return this.#batches.length === 0;
  }

  /** When the oldest request that waits was received. */
  get oldestMs(): number {
    const oldest = this.#batches.peek();
    assert(oldest !== undefined, 'a request waits');
    return oldest.receivedMs;
  }

  /** At least one request. */
  push(requests: readonly Request[], bytes: number, receivedMs: number): void {
    this.#batches.push({ requests, bytes, receivedMs, next: 0 });
    this.#bytes += bytes;
  }

  /** The longest run of requests that may be one group, each with its plan; null if none waits. */
  takeGroup(planner: Planner<Request>): RequestGroup<Request> | null {
    const first = this.#batches.peek();
    if (first === undefined) return null;
    if (this.#batches.length === 1 && first.requests.length === 1) return this.#takeOnly(first, planner);
    const group = new GroupBuilder(planner);
    let bytes = 0;
    for (let batch = this.#batches.peek(); batch !== undefined; batch = this.#batches.peek()) {
      if (batch.receivedMs - first.receivedMs > groupSpanMs) break;
      batch.next = group.addFrom(batch.requests, batch.next);
      if (batch.next < batch.requests.length) break;
      bytes += batch.bytes;
      this.#batches.shift();
    }
    return group.finish(first.receivedMs, bytes);
  }

  /** One request alone, as of a client that waits for each answer: there is nothing to gather. */
  #takeOnly(
    { requests, bytes, receivedMs }: Batch<Request>,
    planner: Planner<Request>,
  ): RequestGroup<Request> {
    this.#batches.shift();
    const plan = planner.plan(requests[0] as Request);
    const ops = plan === 'read' || plan === 'other' ? [] : [plan];
    return { requests, plans: [plan], ops, readsAt: plan === 'read' ? 0 : 1, receivedMs, bytes };
  }

  /** The requests of the group are answered. */
  release(group: RequestGroup<Request>): void {
    this.#bytes -= group.bytes;
  }

  /** Drops what waits. */
  clear(): void {
    for (let batch = this.#batches.shift(); batch !== undefined; batch = this.#batches.shift()) {
      this.#bytes -= batch.bytes;
    }
  }
}

class GroupBuilder<Request> {
  readonly #planner: Planner<Request>;
  readonly #requests: Request[] = [];
  readonly #plans: Plan[] = [];
  readonly #ops: WriteOp[] = [];
  #readsAt = -1;
  #opBytes = 0;

  constructor(planner: Planner<Request>) {
    this.#planner = planner;
  }

  /** Takes the requests from `start` on as far as they fit, and returns where it stopped. */
  addFrom(requests: readonly Request[], start: number): number {
    for (let at = start; at < requests.length; at++) {
      const request = requests[at];
      if (request === undefined || !this.#add(request)) return at;
    }
    return requests.length;
  }

  finish(receivedMs: number, bytes: number): RequestGroup<Request> {
    const readsAt = this.#readsAt === -1 ? this.#requests.length : this.#readsAt;
    return { requests: this.#requests, plans: this.#plans, ops: this.#ops, readsAt, receivedMs, bytes };
  }

  #add(request: Request): boolean {
    if (this.#requests.length === groupRequestsMax) return false;
    const plan = this.#planner.plan(request);
    if (plan === 'read') {
      if (this.#readsAt === -1) this.#readsAt = this.#requests.length;
    } else if (plan !== 'other') {
      if (this.#readsAt !== -1 || !this.#addOp(plan)) return false;
    }
    this.#requests.push(request);
    this.#plans.push(plan);
    return true;
  }

  #addOp(op: WriteOp): boolean {
    const last = this.#ops.at(-1);
    const bytes = this.#planner.bytesOf(op);
    if (last !== undefined) {
      if (readsBack(last) !== readsBack(op) || leavesNothing(last)) return false;
      if (this.#opBytes + bytes > groupBytesMax) return false;
    }
    this.#opBytes += bytes;
    this.#ops.push(op);
    return true;
  }
}
