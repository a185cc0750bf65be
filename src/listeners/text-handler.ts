import { assert } from '../base/assert.ts';
import { KvraftError } from '../base/errors.ts';
import type { TextDialect } from '../wire/text-dialects.ts';
import type { TextReplies } from '../wire/text-replies.ts';
import type { TextReadRequest, TextRequest, TextWriteRequest } from '../wire/text-requests.ts';
import type { KvService, ReadOutcome, ReadRecord, WriteOp, WriteResult } from './kv-service.ts';
import type { Redirects, TextRoute } from './redirects.ts';
import type { AfterAnswer, Plan, RequestHandler } from './request-handler.ts';

const isRead = (request: TextRequest): request is TextReadRequest =>
  request.kind === 'get' || request.kind === 'getm';

const MS_PER_S = 1_000;

export interface TextHandlerSetup {
  readonly service: KvService;
  readonly dialect: TextDialect;
  /** Null in a dialect that forwards. */
  readonly redirects: Redirects | null;
}

/** The requests of the text protocol: what each asks for, and how a dialect answers it. */
export class TextHandler implements RequestHandler<TextRequest, TextRoute> {
  readonly #service: KvService;
  readonly #dialect: TextDialect;
  readonly #redirects: Redirects | null;
  readonly #replies: TextReplies;

  constructor({ service, dialect, redirects }: TextHandlerSetup, replies: TextReplies) {
    this.#service = service;
    this.#dialect = dialect;
    this.#redirects = redirects;
    this.#replies = replies;
  }

  route(): TextRoute | null {
    return this.#redirects === null ? 'here' : this.#redirects.route();
  }

  whenRouted(deadlineMs: number, done: () => void): void {
    assert(this.#redirects !== null, 'who forwards waits for nobody');
    this.#redirects.whenRouted(deadlineMs, done);
  }

  /** Elsewhere, what needs no reply is forwarded: nobody would hear the redirect. */
  plan(request: TextRequest, route: TextRoute | null): Plan {
    if (request.kind === 'error') return 'other';
    if (isRead(request)) return route === 'here' ? 'read' : 'other';
    return route === 'here' || request.noreply ? toWriteOp(request, this.#dialect) : 'other';
  }

  answerWrite(request: TextRequest, result: WriteResult | KvraftError): AfterAnswer {
    const { noreply } = request as TextWriteRequest;
    if (noreply) return 'go-on';
    if (result instanceof KvraftError) this.#replies.line(this.#dialect.internal);
    else this.#replyWrite(result);
    return 'go-on';
  }

  escalate(): null {
    return null;
  }

  answerRead(request: TextRequest, outcome: ReadOutcome): AfterAnswer {
    if (outcome.ok) this.#replyRead(request as TextReadRequest, outcome.stampMs);
    else this.#replies.line(this.#dialect.internal);
    return 'go-on';
  }

  answerOther(request: TextRequest, route: TextRoute | null): AfterAnswer {
    if (request.kind === 'error') {
      if (!request.noreply) this.#replies.line(this.#dialect.malformed);
      return 'go-on';
    }
    assert(route !== 'here', 'a request that is executed here is for the store');
    this.#replies.line(route === null ? this.#dialect.internal : route.redirect);
    return 'go-on';
  }

  #replyWrite(result: WriteResult): void {
    const dialect = this.#dialect;
    switch (result.status) {
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
      default:
        return this.#replies.line(dialect.internal);
    }
  }

  #replyRead({ kind, key }: TextReadRequest, stampMs: number): void {
    const record = this.#service.get(key);
    if (record === undefined) this.#replies.line(this.#dialect.notFound);
    else if (kind === 'get') this.#replies.value(record.value);
    else this.#replies.valueWithMeta(record.version, secondsLeft(record, stampMs), record.value);
  }
}

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
      return { op: 'delete', key, version: 0 };
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
