import { KvraftError } from '../base/errors.ts';
import type { Layered } from './byte-map.ts';
import { KEY_BYTES_MAX } from './keys.ts';
import type { StateKey } from './store.ts';

/*
 * Entries as bytes, one after the other: key length (u16), value length (u32, all ones for a deleted key), key,
 * value. Numbers are little-endian.
 */

const HEADER_BYTES = 6;
const DELETED = 0xffff_ffff;

/** Bytes that `writeRecord` takes. */
export function recordBytes(key: StateKey, value: Layered): number {
  return HEADER_BYTES + key.length + (value === null ? 0 : value.length);
}

/** Writes an entry at `offset` and returns the offset behind it. */
export function writeRecord(target: Buffer, offset: number, key: StateKey, value: Layered): number {
  target.writeUInt16LE(key.length, offset);
  target.writeUInt32LE(value === null ? DELETED : value.length, offset + 2);
  const valueOffset = offset + HEADER_BYTES + target.write(key, offset + HEADER_BYTES, 'latin1');
  if (value === null) return valueOffset;
  target.set(value, valueOffset);
  return valueOffset + value.length;
}

/** Calls `visit` for every entry. Values are views of `bytes`. Throws `PROTOCOL` where they are no entries. */
export function readRecords(bytes: Uint8Array, visit: (key: StateKey, value: Layered) => void): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let offset = 0;
  while (offset < buffer.length) {
    if (offset + HEADER_BYTES > buffer.length) throw malformed(offset, 'the end is missing');
    const keyBytes = buffer.readUInt16LE(offset);
    const valueBytes = buffer.readUInt32LE(offset + 2);
    const valueOffset = offset + HEADER_BYTES + keyBytes;
    const end = valueBytes === DELETED ? valueOffset : valueOffset + valueBytes;
    if (keyBytes === 0 || keyBytes > KEY_BYTES_MAX) throw malformed(offset, `a key of ${keyBytes} bytes`);
    if (end > buffer.length) throw malformed(offset, 'the end is missing');
    const key = buffer.toString('latin1', offset + HEADER_BYTES, valueOffset);
    visit(key, valueBytes === DELETED ? null : bytes.subarray(valueOffset, end));
    offset = end;
  }
}

const malformed = (offset: number, what: string): KvraftError =>
  new KvraftError('PROTOCOL', `malformed entries of a state at byte ${offset}: ${what}`);
