/** Checks of decoded command fields. */
import { limits } from '../base/limits.ts';

/** An integer from 0 to 2^53 − 1. */
export const isUint = (field: unknown): field is number =>
  Number.isSafeInteger(field) && (field as number) >= 0;

/** A time to live in milliseconds: 0 for none, `EXPIRED` for one that is over already. */
export const EXPIRED = -1;

export const isTtl = (field: unknown): field is number => isUint(field) || field === EXPIRED;

export const isUint32 = (field: unknown): field is number => isUint(field) && field <= 0xffff_ffff;

/** A bigint from 0 to 2^64 − 1. */
export const isUint64 = (field: unknown): field is bigint =>
  typeof field === 'bigint' && BigInt.asUintN(64, field) === field;

export const isBytes = (field: unknown): field is Uint8Array => field instanceof Uint8Array;

/** A key in its form for commands. */
export const encodeKey = (key: string): Uint8Array => Buffer.from(key, 'latin1');

/**
 * The key of a decoded command; null if it is none. Its length is checked against the ceiling, not the configured
 * limit: that one is for the listeners, and a change of it must not change what old entries did.
 */
export function decodeKey(field: unknown): string | null {
  if (!isBytes(field) || field.length === 0 || field.length > limits.keyBytesCeiling) return null;
  const bytes = Buffer.isBuffer(field) ? field : Buffer.from(field.buffer, field.byteOffset, field.length);
  return bytes.toString('latin1');
}
