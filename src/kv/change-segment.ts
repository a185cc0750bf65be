/**
 * Stored change events: of each its type (u8), the length of its key (u16) and of its record (u32, little-endian
 * both), key, record. Their versions follow each other; the segment's place in the storage says the first.
 */
import { readUint32, writeUint32 } from './binary.ts';

/** The place in this list is the type's number in storage. */
const types = ['put', 'delete', 'expire', 'flush'] as const;

export type ChangeType = (typeof types)[number];

export interface StoredChange {
  readonly type: ChangeType;
  readonly key: string;
  /** Null if the key is gone. */
  readonly record: Uint8Array | null;
}

const HEADER_BYTES = 7;
/** An event costs this much beside its bytes, about. */
const OVERHEAD_BYTES = 64;

/** Bytes that an event counts as: about what it takes on the heap, and the same on every server. */
export const changeBytes = ({ key, record }: StoredChange): number =>
  OVERHEAD_BYTES + key.length + (record === null ? 0 : record.length);

export function encodeSegment(events: readonly StoredChange[]): Uint8Array {
  let length = 0;
  for (const { key, record } of events) length += HEADER_BYTES + key.length + (record?.length ?? 0);
  const bytes = Buffer.allocUnsafe(length);
  let at = 0;
  for (const { type, key, record } of events) {
    bytes[at] = types.indexOf(type);
    bytes.writeUInt16LE(key.length, at + 1);
    writeUint32(bytes, at + 3, record?.length ?? 0);
    at += HEADER_BYTES;
    at += bytes.write(key, at, 'latin1');
    if (record !== null) bytes.set(record, at);
    at += record?.length ?? 0;
  }
  return bytes;
}

/** Null if the bytes are no segment. The events hold copies. */
export function decodeSegment(segment: Uint8Array): StoredChange[] | null {
  const bytes = Buffer.from(segment);
  const events: StoredChange[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (at + HEADER_BYTES > bytes.length) return null;
    const type = types[bytes.readUInt8(at)];
    const keyEnd = at + HEADER_BYTES + bytes.readUInt16LE(at + 1);
    const end = keyEnd + readUint32(bytes, at + 3);
    if (type === undefined || end > bytes.length) return null;
    const key = bytes.toString('latin1', at + HEADER_BYTES, keyEnd);
    events.push({ type, key, record: type === 'put' ? bytes.subarray(keyEnd, end) : null });
    at = end;
  }
  return events;
}
