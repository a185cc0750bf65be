/**
 * The operations of a batch, and their encoding. An encoded one is [code, key, ...fields]; fields that have their
 * usual value and stand last may be left out.
 */
import { decodeKey, encodeKey, isBytes, isTtl, isUint, isUint32, isUint64 } from './fields.ts';

/** Whether a `set` depends on the key being there. */
export type When = 'always' | 'absent' | 'present';

/** Keys are bytes, one per character, from 1 to `keyBytesCeiling` of them. */
interface Keyed {
  readonly key: string;
}

interface Put extends Keyed {
  readonly value: Uint8Array;
  readonly flags: number;
  /** From the entry's stamp on, in log time; 0: does not expire; `EXPIRED`: is gone behind this operation. */
  readonly ttlMs: number;
  /** The key goes when this lease ends; absent or 0: none. */
  readonly lease?: number;
}

/** Gives the key a value; an earlier time to live or lease is gone. */
export interface SetOp extends Put {
  readonly op: 'set';
  readonly when: When;
}

/** As `set`, if the key has this version. */
export interface CasOp extends Put {
  readonly op: 'cas';
  readonly version: number;
  /** A key of a later version gets the value, too, but keeps its expiry, and is marked as stale. Absent: false. */
  readonly orOlder?: boolean;
}

export interface DeleteOp extends Keyed {
  readonly op: 'delete';
  /** The version that the key must have; 0: whatever it has, and that it is not there fails no atomic batch. */
  readonly version: number;
}

/**
 * Lengthens the value behind or before, keeping the rest of the record. To a key that is not there `always` acts as a
 * plain `set`.
 */
export interface AppendOp<Name extends 'append' | 'prepend' = 'append' | 'prepend'> extends Keyed {
  readonly op: Name;
  readonly value: Uint8Array;
  readonly when: 'always' | 'present';
  /** The version that the key must have if it is there; absent or 0: whatever it has. */
  readonly version?: number;
}

/**
 * Adds to the decimal number that the value is, or subtracts from it: unsigned, of 64 bits. It wraps above and stops
 * at 0 below, as memcached has it. The rest of the record stays. The result carries the new value as text.
 */
export interface IncrementOp extends Keyed {
  readonly op: 'increment';
  /** From 0 to 2^64 − 1. */
  readonly by: bigint;
  readonly down: boolean;
  /** What a key that is not there gets, with `ttlMs`; null: nothing is done. */
  readonly initial: bigint | null;
  readonly ttlMs: number;
  /** The version that the key must have if it is there; absent or 0: whatever it has. */
  readonly version?: number;
  /** The time to live that a key that is there gets; absent or null: it keeps its own. */
  readonly newTtlMs?: number | null;
}

/**
 * Gives the key another time to live. That is no change of the key: it keeps its version, and watches do not see it.
 * The result carries the record's value and flags.
 */
export interface TouchOp extends Keyed {
  readonly op: 'touch';
  readonly ttlMs: number;
}

/**
 * Sets the key to the decimal text of the 32-bit FNV-1a hash of the old value, empty if there was none, followed by
 * the given one. The result carries the old value.
 */
export interface PutHashOp extends Keyed {
  readonly op: 'put-hash';
  readonly value: Uint8Array;
}

/** Changes nothing; fails unless the key has this version, or, with null, is not there. */
export interface CheckOp extends Keyed {
  readonly op: 'check';
  readonly version: number | null;
}

/**
 * What memcached's meta get may change besides reading: the key's time to live, and who is to make a stale, expiring
 * or missing value anew. No change of the key but for one that it makes. The result is `won` for the one who is to.
 */
export interface VisitOp extends Keyed {
  readonly op: 'visit';
  /** The time to live that a key that is there gets; null: it keeps its own. */
  readonly ttlMs: number | null;
  /** A key that is not there is made, empty, with this time to live; null: it is not. */
  readonly vivifyTtlMs: number | null;
  /**
   * The visitor wins if the key is stale or has less than this to live, and nobody has won it yet; null: not even then.
   */
  readonly recacheMs: number | null;
}

/** Marks the value as stale, under a new version: the first visitor is to make it anew. */
export interface InvalidateOp extends Keyed {
  readonly op: 'invalidate';
  /** The version that the key must have; 0: whatever it has. */
  readonly version: number;
  /** As of `visit`. */
  readonly ttlMs: number | null;
}

/** An operation on one key: what an atomic batch may hold. */
export type KeyOp =
  | SetOp
  | CasOp
  | DeleteOp
  | AppendOp<'append'>
  | AppendOp<'prepend'>
  | IncrementOp
  | TouchOp
  | PutHashOp
  | CheckOp
  | VisitOp
  | InvalidateOp;

/** Removes all keys at once. Watches see it as one change, under one version. */
export interface FlushOp {
  readonly op: 'flush';
  /** When it happens, from the entry's stamp on; absent or 0: now. Either way a flush that was to come is off. */
  readonly delayMs?: number;
}

/** Makes a lease, whose keys go when it ends: `ttlMs` of log time after it was granted or last kept alive. */
export interface LeaseGrantOp {
  readonly op: 'lease-grant';
  /** At least 1. */
  readonly ttlMs: number;
}

/** Begins the time of a lease anew, or ends it now. */
export interface LeaseOp<Name extends 'lease-keep-alive' | 'lease-revoke'> {
  readonly op: Name;
  readonly lease: number;
}

/** An operation on the whole state, or on a lease. */
export type StateOp = FlushOp | LeaseGrantOp | LeaseOp<'lease-keep-alive'> | LeaseOp<'lease-revoke'>;

export type Op = KeyOp | StateOp;

export const isKeyOp = (op: Op): op is KeyOp => 'key' in op;

interface OpCodec<O> {
  /** In the log for good: never given to another operation. */
  readonly code: number;
  encode(op: O): unknown[];
  /** Null unless the fields are what `encode` made. `key` is empty for an operation without one. */
  decode(key: string, fields: readonly unknown[]): O | null;
}

const whens: readonly When[] = ['always', 'absent', 'present'];
const MODE = { always: 0, present: 1 } as const;

const codecs: { readonly [Name in Op['op']]: OpCodec<Extract<Op, { op: Name }>> } = {
  set: {
    code: 1,
    encode: (op) => [op.value, op.flags, op.ttlMs, whens.indexOf(op.when), ...leaseField(op)],
    decode(key, [value, flags, ttlMs, code, lease = 0, ...rest]) {
      const when = typeof code === 'number' ? whens[code] : undefined;
      if (!isBytes(value) || !isUint32(flags) || !isTtl(ttlMs) || when === undefined) return null;
      if (!isUint(lease) || rest.length > 0) return null;
      const op = { op: 'set', key, value, flags, ttlMs, when } as const;
      return lease === 0 ? op : { ...op, lease };
    },
  },
  cas: {
    code: 2,
    encode(op) {
      const fields = [op.value, op.flags, op.ttlMs, op.version, ...leaseField(op)];
      return op.orOlder === true ? [...fields.slice(0, 4), op.lease ?? 0, true] : fields;
    },
    decode(key, [value, flags, ttlMs, version, lease = 0, orOlder = false, ...rest]) {
      if (!isBytes(value) || !isUint32(flags) || !isTtl(ttlMs) || !isUint(version)) return null;
      if (!isUint(lease) || typeof orOlder !== 'boolean' || rest.length > 0) return null;
      const op = { op: 'cas', key, value, flags, ttlMs, version } as const;
      return { ...op, ...(lease === 0 ? {} : { lease }), ...(orOlder ? { orOlder } : {}) };
    },
  },
  delete: {
    code: 3,
    encode: ({ version }) => (version === 0 ? [] : [version]),
    decode: (key, [version = 0, ...rest]) =>
      isUint(version) && rest.length === 0 ? { op: 'delete', key, version } : null,
  },
  append: appendCodec('append', 4),
  prepend: appendCodec('prepend', 5),
  increment: {
    code: 6,
    encode: ({ by, down, initial, ttlMs, version = 0, newTtlMs = null }) =>
      version === 0 && newTtlMs === null
        ? [by, down, initial, ttlMs]
        : [by, down, initial, ttlMs, version, newTtlMs],
    decode(key, [by, down, initial, ttlMs, version = 0, newTtlMs = null, ...rest]) {
      if (!isUint64(by) || typeof down !== 'boolean' || (initial !== null && !isUint64(initial))) return null;
      if (!isTtl(ttlMs) || !isUint(version) || !isTtlOrNull(newTtlMs) || rest.length > 0) return null;
      const op = { op: 'increment', key, by, down, initial, ttlMs } as const;
      return version === 0 && newTtlMs === null ? op : { ...op, version, newTtlMs };
    },
  },
  touch: {
    code: 7,
    encode: ({ ttlMs }) => [ttlMs],
    decode: (key, [ttlMs, ...rest]) =>
      isTtl(ttlMs) && rest.length === 0 ? { op: 'touch', key, ttlMs } : null,
  },
  'put-hash': {
    code: 8,
    encode: ({ value }) => [value],
    decode: (key, [value, ...rest]) =>
      isBytes(value) && rest.length === 0 ? { op: 'put-hash', key, value } : null,
  },
  check: {
    code: 9,
    encode: ({ version }) => [version],
    decode(key, [version, ...rest]) {
      if (version !== null && !isUint(version)) return null;
      return rest.length === 0 ? { op: 'check', key, version } : null;
    },
  },
  flush: {
    code: 10,
    encode: ({ delayMs = 0 }) => (delayMs === 0 ? [] : [delayMs]),
    decode(_key, [delayMs, ...rest]) {
      if (delayMs === undefined) return { op: 'flush' };
      return isUint(delayMs) && delayMs > 0 && rest.length === 0 ? { op: 'flush', delayMs } : null;
    },
  },
  visit: {
    code: 20,
    encode: ({ ttlMs, vivifyTtlMs, recacheMs }) => [ttlMs, vivifyTtlMs, recacheMs],
    decode(key, [ttlMs, vivifyTtlMs, recacheMs, ...rest]) {
      if (!isTtlOrNull(ttlMs) || !isTtlOrNull(vivifyTtlMs) || rest.length > 0) return null;
      if (recacheMs !== null && !isUint(recacheMs)) return null;
      return { op: 'visit', key, ttlMs, vivifyTtlMs, recacheMs };
    },
  },
  invalidate: {
    code: 21,
    encode: ({ version, ttlMs }) => [version, ttlMs],
    decode(key, [version, ttlMs, ...rest]) {
      if (!isUint(version) || !isTtlOrNull(ttlMs) || rest.length > 0) return null;
      return { op: 'invalidate', key, version, ttlMs };
    },
  },
  'lease-grant': {
    code: 11,
    encode: ({ ttlMs }) => [ttlMs],
    decode: (_key, [ttlMs, ...rest]) =>
      isUint(ttlMs) && ttlMs > 0 && rest.length === 0 ? { op: 'lease-grant', ttlMs } : null,
  },
  'lease-keep-alive': leaseCodec('lease-keep-alive', 12),
  'lease-revoke': leaseCodec('lease-revoke', 13),
};

function appendCodec<Name extends AppendOp['op']>(name: Name, code: number): OpCodec<AppendOp<Name>> {
  return {
    code,
    encode({ value, when, version = 0 }) {
      if (version !== 0) return [value, MODE[when], version];
      return when === 'always' ? [value] : [value, MODE.present];
    },
    decode(key, [value, mode = MODE.always, version = 0, ...rest]) {
      if (!isBytes(value) || (mode !== MODE.always && mode !== MODE.present)) return null;
      if (!isUint(version) || rest.length > 0) return null;
      const op = { op: name, key, value, when: mode === MODE.always ? 'always' : 'present' } as const;
      return version === 0 ? op : { ...op, version };
    },
  };
}

function leaseCodec<Name extends 'lease-keep-alive' | 'lease-revoke'>(
  name: Name,
  code: number,
): OpCodec<LeaseOp<Name>> {
  return {
    code,
    encode: ({ lease }) => [lease],
    decode: (_key, [lease, ...rest]) => (isUint(lease) && rest.length === 0 ? { op: name, lease } : null),
  };
}

const isTtlOrNull = (field: unknown): field is number | null => field === null || isTtl(field);

const leaseField = ({ lease = 0 }: Put): number[] => (lease === 0 ? [] : [lease]);

const codecsByCode = new Map<unknown, readonly [Op['op'], OpCodec<Op>]>(
  Object.entries(codecs).map(([name, codec]) => [codec.code, [name as Op['op'], codec as OpCodec<Op>]]),
);

/** Operations that have no key; it is encoded as null. */
const keyless: ReadonlySet<Op['op']> = new Set<StateOp['op']>([
  'flush',
  'lease-grant',
  'lease-keep-alive',
  'lease-revoke',
]);

export function encodeOp(op: Op): unknown[] {
  const codec: OpCodec<Op> = codecs[op.op];
  return [codec.code, isKeyOp(op) ? encodeKey(op.key) : null, ...codec.encode(op)];
}

/** Null if the value is no encoded operation. */
export function decodeOp(encoded: unknown): Op | null {
  if (!Array.isArray(encoded)) return null;
  const [code, keyField, ...fields] = encoded as unknown[];
  const found = codecsByCode.get(code);
  if (found === undefined) return null;
  const [name, codec] = found;
  if (keyless.has(name)) return keyField === null ? codec.decode('', fields) : null;
  const key = decodeKey(keyField);
  return key === null ? null : codec.decode(key, fields);
}
