import { decodeKey, encodeKey, isBytes, isUint, isUint32 } from './fields.ts';
import { appendToRecord, encodeRecord, recordVersion, valueBytes } from './records.ts';
import type { OpResult } from './replies.ts';

/** Whether a `set` depends on the key being there. */
export type When = 'always' | 'absent' | 'present';

/** Keys are bytes, one per character, from 1 to `keyBytesCeiling` of them. */
interface KeyOp {
  readonly key: string;
}

interface PutOp extends KeyOp {
  readonly value: Uint8Array;
  readonly flags: number;
  /** From the entry's stamp on, in log time; 0: does not expire. */
  readonly ttlMs: number;
}

/** Gives the key a value; an earlier time to live or lease is gone. */
export interface SetOp extends PutOp {
  readonly op: 'set';
  readonly when: When;
}

/** As `set`, if the key has this version. */
export interface CasOp extends PutOp {
  readonly op: 'cas';
  readonly version: number;
}

export interface DeleteOp extends KeyOp {
  readonly op: 'delete';
}

/** Lengthens the value, keeping the rest of the record; to a key that is not there it acts as a plain `set`. */
export interface AppendOp extends KeyOp {
  readonly op: 'append';
  readonly value: Uint8Array;
}

export type Op = SetOp | CasOp | DeleteOp | AppendOp;

/** What all operations of a batch may go by, besides their keys' records. */
export interface OpContext {
  readonly stampMs: number;
  readonly valueBytesMax: number;
}

/** What an operation does: `record` is the key's new one, null to delete it, undefined to leave it. */
export interface Effect {
  readonly result: OpResult;
  readonly record?: Uint8Array | null;
}

interface OpSpec<O extends Op> {
  /** In the log for good: never given to another operation. */
  readonly code: number;
  encode(op: O): unknown[];
  /** Null unless the fields are what `encode` made. */
  decode(key: string, fields: readonly unknown[]): O | null;
  /**
   * `current` is the key's record, undefined if it is not there; `version` the one that the key gets if the operation
   * changes it.
   */
  run(op: O, current: Uint8Array | undefined, version: number, context: OpContext): Effect;
}

const whens: readonly When[] = ['always', 'absent', 'present'];

/** Everything there is to know of each operation. An encoded one is [code, key, ...fields]. */
const specs: { readonly [Name in Op['op']]: OpSpec<Extract<Op, { op: Name }>> } = {
  set: {
    code: 1,
    encode: ({ value, flags, ttlMs, when }) => [value, flags, ttlMs, whens.indexOf(when)],
    decode(key, [value, flags, ttlMs, code, ...rest]) {
      const when = typeof code === 'number' ? whens[code] : undefined;
      if (!isBytes(value) || !isUint32(flags) || !isUint(ttlMs) || when === undefined) return null;
      return rest.length === 0 ? { op: 'set', key, value, flags, ttlMs, when } : null;
    },
    run(op, current, version, context) {
      if (op.when === 'absent' && current !== undefined) return failed('exists', recordVersion(current));
      if (op.when === 'present' && current === undefined) return failed('not-found');
      return put(op, version, context);
    },
  },
  cas: {
    code: 2,
    encode: ({ value, flags, ttlMs, version }) => [value, flags, ttlMs, version],
    decode(key, [value, flags, ttlMs, version, ...rest]) {
      if (!isBytes(value) || !isUint32(flags) || !isUint(ttlMs) || !isUint(version)) return null;
      return rest.length === 0 ? { op: 'cas', key, value, flags, ttlMs, version } : null;
    },
    run(op, current, version, context) {
      if (current === undefined) return failed('not-found');
      const currentVersion = recordVersion(current);
      if (currentVersion !== op.version) return failed('version-mismatch', currentVersion);
      return put(op, version, context);
    },
  },
  delete: {
    code: 3,
    encode: () => [],
    decode: (key, fields) => (fields.length === 0 ? { op: 'delete', key } : null),
    run(_op, current, version) {
      if (current === undefined) return failed('not-found');
      return { result: { status: 'deleted', version }, record: null };
    },
  },
  append: {
    code: 4,
    encode: ({ value }) => [value],
    decode(key, [value, ...rest]) {
      return isBytes(value) && rest.length === 0 ? { op: 'append', key, value } : null;
    },
    run({ value }, current, version, context) {
      if (current === undefined) return put({ value, flags: 0, ttlMs: 0 }, version, context);
      if (valueBytes(current) + value.length > context.valueBytesMax) return failed('too-large');
      return { result: { status: 'ok', version }, record: appendToRecord(current, version, value) };
    },
  },
};

function put(op: Omit<PutOp, 'key'>, version: number, { stampMs, valueBytesMax }: OpContext): Effect {
  const { value, flags, ttlMs } = op;
  if (value.length > valueBytesMax) return failed('too-large');
  const expiresAtMs = ttlMs === 0 ? 0 : Math.min(stampMs + ttlMs, Number.MAX_SAFE_INTEGER);
  const record = encodeRecord({ version, flags, expiresAtMs, lease: 0, value });
  return { result: { status: 'ok', version }, record };
}

const failed = (status: OpResult['status'], version = 0): Effect => ({ result: { status, version } });

const specOf = (op: Op): OpSpec<Op> => specs[op.op];

const specsByCode = new Map<unknown, OpSpec<Op>>(
  Object.values(specs).map((spec) => [spec.code, spec as OpSpec<Op>]),
);

export function encodeOp(op: Op): unknown[] {
  const spec = specOf(op);
  return [spec.code, encodeKey(op.key), ...spec.encode(op)];
}

/** Null if the value is no encoded operation. */
export function decodeOp(encoded: unknown): Op | null {
  if (!Array.isArray(encoded)) return null;
  const [code, keyBytes, ...fields] = encoded as unknown[];
  const spec = specsByCode.get(code);
  const key = decodeKey(keyBytes);
  return spec === undefined || key === null ? null : spec.decode(key, fields);
}

/** What the operation would do to the key's record `current`. Changes nothing by itself. */
export const runOp: OpSpec<Op>['run'] = (op, current, version, context) =>
  specOf(op).run(op, current, version, context);
