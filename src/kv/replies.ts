import { Packr } from 'msgpackr/pack';

/** How one operation ended, with its number in storage and state hash: never given to another. */
const statusCodes = {
  ok: 0,
  deleted: 1,
  'not-found': 2,
  'version-mismatch': 3,
  exists: 4,
  'too-large': 5,
  'not-applied': 6,
} as const;

export type OpStatus = keyof typeof statusCodes;

/**
 * The result of one operation of a batch. `version` is, with `ok` and `deleted`, that of the change; with
 * `version-mismatch` and `exists`, the key's current one (0 if only an atomic batch that failed would have made it);
 * else 0. `not-applied` says that the operation could have been done, but another one of its atomic batch could not.
 */
export interface OpResult {
  readonly status: OpStatus;
  readonly version: number;
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

/** Results for the storage: status codes and versions in turn. */
export function encodeResults(results: readonly OpResult[]): Uint8Array {
  return packr.pack(results.flatMap(({ status, version }) => [statusCode(status), version]));
}

/** Null if the bytes are not what `encodeResults` wrote. */
export function decodeResults(bytes: Uint8Array): OpResult[] | null {
  let fields: unknown;
  try {
    fields = packr.unpack(bytes);
  } catch {
    return null;
  }
  if (!Array.isArray(fields) || fields.length % 2 !== 0) return null;
  const results: OpResult[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const status = statuses.get(fields[i]);
    const version: unknown = fields[i + 1];
    if (status === undefined || typeof version !== 'number') return null;
    results.push({ status, version });
  }
  return results;
}

/** Bytes that recorded results count as: about what they take on the heap, and the same on every server. */
export const resultsBytes = (results: readonly OpResult[]): number => 64 + 32 * results.length;
