import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { TextDialect } from '../wire/text-dialects.ts';
import type { TextReplies } from '../wire/text-replies.ts';
import type { TextReadRequest } from '../wire/text-requests.ts';
import type { KvService, ReadOutcome, ReadRecord, WriteOutcome, WriteResult } from './kv-service.ts';
import { isRead, type TextGroup, type TextQueue } from './text-queue.ts';

export interface TextExecutionSetup {
  readonly service: KvService;
  readonly clock: Clock;
  readonly dialect: TextDialect;
  /** A request is answered with an error when it has waited for so long. */
  readonly requestTimeoutMs: number;
}

/** What the connection does for the execution of its requests. */
export interface TextExecutionHost {
  /** Whether more replies may be made now. */
  hasRoom(): boolean;
  /** Requests were answered in a callback of the service: the replies are to be sent, and `run` called. */
  progressed(): void;
}

const MS_PER_S = 1_000;

/**
 * Executes the requests of one connection group by group, one at a time: the order of their effects and of their
 * replies is the order in which they came.
 */
export class TextExecution {
  readonly #setup: TextExecutionSetup;
  readonly #queue: TextQueue;
  readonly #replies: TextReplies;
  readonly #host: TextExecutionHost;
  #group: TextGroup | null = null;
  /** The first request of the group that is not answered. */
  #next = 0;
  /** Reads of the group wait for room. */
  #readsWait = false;
  #hadRoom = true;
  /** Since when there is room: a request's timeout does not count while its own client does not read. */
  #roomSinceMs = 0;
  #clientIsGone = false;

  constructor(setup: TextExecutionSetup, queue: TextQueue, replies: TextReplies, host: TextExecutionHost) {
    this.#setup = setup;
    this.#queue = queue;
    this.#replies = replies;
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
    while (this.#group === null && !this.#queue.isEmpty && this.#hasRoom()) {
      this.#group = this.#queue.takeGroup();
      this.#next = 0;
      this.#startWrites();
    }
  }

  #hasRoom(): boolean {
    const hasRoom = this.#clientIsGone || this.#host.hasRoom();
    if (hasRoom && !this.#hadRoom) this.#roomSinceMs = this.#setup.clock.monotonicMs();
    this.#hadRoom = hasRoom;
    return hasRoom;
  }

  #startWrites(): void {
    const { ops } = this.#current();
    if (ops.length === 0) {
      this.#answerWrites([]);
      this.#startReads();
      return;
    }
    this.#setup.service.write(ops, this.#deadlineMs(), (outcome: WriteOutcome) => {
      assert(!outcome.ok || outcome.results.length === ops.length, 'every write has a result of its own');
      this.#answerWrites(outcome.ok ? outcome.results : []);
      this.#startReads();
      this.#host.progressed();
    });
  }

  /** Also the errors among them. Without a result, what became of a write is unknown. */
  #answerWrites(results: readonly WriteResult[]): void {
    const { requests, readsAt } = this.#current();
    let write = 0;
    for (; this.#next < readsAt; this.#next++) {
      const request = requests[this.#next];
      assert(request !== undefined && !isRead(request), 'writes stand before reads');
      if (request.kind === 'error') this.#replyError(request.noreply);
      else if (request.noreply) write++;
      else this.#replyWrite(results[write++]);
    }
  }

  #replyError(noreply: boolean): void {
    if (!noreply) this.#replies.line(this.#setup.dialect.malformed);
  }

  #replyWrite(result: WriteResult | undefined): void {
    const { dialect } = this.#setup;
    switch (result?.status) {
      case 'ok':
        return this.#replies.ok(result.version);
      case 'deleted':
        return this.#replies.deleted();
      case 'not-found':
        return this.#replies.line(dialect.notFound);
      case 'version-mismatch':
      case 'exists':
        return this.#replies.line(dialect.versionMismatch);
      case 'too-large':
        return this.#replies.line(dialect.malformed);
      case 'not-applied':
      case undefined:
        return this.#replies.line(dialect.internal);
    }
  }

  #startReads(): void {
    if (this.#next === this.#current().requests.length || this.#clientIsGone) return this.#finish();
    if (!this.#hasRoom()) {
      this.#readsWait = true;
      return;
    }
    this.#setup.service.readBarrier(this.#deadlineMs(), (outcome: ReadOutcome) => {
      this.#answerReads(outcome);
      this.#startReads();
      this.#host.progressed();
    });
  }

  /** As far as there is room: values may be large, and what a few bytes ask for may be many of them. */
  #answerReads(outcome: ReadOutcome): void {
    const { requests } = this.#current();
    while (this.#next < requests.length && this.#hasRoom()) {
      const request = requests[this.#next++];
      assert(request !== undefined && (isRead(request) || request.kind === 'error'), 'only reads are left');
      if (request.kind === 'error') this.#replyError(request.noreply);
      else if (outcome.ok) this.#replyRead(request, outcome.stampMs);
      else this.#replies.line(this.#setup.dialect.internal);
    }
  }

  #replyRead({ kind, key }: TextReadRequest, stampMs: number): void {
    const record = this.#setup.service.get(key);
    if (record === undefined) this.#replies.line(this.#setup.dialect.notFound);
    else if (kind === 'get') this.#replies.value(record.value);
    else this.#replies.valueWithMeta(record.version, secondsLeft(record, stampMs), record.value);
  }

  #finish(): void {
    this.#queue.release(this.#current());
    this.#group = null;
  }

  #deadlineMs(): number {
    const startMs = Math.max(this.#current().receivedMs, this.#roomSinceMs);
    return startMs + this.#setup.requestTimeoutMs;
  }

  #current(): TextGroup {
    assert(this.#group !== null, 'a group is under way');
    return this.#group;
  }
}

/**
 * Whole seconds until the key expires, 0 for one that does not. At least 1: what has expired is gone, and a key
 * that is there for a moment more must not look like one without expiry.
 */
function secondsLeft({ expiresAtMs }: ReadRecord, stampMs: number): number {
  if (expiresAtMs === 0) return 0;
  return Math.max(1, Math.ceil((expiresAtMs - stampMs) / MS_PER_S));
}
