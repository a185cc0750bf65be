import { RingQueue } from '../base/ring-queue.ts';
import type { TextDialect } from '../wire/text-dialects.ts';
import type { TextReadRequest, TextRequest, TextWriteRequest } from '../wire/text-requests.ts';
import type { WriteOp } from './kv-service.ts';

/** The requests that one piece of input completed. */
interface Batch {
  readonly requests: readonly TextRequest[];
  /** Of memory that they hold: their input is freed as a whole. */
  readonly bytes: number;
  readonly receivedMs: number;
  /** The first request that no group has taken yet. */
  next: number;
}

/**
 * Requests that are answered together: writes, then reads, with errors in their places among them. So one proposal
 * and one read barrier do for all of them, and a read sees the writes before it.
 */
export interface TextGroup {
  readonly requests: readonly TextRequest[];
  /** The writes among them. */
  readonly ops: readonly WriteOp[];
  /** How many requests, from the first one on, stand before the first read. */
  readonly readsAt: number;
  /** When the first of them was received; the others soon after. */
  readonly receivedMs: number;
  /** What is freed once all are answered. */
  readonly bytes: number;
}

/** A group ends where it would get larger; one request always fits. */
const groupRequestsMax = 4_096;
const groupWriteBytesMax = 1_024 * 1_024;

/** The requests of a group share a deadline, and so must not be far apart. */
const groupSpanMs = 1_000;

export const isRead = (request: TextRequest): request is TextReadRequest =>
  request.kind === 'get' || request.kind === 'getm';

const MS_PER_S = 1_000;

function toWriteOp(request: TextWriteRequest, { setWhen }: TextDialect): WriteOp {
  const { kind, key } = request;
  switch (kind) {
    case 'set': {
      const { value, exptimeS } = request;
      return { op: 'set', key, value, flags: 0, ttlMs: exptimeS * MS_PER_S, when: setWhen };
    }
    case 'cas': {
      const { value, exptimeS, version } = request;
      return { op: 'cas', key, value, flags: 0, ttlMs: exptimeS * MS_PER_S, version };
    }
    case 'delete':
      return { op: 'delete', key };
  }
}

/** The requests of one connection that wait for their turn, in their order. */
export class TextQueue {
  readonly #dialect: TextDialect;
  readonly #batches = new RingQueue<Batch>();
  #bytes = 0;

  constructor(dialect: TextDialect) {
    this.#dialect = dialect;
  }

  /** What the requests hold that are not answered, those in a group included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** No request waits to be taken. */
  get isEmpty(): boolean {
    return this.#batches.length === 0;
  }

  /** At least one request. */
  push(requests: readonly TextRequest[], bytes: number, receivedMs: number): void {
    this.#batches.push({ requests, bytes, receivedMs, next: 0 });
    this.#bytes += bytes;
  }

  /** The longest run of requests that may be one group; null if none waits. */
  takeGroup(): TextGroup | null {
    const first = this.#batches.peek();
    if (first === undefined) return null;
    const group = new GroupBuilder(this.#dialect);
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

  /** The requests of the group are answered. */
  release(group: TextGroup): void {
    this.#bytes -= group.bytes;
  }
}

class GroupBuilder {
  readonly #dialect: TextDialect;
  readonly #requests: TextRequest[] = [];
  readonly #ops: WriteOp[] = [];
  #readsAt = -1;
  #writeBytes = 0;

  constructor(dialect: TextDialect) {
    this.#dialect = dialect;
  }

  /** Takes the requests from `start` on as far as they fit, and returns where it stopped. */
  addFrom(requests: readonly TextRequest[], start: number): number {
    for (let at = start; at < requests.length; at++) {
      const request = requests[at];
      if (request === undefined || !this.#add(request)) return at;
    }
    return requests.length;
  }

  finish(receivedMs: number, bytes: number): TextGroup {
    const readsAt = this.#readsAt === -1 ? this.#requests.length : this.#readsAt;
    return { requests: this.#requests, ops: this.#ops, readsAt, receivedMs, bytes };
  }

  #add(request: TextRequest): boolean {
    if (this.#requests.length === groupRequestsMax) return false;
    if (isRead(request)) {
      if (this.#readsAt === -1) this.#readsAt = this.#requests.length;
    } else if (request.kind !== 'error') {
      if (this.#readsAt !== -1 || !this.#addWrite(request)) return false;
    }
    this.#requests.push(request);
    return true;
  }

  #addWrite(request: TextWriteRequest): boolean {
    const bytes = request.kind === 'delete' ? 0 : request.value.length;
    if (this.#ops.length > 0 && this.#writeBytes + bytes > groupWriteBytesMax) return false;
    this.#writeBytes += bytes;
    this.#ops.push(toWriteOp(request, this.#dialect));
    return true;
  }
}
