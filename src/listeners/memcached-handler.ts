import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { KvraftError } from '../base/errors.ts';
import type { MemcachedReplies } from '../wire/memcached-replies.ts';
import type { MemcachedRequest } from '../wire/memcached-requests.ts';
import type { KvService, ReadOutcome, ReadRecord, WriteOp, WriteResult } from './kv-service.ts';
import { errorLine, lineOf, overtaken } from './memcached-answers.ts';
import { MemcachedMetaAnswers } from './memcached-meta-answers.ts';
import { escalatedOp, opOf } from './memcached-ops.ts';
import type { MemcachedStats } from './memcached-stats.ts';
import type { AfterAnswer, Plan, RequestHandler } from './request-handler.ts';

type Retrieval = Extract<MemcachedRequest, { readonly kind: 'get' | 'gat' }>;

/** The requests of memcached's text protocol: what each asks for, and how it is answered. Any server executes them. */
export class MemcachedHandler implements RequestHandler<MemcachedRequest, 'here'> {
  readonly #service: KvService;
  readonly #clock: Clock;
  readonly #replies: MemcachedReplies;
  readonly #stats: MemcachedStats;
  readonly #meta: MemcachedMetaAnswers;
  /** Why a key of the line that is being answered could not be read: its answer must not end as if all had been. */
  #retrievalError: KvraftError | null = null;

  constructor(service: KvService, clock: Clock, replies: MemcachedReplies, stats: MemcachedStats) {
    this.#service = service;
    this.#clock = clock;
    this.#replies = replies;
    this.#stats = stats;
    this.#meta = new MemcachedMetaAnswers(service, replies, stats);
  }

  route(): 'here' {
    return 'here';
  }

  whenRouted(): void {
    assert(false, 'the route is always known');
  }

  plan(request: MemcachedRequest): Plan {
    const { kind } = request;
    if (kind === 'line' || kind === 'stats') return 'other';
    return opOf(request, this.#clock.wallMs()) ?? 'read';
  }

  answerOther(request: MemcachedRequest): AfterAnswer {
    if (request.kind === 'stats') this.#replies.line(this.#stats.answer(request.group));
    else if (request.kind === 'line' && request.text !== '') this.#replies.line(request.text);
    return 'go-on';
  }

  escalate(request: MemcachedRequest, stampMs: number): WriteOp | null {
    if (request.kind !== 'mg') return null;
    return escalatedOp(request, this.#service.get(request.key), stampMs, this.#clock.wallMs());
  }

  answerRead(request: MemcachedRequest, outcome: ReadOutcome): AfterAnswer {
    if (request.kind === 'get') {
      if (outcome.ok) this.#get(request);
      else this.#retrievalError = outcome.error;
      this.#endRetrieval(request);
    } else {
      assert(request.kind === 'mg' || request.kind === 'me', 'all other requests are operations');
      if (!outcome.ok) this.#replies.line(errorLine(outcome.error));
      else if (request.kind === 'mg') this.#meta.read(request, outcome.stampMs);
      else this.#meta.debug(request, outcome.stampMs);
    }
    return 'go-on';
  }

  answerWrite(request: MemcachedRequest, result: WriteResult | KvraftError, stampMs: number): AfterAnswer {
    if (result instanceof KvraftError) return this.#fail(request, result);
    this.#stats.countResult(request, result);
    switch (request.kind) {
      case 'gat':
        return this.#getAndTouch(request, result) ? 'go-on' : this.#fail(request, overtaken);
      case 'mg':
        return this.#meta.visited(request, result, stampMs) ? 'go-on' : this.#fail(request, overtaken);
      case 'ma':
        this.#meta.counted(request, result, stampMs);
        return 'go-on';
      case 'ms':
      case 'md':
        this.#meta.done(request, result);
        return 'go-on';
      default:
        this.#done(request, result);
        return 'go-on';
    }
  }

  /** Behind what may have been executed, or may still be, nothing may follow that could overtake it. */
  #fail(request: MemcachedRequest, error: KvraftError): AfterAnswer {
    const after = error.outcome === 'unknown' ? 'end' : 'go-on';
    if ('noreply' in request && request.noreply) return after;
    if (request.kind === 'gat' && after === 'go-on') {
      this.#retrievalError = error;
      this.#endRetrieval(request);
    } else {
      this.#replies.line(errorLine(error));
    }
    return after;
  }

  #done(request: MemcachedRequest, result: WriteResult): void {
    if ('noreply' in request && request.noreply) return;
    const line = lineOf(request.kind, result);
    if (line === 'STORED') this.#replies.stored();
    else this.#replies.line(line);
  }

  #get(request: Retrieval): void {
    const record = this.#service.get(request.key);
    this.#stats.count('cmd_get');
    this.#stats.count(record === undefined ? 'get_misses' : 'get_hits');
    this.#item(request, record);
  }

  /** Returns whether the key stands as the operation left it. */
  #getAndTouch(request: Retrieval, { status, version }: WriteResult): boolean {
    const record = status === 'not-found' ? undefined : this.#service.get(request.key);
    if (status !== 'not-found' && record?.version !== version) return false;
    this.#item(request, record);
    this.#endRetrieval(request);
    return true;
  }

  #item({ key, withVersion }: Retrieval, record: ReadRecord | undefined): void {
    if (record !== undefined && this.#retrievalError === null) this.#replies.item(key, record, withVersion);
  }

  #endRetrieval({ isLast }: Retrieval): void {
    if (!isLast) return;
    if (this.#retrievalError === null) this.#replies.end();
    else this.#replies.line(errorLine(this.#retrievalError));
    this.#retrievalError = null;
  }
}
