import { Packr } from 'msgpackr/pack';
import { isBytes, isUint, isUint32 } from './fields.ts';

/** How one operation ended, with its number in storage and state hash: never given to another. */
const statusCodes = {
  ok: 0,
  deleted: 1,
  'not-found': 2,
  'version-mismatch': 3,
  exists: 4,
  'too-large': 5,
  'not-applied': 6,
  'not-a-number': 7,
  'lease-not-found': 8,
  'reply-too-large': 9,
  fenced: 10,
  'too-many-leases': 11,
  won: 20,
} as const;

export type OpStatus = keyof typeof statusCodes;

/**
 * The result of one operation of a batch. `version` is, with `deleted`, that of the change; with `ok` the one that the
 * key has now (of a flush, that of the change); with `version-mismatch` and `exists`, the key's current one (0 if only
 * an atomic batch that failed would have made it); else 0.
 *
 * `not-applied` says that the operation could have been done, but another one of its atomic batch could not;
 * `reply-too-large` that the values that its batch answers would take too many bytes: it can be done in another batch.
 * `won`, of a visit: it is `ok`, and the visitor is the one who is to make the value anew.
 * `fenced`: the lock that the batch goes by is not held under its token any more, and nothing of the batch was done.
 */
export interface OpResult {
  readonly status: OpStatus;
  readonly version: number;
  /** With `ok`, of an increment the new value, of a touch the value, of a put-hash the old one. Not to be written to. */
  readonly value?: Uint8Array;
  /** Where `value` is: of the record. */
  readonly flags?: number;
  /** With `ok`, of a grant: the lease's id. */
  readonly lease?: number;
  /** Of a visit and an increment that was done: when the key expires, as of a record. */
  readonly expiresAtMs?: number;
  /** Of a visit that was done: of the record, absent for none. */
  readonly marks?: number;
}

/** What a command answers. */
export type Reply =
  /** The batch was executed, now or when its number was seen first: a result for each operation. */
  | { readonly status: 'ok'; readonly results: readonly OpResult[] }
  | { readonly status: 'registered'; readonly session: number }
  | { readonly status: 'kept-alive' }
  | { readonly status: 'ended' }
  /** What an expire command dropped. */
  | { readonly status: 'expired'; readonly keys: number; readonly sessions: number }
  /** There is no such session (any more): nothing was done. */
  | { readonly status: 'session-expired' }
  /** The client said that it has an answer to this number: it was decided before, and is not executed again. */
  | { readonly status: 'stale' }
  /**
   * The session holds too many replies that the client has not confirmed: nothing was done. The number stays
   * undecided until the client either sends it again or raises its lowest number above it: another copy of the
   * same request may still be under way.
   */
  | { readonly status: 'window-full' }
  | { readonly status: 'too-many-sessions' }
  /** The bytes are no command: nothing was done. */
  | { readonly status: 'malformed' };

const statuses = new Map<unknown, OpStatus>(
  Object.entries(statusCodes).map(([status, code]) => [code, status as OpStatus]),
);

export const statusCode = (status: OpStatus): number => statusCodes[status];

const packr = new Packr({ useRecords: false });

/** A result as an array: status code and version, and behind them what there is more, each in its place. */
export function resultFields(result: OpResult): unknown[] {
  const { status, version, value, flags = 0, lease, expiresAtMs, marks = 0 } = result;
  const code = statusCode(status);
  if (expiresAtMs !== undefined) return [code, version, value ?? null, flags, null, expiresAtMs, marks];
  if (value !== undefined) return [code, version, value, flags];
  return lease === undefined ? [code, version] : [code, version, null, 0, lease];
}

/** Null if the fields are not what `resultFields` made. */
export function parseResult(fields: unknown): OpResult | null {
  if (!Array.isArray(fields)) return null;
  const [code, version, value, flags, lease, ...more] = fields as unknown[];
  const status = statuses.get(code);
  if (status === undefined || !isUint(version)) return null;
  if (more.length > 0) return parseVisited({ status, version }, value, flags, lease, more);
  if (value === undefined) return { status, version };
  if (value === null) return isUint(lease) ? { status, version, lease } : null;
  return isBytes(value) && isUint32(flags) && lease === undefined ? { status, version, value, flags } : null;
}

function parseVisited(
  result: OpResult,
  value: unknown,
  flags: unknown,
  lease: unknown,
  [expiresAtMs, marks, ...rest]: readonly unknown[],
): OpResult | null {
  if (!isUint32(flags) || lease !== null || !isUint(expiresAtMs) || !isUint(marks) || rest.length > 0)
    return null;
  const visited = marks === 0 ? { ...result, expiresAtMs } : { ...result, expiresAtMs, marks };
  if (value === null) return visited;
  return isBytes(value) ? { ...visited, value, flags } : null;
}

/** Results for the storage. */
export const encodeResults = (results: readonly OpResult[]): Uint8Array =>
  packr.pack(results.map(resultFields));

/** Null if the bytes are not what `encodeResults` wrote. */
export function decodeResults(bytes: Uint8Array): OpResult[] | null {
  let encoded: unknown;
  try {
    encoded = packr.unpack(bytes);
  } catch {
    return null;
  }
  if (!Array.isArray(encoded)) return null;
  const results: OpResult[] = [];
  for (const fields of encoded) {
    const result = parseResult(fields);
    if (result === null) return null;
    results.push(result);
  }
  return results;
}

const RESULT_BYTES = 32;

/** Bytes that recorded results count as: about what they take on the heap, and the same on every server. */
export function resultsBytes(results: readonly OpResult[]): number {
  let bytes = 64;
  for (const { value } of results) bytes += RESULT_BYTES + (value?.length ?? 0);
  return bytes;
}
