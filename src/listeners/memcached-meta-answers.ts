import { remainingSeconds } from '../kv/expiry.ts';
import { mark } from '../kv/records.ts';
import type { MetaRequest, MetaSetRequest } from '../wire/memcached-requests.ts';
import type { MemcachedReplies } from '../wire/memcached-replies.ts';
import type { KvService, ReadRecord, WriteResult } from './kv-service.ts';
import { metaCodeOf } from './memcached-answers.ts';
import type { MemcachedStats } from './memcached-stats.ts';

/** What a meta command answers with, as far as it is known. */
interface MetaFacts {
  /** The key as it stands. */
  readonly record?: ReadRecord;
  readonly version?: number;
  /** When it expires, where the record is not known. */
  readonly expiresAtMs?: number;
  /** Log time that what is left to live is counted from. */
  readonly stampMs?: number;
}

/** Answers the meta commands. */
export class MemcachedMetaAnswers {
  readonly #service: KvService;
  readonly #replies: MemcachedReplies;
  readonly #stats: MemcachedStats;

  constructor(service: KvService, replies: MemcachedReplies, stats: MemcachedStats) {
    this.#service = service;
    this.#replies = replies;
    this.#stats = stats;
  }

  /** `me`, where the key can be read. */
  debug(request: MetaRequest, stampMs: number): void {
    this.#stats.count('cmd_meta');
    const record = this.#service.get(request.key);
    this.#replies.line(record === undefined ? 'EN' : debugLine(request, record, stampMs));
  }

  /** `mg`, where the key can be read. */
  read(request: MetaRequest, stampMs: number): void {
    this.#get(request, this.#service.get(request.key), false, stampMs);
  }

  /** `mg` by its operation. Returns whether the value is still the one that this found. */
  visited(request: MetaRequest, result: WriteResult, stampMs: number): boolean {
    const { status, version, expiresAtMs = 0, marks = 0 } = result;
    const record = status === 'not-found' ? undefined : this.#service.get(request.key);
    if (status !== 'not-found' && record?.version !== version) return false;
    // Later operations may have changed the rest.
    const found = record === undefined ? undefined : { ...record, expiresAtMs, marks };
    this.#get(request, found, status === 'won', stampMs);
    return true;
  }

  /** `ms` and `md`. */
  done(request: MetaRequest | MetaSetRequest, { status, version }: WriteResult): void {
    const { flags } = request;
    const isDone = status === 'ok' || status === 'deleted';
    if (isDone && flags.quiet) return;
    const isCas = flags.version !== null && (flags.mode === '' || flags.mode === 'S' || flags.mode === 'R');
    const code = metaCodeOf(request.kind, isCas, status);
    if (code.length > 2) this.#replies.line(code);
    else this.#replies.meta(code, metaFlagsOf(request, { version: isDone ? version : 0 }), null);
  }

  /** `ma` */
  counted(request: MetaRequest, result: WriteResult, stampMs: number): void {
    const { status, version, value, expiresAtMs } = result;
    const { flags } = request;
    const code = metaCodeOf('ma', flags.version !== null, status);
    if (code.length > 2) return this.#replies.line(code);
    if (status !== 'ok') return this.#replies.meta(code, metaFlagsOf(request, {}), null);
    if (flags.quiet) return undefined;
    const number = flags.value ? (value ?? null) : null;
    const facts = expiresAtMs === undefined ? { version } : { version, expiresAtMs, stampMs };
    return this.#replies.meta(number === null ? 'HD' : 'VA', metaFlagsOf(request, facts), number);
  }

  /** `wins`: this answer tells so. */
  #get(request: MetaRequest, record: ReadRecord | undefined, wins: boolean, stampMs: number): void {
    this.#stats.count('cmd_get');
    this.#stats.count(record === undefined ? 'get_misses' : 'get_hits');
    const { quiet, value } = request.flags;
    if (record === undefined) {
      if (!quiet) this.#replies.meta('EN', metaFlagsOf(request, {}), null);
      return;
    }
    const flags = metaFlagsOf(request, { record, stampMs }) + marksOf(record, wins);
    this.#replies.meta(value ? 'VA' : 'HD', flags, value ? record.value : null);
  }
}

/** The flags of an answer, each behind a blank: those that were asked for, in their order, as far as they apply. */
function metaFlagsOf(request: MetaRequest | MetaSetRequest, facts: MetaFacts): string {
  let text = '';
  for (const flag of request.flags.returns) {
    const answer = flag.startsWith('O') ? flag : flagOf(flag, request, facts);
    if (answer !== '') text += ` ${answer}`;
  }
  return text;
}

function flagOf(flag: string, request: MetaRequest | MetaSetRequest, facts: MetaFacts): string {
  const { record, version, stampMs = 0 } = facts;
  const expiresAtMs = record?.expiresAtMs ?? facts.expiresAtMs;
  switch (flag) {
    case 'k':
      return `k${keyOf(request)}`;
    case 'c': {
      const unique = record?.version ?? version;
      return unique === undefined ? '' : `c${unique}`;
    }
    case 't':
      return expiresAtMs === undefined ? '' : `t${secondsLeft(expiresAtMs, stampMs)}`;
    case 's':
      return record === undefined ? '' : `s${record.value.length}`;
    case 'f':
      return record === undefined ? '' : `f${record.flags}`;
    default:
      return '';
  }
}

/** Stale, won by another, won by this one: what a meta get answers without being asked. */
function marksOf({ marks = 0 }: ReadRecord, wins: boolean): string {
  let text = '';
  if ((marks & mark.won) !== 0 && !wins) text += ' Z';
  if ((marks & mark.stale) !== 0) text += ' X';
  return wins ? `${text} W` : text;
}

/** As it was asked for. */
function keyOf({ key, flags }: MetaRequest | MetaSetRequest): string {
  return flags.base64 ? `${Buffer.from(key, 'latin1').toString('base64')} b` : key;
}

/** −1 for a key that does not expire, 0 for one that a command has just made expire. */
function secondsLeft(expiresAtMs: number, stampMs: number): number {
  if (expiresAtMs === 0) return -1;
  return expiresAtMs <= stampMs ? 0 : remainingSeconds(expiresAtMs, stampMs);
}

/** The answer to `me`. Times of access are not kept: no read changes anything. */
function debugLine(request: MetaRequest, record: ReadRecord, stampMs: number): string {
  const key = request.flags.base64 ? Buffer.from(request.key, 'latin1').toString('base64') : request.key;
  const { version, value, expiresAtMs } = record;
  return `ME ${key} exp=${secondsLeft(expiresAtMs, stampMs)} cas=${version} size=${key.length + value.length}`;
}
