/** What each operation on a key does. Nothing here changes anything by itself. */
import { fnv1a } from '../base/fnv1a.ts';
import { EXPIRED } from './fields.ts';
import type { Leases } from './leases.ts';
import type {
  AppendOp,
  CasOp,
  CheckOp,
  DeleteOp,
  IncrementOp,
  InvalidateOp,
  KeyOp,
  SetOp,
  TouchOp,
  VisitOp,
} from './ops.ts';
import {
  appendToRecord,
  decodeRecord,
  encodeRecord,
  mark,
  recordExpiresAtMs,
  recordFlags,
  recordMarks,
  recordValue,
  recordVersion,
  valueBytes,
  withExpiry,
  withMarks,
  withValue,
} from './records.ts';
import type { RecordAllocator } from './record-room.ts';
import type { OpResult, OpStatus } from './replies.ts';

/** What all operations of a batch may go by, besides their keys' records. */
export interface OpContext {
  readonly stampMs: number;
  readonly valueBytesMax: number;
  readonly leases: Pick<Leases, 'isAlive'>;
  /** For the record of a `put`. */
  readonly allocate: RecordAllocator;
}

/** What an operation that can be done does, and what it answers. */
export type Effect =
  /** The key gets this record, made for the next version. */
  | { readonly kind: 'put'; readonly record: Uint8Array; readonly result: OpResult }
  /** The key's record becomes this one, under the version that it has. */
  | { readonly kind: 'touch'; readonly record: Uint8Array; readonly result: OpResult }
  | { readonly kind: 'delete'; readonly result: OpResult }
  /** Nothing is to be done. */
  | { readonly kind: 'none'; readonly result: OpResult }
  /** It cannot be done. */
  | { readonly kind: 'failed'; readonly result: OpResult };

/**
 * What the operation would do. `current` is the key's record, undefined if it is not there; `version` the one that
 * the key gets if the operation changes it.
 */
export function runOp(
  op: KeyOp,
  current: Uint8Array | undefined,
  version: number,
  context: OpContext,
): Effect {
  switch (op.op) {
    case 'set':
      return runSet(op, current, version, context);
    case 'cas':
      return runCas(op, current, version, context);
    case 'delete':
      return runDelete(op, current, version);
    case 'append':
    case 'prepend':
      return runAppend(op, current, version, context);
    case 'increment':
      return runIncrement(op, current, version, context);
    case 'touch':
      return runTouch(op, current, context);
    case 'put-hash': {
      const old = current === undefined ? NOTHING : recordValue(current);
      const value = Buffer.from(fnv1a(old, op.value).toString(), 'latin1');
      return put({ value, flags: 0, ttlMs: 0 }, version, context, { value: old, flags: 0 });
    }
    case 'check':
      return runCheck(op, current);
    case 'visit':
      return runVisit(op, current, version, context);
    case 'invalidate':
      return runInvalidate(op, current, version, context);
  }
}

const NOTHING = new Uint8Array(0);

function runSet(op: SetOp, current: Uint8Array | undefined, version: number, context: OpContext): Effect {
  if (op.when === 'absent' && current !== undefined) return failed('exists', recordVersion(current));
  if (op.when === 'present' && current === undefined) return failed('not-found');
  return put(op, version, context);
}

function runCas(op: CasOp, current: Uint8Array | undefined, version: number, context: OpContext): Effect {
  if (current === undefined) return failed('not-found');
  const currentVersion = recordVersion(current);
  if (currentVersion === op.version) return put(op, version, context);
  if (op.orOlder !== true || op.version > currentVersion) return failed('version-mismatch', currentVersion);
  const effect = put(op, version, context);
  if (effect.kind !== 'put') return effect;
  const marks = recordMarks(current) | mark.stale;
  return { ...effect, record: withMarks(effect.record, version, recordExpiresAtMs(current), marks) };
}

function runDelete(op: DeleteOp, current: Uint8Array | undefined, version: number): Effect {
  // What is to be gone, and is: no reason to fail an atomic batch.
  if (current === undefined) {
    return op.version === 0
      ? { kind: 'none', result: { status: 'not-found', version: 0 } }
      : failed('not-found');
  }
  const currentVersion = recordVersion(current);
  if (op.version !== 0 && op.version !== currentVersion) return failed('version-mismatch', currentVersion);
  return { kind: 'delete', result: { status: 'deleted', version } };
}

function runAppend(
  op: AppendOp,
  current: Uint8Array | undefined,
  version: number,
  context: OpContext,
): Effect {
  const { value, when } = op;
  if (current === undefined) {
    return when === 'present' ? failed('not-found') : put({ value, flags: 0, ttlMs: 0 }, version, context);
  }
  const currentVersion = recordVersion(current);
  if (!fits(op.version, currentVersion)) return failed('version-mismatch', currentVersion);
  if (valueBytes(current) + value.length > context.valueBytesMax) return failed('too-large');
  const record =
    op.op === 'append'
      ? appendToRecord(current, version, value)
      : withValue(current, version, Buffer.concat([value, recordValue(current)]));
  return { kind: 'put', record, result: { status: 'ok', version } };
}

/** Digits, and behind them blanks: memcached itself leaves some when a number gets shorter. */
const NUMBER = /^([0-9]{1,20}) *$/;
const NUMBER_BYTES_MAX = 64;
const UINT64_MAX = 2n ** 64n - 1n;

function runIncrement(
  op: IncrementOp,
  current: Uint8Array | undefined,
  version: number,
  context: OpContext,
): Effect {
  if (current === undefined) {
    if (op.initial === null) return failed('not-found');
    const value = textOf(op.initial);
    const expiresAtMs = expiryOf(op.ttlMs, context);
    return put({ value, flags: 0, ttlMs: op.ttlMs }, version, context, { value, flags: 0, expiresAtMs });
  }
  if (valueBytes(current) === 0) return failed('not-a-number');
  const currentVersion = recordVersion(current);
  if (!fits(op.version, currentVersion)) return failed('version-mismatch', currentVersion);
  const before = parseNumber(recordValue(current));
  if (before === null) return failed('not-a-number');
  const value = textOf(op.down ? stopAtZero(before - op.by) : BigInt.asUintN(64, before + op.by));
  const ttlMs = op.newTtlMs ?? null;
  const expiresAtMs = ttlMs === null ? recordExpiresAtMs(current) : expiryOf(ttlMs, context);
  const record = withExpiry(withValue(current, version, value), expiresAtMs);
  const flags = recordFlags(current);
  return { kind: 'put', record, result: { status: 'ok', version, value, flags, expiresAtMs } };
}

function parseNumber(value: Uint8Array): bigint | null {
  if (value.length > NUMBER_BYTES_MAX) return null;
  const digits = NUMBER.exec(Buffer.from(value).toString('latin1'))?.[1];
  const number = digits === undefined ? null : BigInt(digits);
  return number === null || number > UINT64_MAX ? null : number;
}

const textOf = (number: bigint): Uint8Array => Buffer.from(number.toString(), 'latin1');

const stopAtZero = (number: bigint): bigint => (number < 0n ? 0n : number);

function runTouch(op: TouchOp, current: Uint8Array | undefined, context: OpContext): Effect {
  if (current === undefined) return failed('not-found');
  const { version, value, flags } = decodeRecord(current);
  const record = withExpiry(current, expiryOf(op.ttlMs, context));
  return { kind: 'touch', record, result: { status: 'ok', version, value, flags } };
}

function runCheck({ version }: CheckOp, current: Uint8Array | undefined): Effect {
  if (current === undefined) {
    return version === null ? { kind: 'none', result: { status: 'ok', version: 0 } } : failed('not-found');
  }
  const currentVersion = recordVersion(current);
  if (version === null) return failed('exists', currentVersion);
  if (version !== currentVersion) return failed('version-mismatch', currentVersion);
  return { kind: 'none', result: { status: 'ok', version } };
}

function runVisit(op: VisitOp, current: Uint8Array | undefined, version: number, context: OpContext): Effect {
  if (current === undefined) {
    if (op.vivifyTtlMs === null) return failed('not-found');
    const expiresAtMs = expiryOf(op.vivifyTtlMs, context);
    const record = encodeRecord({
      version,
      flags: 0,
      expiresAtMs,
      lease: 0,
      marks: mark.won,
      value: NOTHING,
    });
    return { kind: 'put', record, result: { status: 'won', version, expiresAtMs, marks: mark.won } };
  }
  const currentVersion = recordVersion(current);
  const wins = (recordMarks(current) & mark.won) === 0 && mayWin(op, current, context);
  const expiresAtMs = op.ttlMs === null ? recordExpiresAtMs(current) : expiryOf(op.ttlMs, context);
  const marks = recordMarks(current) | (wins ? mark.won : 0);
  const seen = { status: wins ? 'won' : 'ok', version: currentVersion, expiresAtMs } as const;
  const result = marks === 0 ? seen : { ...seen, marks };
  if (!wins && op.ttlMs === null) return { kind: 'none', result };
  return { kind: 'touch', record: withMarks(current, currentVersion, expiresAtMs, marks), result };
}

function mayWin({ recacheMs }: VisitOp, current: Uint8Array, { stampMs }: OpContext): boolean {
  if (recacheMs === null) return false;
  if ((recordMarks(current) & mark.stale) !== 0) return true;
  const expiresAtMs = recordExpiresAtMs(current);
  return expiresAtMs !== 0 && expiresAtMs - stampMs < recacheMs;
}

function runInvalidate(
  op: InvalidateOp,
  current: Uint8Array | undefined,
  version: number,
  context: OpContext,
): Effect {
  if (current === undefined) return failed('not-found');
  const currentVersion = recordVersion(current);
  if (!fits(op.version, currentVersion)) return failed('version-mismatch', currentVersion);
  const expiresAtMs = op.ttlMs === null ? recordExpiresAtMs(current) : expiryOf(op.ttlMs, context);
  const record = withMarks(current, version, expiresAtMs, mark.stale);
  return { kind: 'put', record, result: { status: 'ok', version } };
}

/** Whether a version that an operation asks for, if it does, is the key's. */
const fits = (wanted: number | undefined, version: number): boolean =>
  wanted === undefined || wanted === 0 || wanted === version;

interface NewRecord {
  readonly value: Uint8Array;
  readonly flags: number;
  readonly ttlMs: number;
  readonly lease?: number;
}

function put(
  { value, flags, ttlMs, lease = 0 }: NewRecord,
  version: number,
  context: OpContext,
  carried?: Pick<OpResult, 'value' | 'flags' | 'expiresAtMs'>,
): Effect {
  if (value.length > context.valueBytesMax) return failed('too-large');
  if (lease !== 0 && !context.leases.isAlive(lease, context.stampMs)) return failed('lease-not-found');
  const view = { version, flags, expiresAtMs: expiryOf(ttlMs, context), lease, value };
  const record = encodeRecord(view, context.allocate);
  const result: OpResult =
    carried === undefined ? { status: 'ok', version } : { status: 'ok', version, ...carried };
  return { kind: 'put', record, result };
}

/** What is over already is due at the entry's own stamp: nobody sees it any more, and no time has to pass. */
function expiryOf(ttlMs: number, { stampMs }: OpContext): number {
  if (ttlMs === 0) return 0;
  if (ttlMs === EXPIRED) return Math.max(stampMs, 1);
  return Math.min(stampMs + ttlMs, Number.MAX_SAFE_INTEGER);
}

export const failed = (status: OpStatus, version = 0): Effect => ({
  kind: 'failed',
  result: { status, version },
});
