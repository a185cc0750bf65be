/**
 * Changes as bytes, the same in memory and in the storage: of each its type (u8), the length of its key (u16) and of
 * its record (u32, little-endian both), key, record. Their versions follow each other; whoever keeps a segment of them
 * knows the first.
 */
import { assert } from '../base/assert.ts';
import { readUint32, writeUint32 } from './binary.ts';

/** The place in this list is the type's number in storage. */
const types = ['put', 'delete', 'expire', 'flush'] as const;

export type ChangeType = (typeof types)[number];

export interface StoredChange {
  readonly type: ChangeType;
  readonly key: string;
  /** Null if the key is gone: a put has one, and nothing else has. */
  readonly record: Uint8Array | null;
}

const HEADER_BYTES = 7;
/** What a change counts as beside its key and its record. */
const OVERHEAD_BYTES = 64;
/** A loop writes up to so many characters faster than a call that leaves JavaScript. */
const LOOP_CHARS_MAX = 32;

/** Bytes that `writeChange` takes. */
export const encodedBytes = (key: string, record: Uint8Array | null): number =>
  HEADER_BYTES + key.length + (record === null ? 0 : record.length);

/** What a change that is encoded in so many bytes counts as: the same on every server, for it decides what is kept. */
export const countedBytes = (encoded: number): number => encoded - HEADER_BYTES + OVERHEAD_BYTES;

/** Writes a change at `at`, with a copy of the record, and returns where it ends. There must be room. */
export function writeChange(
  bytes: Buffer,
  at: number,
  type: ChangeType,
  key: string,
  record: Uint8Array | null,
): number {
  assert((record !== null) === (type === 'put'), 'a put has a record, and nothing else has');
  const keyAt = at + HEADER_BYTES;
  const recordAt = keyAt + key.length;
  const recordBytes = record === null ? 0 : record.length;
  bytes[at] = types.indexOf(type);
  bytes[at + 1] = key.length;
  bytes[at + 2] = key.length >>> 8;
  writeUint32(bytes, at + 3, recordBytes);
  if (key.length > LOOP_CHARS_MAX) bytes.write(key, keyAt, 'latin1');
  else for (let i = 0; i < key.length; i++) bytes[keyAt + i] = key.charCodeAt(i);
  if (record !== null) bytes.set(record, recordAt);
  return recordAt + recordBytes;
}

/** Where the change at `at` ends. */
export const changeEnd = (bytes: Uint8Array, at: number): number =>
  keyEnd(bytes, at) + readUint32(bytes, at + 3);

/** Null if the bytes are no segment. The changes alias it. */
export function decodeSegment(segment: Uint8Array): StoredChange[] | null {
  const bytes = Buffer.from(segment.buffer, segment.byteOffset, segment.length);
  const changes: StoredChange[] = [];
  for (let at = 0; at < bytes.length;) {
    if (at + HEADER_BYTES > bytes.length) return null;
    const type = types[bytes.readUInt8(at)];
    const recordAt = keyEnd(bytes, at);
    const end = changeEnd(bytes, at);
    if (type === undefined || end > bytes.length) return null;
    const key = bytes.toString('latin1', at + HEADER_BYTES, recordAt);
    changes.push({ type, key, record: type === 'put' ? bytes.subarray(recordAt, end) : null });
    at = end;
  }
  return changes;
}

const keyEnd = (bytes: Uint8Array, at: number): number =>
  at + HEADER_BYTES + ((bytes[at + 1] ?? 0) | ((bytes[at + 2] ?? 0) << 8));
