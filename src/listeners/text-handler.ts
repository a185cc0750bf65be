import { KvraftError } from '../base/errors.ts';
import type { TextDialect } from '../wire/text-dialects.ts';
import type { TextReplies } from '../wire/text-replies.ts';
import type { TextReadRequest, TextRequest, TextWriteRequest } from '../wire/text-requests.ts';
import { assert } from '../base/assert.ts';
import type { KvService, ReadOutcome, ReadRecord, WriteOp, WriteResult } from './kv-service.ts';
import type { AfterAnswer, Plan, RequestHandler } from './request-handler.ts';

const isRead = (request: TextRequest): request is TextReadRequest =>
  request.kind === 'get' || request.kind === 'getm';

const MS_PER_S = 1_000;

/** The requests of the text protocol: what each asks for, and how a dialect answers it. */
export class TextHandler implements RequestHandler<TextRequest, 'here'> {
  readonly #service: KvService;
  readonly #dialect: TextDialect;
  readonly #replies: TextReplies;

  constructor(service: KvService, dialect: TextDialect, replies: TextReplies) {
    this.#service = service;
    this.#dialect = dialect;
    this.#replies = replies;
  }

  route(): 'here' {
    return 'here';
  }

  whenRouted(): void {
    assert(false, 'the route is always known');
  }

  plan(request: TextRequest): Plan {
    if (isRead(request)) return 'read';
    return request.kind === 'error' ? 'other' : toWriteOp(request, this.#dialect);
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

  answerOther(request: TextRequest): AfterAnswer {
    assert(request.kind === 'error', 'all other requests are for the store');
    if (!request.noreply) this.#replies.line(this.#dialect.malformed);
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
