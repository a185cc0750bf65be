import type { TextDialect } from '../wire/text-dialects.ts';
import { TextReplies } from '../wire/text-replies.ts';
import type { TextRequest } from '../wire/text-requests.ts';
import type { Fault } from './faults.test-support.ts';

export type ModelRequest = Exclude<TextRequest, { readonly kind: 'error' }>;

/** A write of the model's log. */
export interface LogEntry {
  readonly request: ModelRequest;
  /** Whatever the key's version is by now. */
  readonly isForced: boolean;
  /** When it was executed first: what expires is decided by that. */
  readonly nowMs: number;
}

interface ModelRecord {
  readonly value: Uint8Array;
  readonly version: number;
  readonly exptimeS: number;
  readonly expiresAtMs: number;
}

/** A server's copy of the state. */
export class ModelStore {
  readonly #fault: Fault | null;
  readonly #records = new Map<string, ModelRecord>();
  #version = 0;

  constructor(fault: Fault | null) {
    this.#fault = fault;
  }

  forgetVersion(): void {
    this.#version = 0;
  }

  /** Whether a write would be done now. */
  permits(request: ModelRequest, { setWhen }: TextDialect): boolean {
    const current = this.#find(request.key, performance.now());
    if (request.kind === 'cas') return current?.version === request.version;
    return request.kind === 'set' && setWhen === 'absent' && current === undefined;
  }

  /** The reply to a read. */
  answer(request: ModelRequest, dialect: TextDialect): Buffer {
    const nowMs = performance.now();
    const record = this.#find(request.key, nowMs);
    const replies = new TextReplies();
    if (record === undefined) replies.line(dialect.notFound);
    else if (request.kind === 'get') replies.value(record.value);
    else replies.valueWithMeta(record.version, this.#secondsLeft(record, nowMs), record.value);
    return Buffer.from(replies.take());
  }

  /** Executes a write, and gives the reply to it. */
  apply({ request, isForced, nowMs }: LogEntry, dialect: TextDialect): Buffer {
    const replies = new TextReplies();
    const fault = this.#fault;
    const { key } = request;
    const current = this.#find(key, nowMs);
    if (request.kind === 'delete') {
      this.#records.delete(key);
      if (current === undefined && fault !== 'deletes what is not there') replies.line(dialect.notFound);
      else {
        this.#version++;
        replies.deleted();
      }
    } else if (request.kind === 'cas' && current === undefined && fault !== 'creates by cas') {
      replies.line(dialect.notFound);
    } else if (
      request.kind === 'cas' &&
      current?.version !== request.version &&
      !isForced &&
      fault !== 'ignores versions' &&
      fault !== 'creates by cas'
    ) {
      replies.line(dialect.versionMismatch);
    } else if (
      request.kind === 'set' &&
      dialect.setWhen === 'absent' &&
      current !== undefined &&
      !isForced &&
      fault !== 'replaces where set only creates'
    ) {
      replies.line(dialect.versionMismatch);
    } else if (request.kind === 'set' || request.kind === 'cas') {
      const { exptimeS } = request;
      const version = this.#nextVersion(current);
      const expiresAtMs = exptimeS === 0 || fault === 'never expires' ? Infinity : nowMs + exptimeS * 1_000;
      this.#records.set(key, { value: this.#kept(request.value), version, exptimeS, expiresAtMs });
      replies.ok(version);
    }
    return Buffer.from(replies.take());
  }

  #find(key: string, nowMs: number): ModelRecord | undefined {
    const record = this.#records.get(key);
    return record !== undefined && record.expiresAtMs > nowMs ? record : undefined;
  }

  #nextVersion(current: ModelRecord | undefined): number {
    if (this.#fault === 'counts versions by key') return (current?.version ?? 0) + 1;
    return ++this.#version;
  }

  #secondsLeft({ exptimeS, expiresAtMs }: ModelRecord, nowMs: number): number {
    if (exptimeS === 0) return 0;
    return this.#fault === 'says the whole expiry'
      ? exptimeS
      : Math.max(1, Math.ceil((expiresAtMs - nowMs) / 1_000));
  }

  #kept(value: Uint8Array): Uint8Array {
    const bytes = Buffer.from(value);
    switch (this.#fault) {
      case 'mangles binary values':
        return Buffer.from(bytes.toString('utf8'), 'utf8');
      case 'ends values at a line end': {
        const end = bytes.indexOf('\r\n');
        return end === -1 ? bytes : bytes.subarray(0, end);
      }
      case 'cuts long values':
        return bytes.subarray(0, 65_535);
      default:
        return bytes;
    }
  }
}
