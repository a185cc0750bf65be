/**
 * A key's record as it stands in the storage: a fixed header, then the value.
 *
 *     0  version      u64   (to 2^53 − 1)
 *     8  expiresAtMs  u64   log time, 0: never
 *    16  lease        u56   0: none
 *    23  marks        u8    see `mark`
 *    24  flags        u32
 *    28  value crc    u32   CRC-32 of the value
 *    32  value
 *
 * All little-endian. The checksum stands in the header so that the state hash can take a record out of its sum
 * without reading the value.
 */
import { crc32 } from 'node:zlib';
import { KvraftError } from '../base/errors.ts';
import type { StateKey } from '../store/store.ts';
import { readUint32, readUint53, writeUint32, writeUint53 } from './binary.ts';
import { namespaces } from './namespaces.ts';
import { lastingRecord, type RecordAllocator } from './record-room.ts';

export const RECORD_HEADER_BYTES = 32;
const EXPIRES_AT = 8;
const LEASE = 16;
const MARKS = 23;
const FLAGS = 24;
const VALUE_CRC = 28;

/** What may be noted of a value, as bits, and is forgotten when it is replaced. */
export const mark = {
  /** It is out of date, and may be used until it is made anew. */
  stale: 1,
  /** Somebody has been told to make it anew. */
  won: 2,
} as const;

/** A record, read. */
export interface RecordView {
  readonly version: number;
  readonly flags: number;
  /** Log time from which on the key is due to go; 0 if it does not expire. */
  readonly expiresAtMs: number;
  /** 0 if none. */
  readonly lease: number;
  /** Bits of `mark`; absent: none. */
  readonly marks?: number;
  /** Aliases the stored bytes: not to be written to. */
  readonly value: Uint8Array;
}

export const recordKey = (key: string): StateKey => namespaces.record + key;

/** Makes a record with a copy of the value. */
export function encodeRecord(
  { version, flags, expiresAtMs, lease, marks = 0, value }: RecordView,
  allocate: RecordAllocator = lastingRecord,
): Uint8Array {
  const record = allocate(RECORD_HEADER_BYTES + value.length);
  writeUint53(record, 0, version);
  writeUint53(record, EXPIRES_AT, expiresAtMs);
  writeUint53(record, LEASE, lease);
  record[MARKS] = marks;
  writeUint32(record, FLAGS, flags);
  writeUint32(record, VALUE_CRC, crc32(value));
  record.set(value, RECORD_HEADER_BYTES);
  return record;
}

/** The record with `tail` behind its value; everything but version, value and marks stays. */
export function appendToRecord(record: Uint8Array, version: number, tail: Uint8Array): Uint8Array {
  const longer = Buffer.allocUnsafe(record.length + tail.length);
  longer.set(record);
  longer.set(tail, record.length);
  writeUint53(longer, 0, version);
  longer[MARKS] = 0;
  writeUint32(longer, VALUE_CRC, crc32(tail, readUint32(record, VALUE_CRC)));
  return longer;
}

/** The record with another value; flags, expiry and lease stay. */
export function withValue(record: Uint8Array, version: number, value: Uint8Array): Uint8Array {
  return encodeRecord({ ...decodeRecord(record), version, value, marks: 0 });
}

/** The record with another expiry; everything else stays. */
export function withExpiry(record: Uint8Array, expiresAtMs: number): Uint8Array {
  const copy = Buffer.from(record);
  writeUint53(copy, EXPIRES_AT, expiresAtMs);
  return copy;
}

/** The record with another version, expiry and marks, and the same value. */
export function withMarks(
  record: Uint8Array,
  version: number,
  expiresAtMs: number,
  marks: number,
): Uint8Array {
  const copy = Buffer.from(record);
  writeUint53(copy, 0, version);
  writeUint53(copy, EXPIRES_AT, expiresAtMs);
  copy[MARKS] = marks;
  return copy;
}

export function decodeRecord(record: Uint8Array): RecordView {
  const marks = recordMarks(record);
  const view = {
    version: recordVersion(record),
    flags: recordFlags(record),
    expiresAtMs: recordExpiresAtMs(record),
    lease: recordLease(record),
    value: recordValue(record),
  };
  return marks === 0 ? view : { ...view, marks };
}

export const recordVersion = (record: Uint8Array): number => readUint53(record, 0);

export const recordExpiresAtMs = (record: Uint8Array): number => readUint53(record, EXPIRES_AT);

/** Leases take seven bytes. */
export const recordLease = (record: Uint8Array): number =>
  readUint32(record, LEASE) + (readUint32(record, LEASE + 4) & 0xff_ffff) * 2 ** 32;

export const recordMarks = (record: Uint8Array): number => record[MARKS] ?? 0;

export const recordFlags = (record: Uint8Array): number => readUint32(record, FLAGS);

/** Aliases the record. */
export const recordValue = (record: Uint8Array): Uint8Array => record.subarray(RECORD_HEADER_BYTES);

export const valueBytes = (record: Uint8Array): number => record.length - RECORD_HEADER_BYTES;

/** Throws `STORE_DAMAGED`, naming the key, if the record is not what was written. */
export function checkRecord(key: string, record: Uint8Array): void {
  const whole = record.length >= RECORD_HEADER_BYTES;
  if (whole && crc32(record.subarray(RECORD_HEADER_BYTES)) === readUint32(record, VALUE_CRC)) return;
  const name = JSON.stringify(key);
  const message = `the stored record of key ${name} is damaged: restore this server from the others`;
  throw new KvraftError('STORE_DAMAGED', message);
}
