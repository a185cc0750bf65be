/**
 * What a server answers. A reply is an array of 0 or 1, the id of its request, and the fields of the request's type,
 * or of an error. Bytes of a decoded reply alias its frame.
 */
import type { Outcome } from '../base/errors.ts';
import { Fields } from '../base/fields.ts';
import { packFrame } from '../base/frame.ts';
import { unpack } from '../base/msgpack.ts';
import { protocolError } from '../base/protocol-error.ts';
import { encodeKey } from '../kv/fields.ts';
import { parseResult, resultFields, type OpResult } from '../kv/replies.ts';
import { parseServers, serverFields, type RpcServerAddress } from './rpc-handshake.ts';
import { rpcLimits } from './rpc-limits.ts';

export type { OpResult } from '../kv/replies.ts';

const OK = 0;
const ERROR = 1;

/** What the replicated state said of a batch; only `executed` comes with results. The place is the number sent. */
export const batchVerdicts = ['executed', 'session-expired', 'stale', 'window-full'] as const;
export type BatchVerdict = (typeof batchVerdicts)[number];

export interface RpcError {
  readonly code: string;
  readonly message: string;
  readonly outcome: Outcome;
  readonly retryable: boolean;
  /** Who leads, where the server knows somebody better to ask. */
  readonly leaderId: number | null;
}

export interface RpcRecord {
  readonly version: number;
  /** What is left, at least 1; 0: does not expire. */
  readonly ttlMs: number;
  readonly flags: number;
  readonly value: Uint8Array;
}

/** Keys are bytes, one per character. */
export interface RpcRangeEntry extends RpcRecord {
  readonly key: string;
}

export interface RpcRangePage {
  /** What to ask for the next page with; 0 if this is the last one. */
  readonly range: number;
  /** Of the store, in the state that the range shows. */
  readonly version: number;
  readonly entries: readonly RpcRangeEntry[];
}

const eventTypes = ['put', 'delete', 'expire', 'flush'] as const;

export interface RpcEvent {
  readonly version: number;
  readonly type: (typeof eventTypes)[number];
  /** Empty for `flush`, by which all keys are gone. */
  readonly key: string;
  /** The key's new record, with `put`. */
  readonly record: RpcRecord | null;
}

export interface RpcWatchPage {
  /** Where to go on. */
  readonly next: number;
  readonly events: readonly RpcEvent[];
}

export interface RpcStatus {
  readonly clusterId: string;
  readonly serverId: number;
  readonly leaderId: number | null;
  readonly term: number;
  readonly commitIndex: number;
  readonly lastApplied: number;
  readonly version: number;
  readonly keys: number;
  readonly stateHash: string;
  readonly servers: readonly RpcServerAddress[];
}

const ok = (id: number, ...fields: unknown[]): Buffer => packFrame([OK, id, ...fields]);

const recordFields = ({ version, ttlMs, flags, value }: RpcRecord): unknown[] => [
  version,
  ttlMs,
  flags,
  value,
];

/** The reply to a request, by its type. */
export const encodeReply = {
  register: (id: number, session: number, ttlMs: number): Buffer => ok(id, session, ttlMs),
  keepAlive: (id: number, alive: boolean): Buffer => ok(id, alive),
  batch: (id: number, verdict: BatchVerdict, results: readonly OpResult[]): Buffer =>
    ok(id, batchVerdicts.indexOf(verdict), results.map(resultFields)),
  get: (id: number, records: readonly (RpcRecord | null)[]): Buffer =>
    ok(
      id,
      records.map((record) => (record === null ? null : recordFields(record))),
    ),
  range: (id: number, { range, version, entries }: RpcRangePage): Buffer =>
    ok(
      id,
      range,
      version,
      entries.map((entry) => [encodeKey(entry.key), ...recordFields(entry)]),
    ),
  watch: (id: number, { next, events }: RpcWatchPage): Buffer => ok(id, next, events.map(eventFields)),
  status: (id: number, status: RpcStatus): Buffer =>
    ok(
      id,
      status.clusterId,
      status.serverId,
      status.leaderId,
      status.term,
      status.commitIndex,
      status.lastApplied,
      status.version,
      status.keys,
      status.stateHash,
      serverFields(status.servers),
    ),
  ping: (id: number, leaderId: number | null): Buffer => ok(id, leaderId),
  done: (id: number): Buffer => ok(id),
  error: (id: number, { code, message, outcome, retryable, leaderId }: RpcError): Buffer => {
    const text = message.slice(0, rpcLimits.messageCharsMax);
    return packFrame([ERROR, id, code, text, outcome === 'unknown', retryable, leaderId]);
  },
};

function eventFields({ version, type, key, record }: RpcEvent): unknown[] {
  const head = [version, eventTypes.indexOf(type), encodeKey(key)];
  return record === null ? head : [...head, ...recordFields(record)];
}

export type DecodedReply =
  | { readonly id: number; readonly fields: Fields; readonly error: null }
  | { readonly id: number; readonly fields: null; readonly error: RpcError };

/** Throws `PROTOCOL`. What the fields are says the request: see `parseReply`. */
export function decodeReply(payload: Buffer): DecodedReply {
  const fields = new Fields(unpack(payload), 'reply');
  const kind = fields.uint();
  const id = fields.uint();
  if (kind === OK) return { id, fields, error: null };
  if (kind !== ERROR) throw protocolError(`there is no reply of kind ${kind}`);
  const error = {
    code: fields.text(64),
    message: fields.text(rpcLimits.messageCharsMax),
    outcome: fields.bool() ? 'unknown' : 'not-applied',
    retryable: fields.bool(),
    leaderId: fields.optional(() => fields.uint()),
  } as const;
  fields.end();
  return { id, fields: null, error };
}

/** The fields of a reply, by the type of its request. All throw `PROTOCOL`. */
export const parseReply = {
  register: (fields: Fields): { readonly session: number; readonly ttlMs: number } =>
    whole(fields, () => ({ session: fields.uint(), ttlMs: fields.uint() })),
  keepAlive: (fields: Fields): boolean => whole(fields, () => fields.bool()),
  batch: (fields: Fields): { readonly verdict: BatchVerdict; readonly results: readonly OpResult[] } =>
    whole(fields, () => ({
      verdict: fields.choice(batchVerdicts),
      results: fields.list().map((encoded) => {
        const result = parseResult(encoded);
        if (result === null) throw protocolError('a result that is none');
        return result;
      }),
    })),
  get: (fields: Fields): (RpcRecord | null)[] =>
    whole(fields, () =>
      fields.list().map((row) => {
        if (row === null) return null;
        const record = new Fields(row, 'record');
        return whole(record, () => parseRecord(record));
      }),
    ),
  range: (fields: Fields): RpcRangePage =>
    whole(fields, () => ({
      range: fields.uint(),
      version: fields.uint(),
      entries: fields.list().map((row) => {
        const entry = new Fields(row, 'entry');
        return whole(entry, () => ({ key: keyOf(entry), ...parseRecord(entry) }));
      }),
    })),
  watch: (fields: Fields): RpcWatchPage =>
    whole(fields, () => ({ next: fields.uint(), events: fields.list().map(parseEvent) })),
  status: (fields: Fields): RpcStatus =>
    whole(fields, () => ({
      clusterId: fields.hex(0, 32),
      serverId: fields.uint(),
      leaderId: fields.optional(() => fields.uint()),
      term: fields.uint(),
      commitIndex: fields.uint(),
      lastApplied: fields.uint(),
      version: fields.uint(),
      keys: fields.uint(),
      stateHash: fields.text(64),
      servers: parseServers(fields.list()),
    })),
  ping: (fields: Fields): number | null => whole(fields, () => fields.optional(() => fields.uint())),
  done: (fields: Fields): void => fields.end(),
};

function whole<T>(fields: Fields, parse: () => T): T {
  const value = parse();
  fields.end();
  return value;
}

const keyOf = (fields: Fields): string => Buffer.from(fields.bytes()).toString('latin1');

const parseRecord = (fields: Fields): RpcRecord => ({
  version: fields.uint(),
  ttlMs: fields.uint(),
  flags: fields.uint(),
  value: fields.bytes(),
});

function parseEvent(row: unknown): RpcEvent {
  const fields = new Fields(row, 'event');
  const version = fields.uint();
  const type = fields.choice(eventTypes);
  const key = keyOf(fields);
  const record = type === 'put' ? parseRecord(fields) : null;
  fields.end();
  return { version, type, key, record };
}
