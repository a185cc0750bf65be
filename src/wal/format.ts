import { crc32 } from 'node:zlib';
import { assert } from '../base/assert.ts';
import type { Entry, EntryType, HardState } from '../raft/types.ts';

/**
 * The bytes of the write-ahead log; `docs/wal-format.md` is the specification. All numbers are little-endian.
 * Pure: nothing here reads or writes a file.
 */

/** One thing that the log remembers. */
export type LogRecord =
  /** An entry; one at or below the last index replaces it and drops all behind it. */
  | { readonly type: 'entry'; readonly entry: Entry }
  | { readonly type: 'hard-state'; readonly hardState: HardState }
  /**
   * The log begins behind (index, term); entries above that index stay. It stands first in every segment, and
   * tells all that the segments before it told but for the entries, of which it tells the last index.
   */
  | {
      readonly type: 'base';
      readonly index: number;
      readonly term: number;
      readonly lastIndex: number;
      readonly hardState: HardState;
    }
  /** The log begins anew behind a snapshot at (index, term): all entries are forgotten. */
  | { readonly type: 'reset'; readonly index: number; readonly term: number; readonly hardState: HardState };

/** A position in the log over all its segments. Ordered by segment, then offset. */
export interface Place {
  /** Sequence number of the segment, from 1; 0 where there is none. */
  readonly segment: number;
  /** Bytes from the start of its file. */
  readonly offset: number;
}

export const NOWHERE: Place = { segment: 0, offset: 0 };

/** Negative, zero or positive, as `a` lies before, at or behind `b`. */
export function comparePlaces(a: Place, b: Place): number {
  return a.segment === b.segment ? a.offset - b.offset : a.segment - b.segment;
}

export const FORMAT_VERSION = 1;
/** A sector of its own, so that no write to a record ever touches the header. */
export const SEGMENT_HEADER_BYTES = 512;
export const RECORD_HEADER_BYTES = 56;
/** Records start at multiples of this. */
export const RECORD_ALIGNMENT = 8;

const SEGMENT_MAGIC = 'KVRAFTWL';
const SEGMENT_HEADER_USED = 32;
const HARD_STATE_BYTES = 24;
const TWO_TO_32 = 2 ** 32;

const RECORD_TYPES = { entry: 1, 'hard-state': 2, base: 3, reset: 4 } as const;
const ENTRY_TYPES = { normal: 1, 'conf-change': 2 } as const;

const NO_BYTES = new Uint8Array(0);

export interface SegmentHeader {
  /** Random, so that bytes of another file or of another life of this one are never taken for its records. */
  readonly id: number;
  readonly sequence: number;
  /** Size of the file, in bytes. */
  readonly size: number;
}

export function encodeSegmentHeader({ id, sequence, size }: SegmentHeader): Uint8Array {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
  bytes.write(SEGMENT_MAGIC, 0, 'latin1');
  bytes.writeUInt32LE(FORMAT_VERSION, 8);
  bytes.writeUInt32LE(id, 12);
  bytes.writeUInt32LE(sequence, 16);
  bytes.writeUInt32LE(size, 20);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, SEGMENT_HEADER_USED - 4)), SEGMENT_HEADER_USED - 4);
  return bytes;
}

/** The header, or what is wrong with it. */
export function decodeSegmentHeader(file: Uint8Array): SegmentHeader | string {
  if (file.length < SEGMENT_HEADER_BYTES) {
    return `the file is too short for a segment: ${file.length} bytes, the header alone has ${SEGMENT_HEADER_BYTES}`;
  }
  const bytes = bufferOf(file).subarray(0, SEGMENT_HEADER_BYTES);
  if (bytes.toString('latin1', 0, 8) !== SEGMENT_MAGIC) return 'this is no segment of a log (wrong magic)';
  const crc = crc32(bytes.subarray(0, SEGMENT_HEADER_USED - 4));
  if (crc !== bytes.readUInt32LE(SEGMENT_HEADER_USED - 4)) return 'the segment header is damaged (checksum)';
  const version = bytes.readUInt32LE(8);
  if (version !== FORMAT_VERSION) {
    return `written in format ${version} by another version of kvraft; this one reads format ${FORMAT_VERSION}`;
  }
  return { id: bytes.readUInt32LE(12), sequence: bytes.readUInt32LE(16), size: bytes.readUInt32LE(20) };
}

/** Bytes that a record takes in its segment, padding included. */
export function recordBytes(record: LogRecord): number {
  return RECORD_HEADER_BYTES + padded(dataLengthOf(record));
}

/** Bytes of the largest record without an entry. */
export const BASE_RECORD_BYTES = RECORD_HEADER_BYTES + HARD_STATE_BYTES;

/** Turns records into the buffers of one gathered write. Entry data is not copied. */
export class RecordEncoder {
  readonly buffers: Uint8Array[] = [];
  /** Of all buffers together once `finish` was called; the records' own before. */
  bytes = 0;
  /** Checksum of the last record, which the next one repeats. */
  lastCrc: number;
  readonly #segmentId: number;
  readonly #durable: Place;
  /** Padding that the last record still needs. */
  #padding = 0;

  /** `durable` is the place up to which the log is known to be synced while these records are written. */
  constructor(segmentId: number, lastCrc: number, durable: Place) {
    this.#segmentId = segmentId;
    this.lastCrc = lastCrc;
    this.#durable = durable;
  }

  add(record: LogRecord): void {
    const data = dataOf(record);
    const buffer = Buffer.allocUnsafe(this.#padding + RECORD_HEADER_BYTES);
    buffer.fill(0, 0, this.#padding);
    const header = buffer.subarray(this.#padding);
    header.writeUInt32LE(this.lastCrc, 4);
    header.writeUInt32LE(data.length === 0 ? 0 : crc32(data), 8);
    header.writeUInt32LE(data.length, 12);
    header.writeUInt32LE(this.#segmentId, 16);
    header.writeUInt32LE(RECORD_TYPES[record.type], 20);
    header.writeUInt32LE(this.#durable.segment, 24);
    header.writeUInt32LE(this.#durable.offset, 28);
    writeFields(header, record);
    this.lastCrc = crc32(header.subarray(4));
    header.writeUInt32LE(this.lastCrc, 0);
    this.buffers.push(buffer);
    if (data.length > 0) this.buffers.push(data);
    this.#padding = padded(data.length) - data.length;
    this.bytes += RECORD_HEADER_BYTES + padded(data.length);
  }

  finish(): void {
    if (this.#padding > 0) this.buffers.push(new Uint8Array(this.#padding));
    this.#padding = 0;
  }
}

/** What the header of a record tells, once its own checksum and the segment's id were found right. */
export interface RecordHeader {
  readonly offset: number;
  /** Where the next record begins. */
  readonly end: number;
  readonly crc: number;
  readonly previousCrc: number;
  /** How far the log was durable when the record was written. */
  readonly durable: Place;
}

/** The header of the record at `offset`, or null when there is no intact one of this segment. */
export function decodeRecordHeader(
  segment: Uint8Array,
  offset: number,
  segmentId: number,
): RecordHeader | null {
  if (offset + RECORD_HEADER_BYTES > segment.length) return null;
  const header = bufferOf(segment).subarray(offset, offset + RECORD_HEADER_BYTES);
  if (header.readUInt32LE(16) !== segmentId) return null;
  const crc = header.readUInt32LE(0);
  if (crc !== crc32(header.subarray(4))) return null;
  return {
    offset,
    end: offset + RECORD_HEADER_BYTES + padded(header.readUInt32LE(12)),
    crc,
    previousCrc: header.readUInt32LE(4),
    durable: { segment: header.readUInt32LE(24), offset: header.readUInt32LE(28) },
  };
}

/** The record that an intact header opens, or what is wrong with it. An entry's data is a view of `segment`. */
export function decodeRecord(segment: Uint8Array, { offset, end }: RecordHeader): LogRecord | string {
  const bytes = bufferOf(segment);
  const dataStart = offset + RECORD_HEADER_BYTES;
  const dataEnd = dataStart + bytes.readUInt32LE(offset + 12);
  if (end > bytes.length) return 'the record is longer than the rest of the file';
  const data = bytes.subarray(dataStart, dataEnd);
  if ((data.length === 0 ? 0 : crc32(data)) !== bytes.readUInt32LE(offset + 8)) {
    return "the record's data is damaged (checksum)";
  }
  for (let at = dataEnd; at < end; at++) {
    if (bytes[at] !== 0) return 'the padding of the record is damaged';
  }
  return readFields(bytes.subarray(offset, dataStart), data);
}

/** 24 bytes: term, votedFor, commitIndex. Also used by the hard-state slots. */
export function writeHardState(bytes: Buffer, offset: number, hardState: HardState): void {
  writeUint64(bytes, offset, hardState.term);
  bytes.writeDoubleLE(hardState.votedFor, offset + 8);
  writeUint64(bytes, offset + 16, hardState.commitIndex);
}

export function readHardState(bytes: Buffer, offset: number): HardState {
  return {
    term: readUint64(bytes, offset),
    votedFor: bytes.readDoubleLE(offset + 8),
    commitIndex: readUint64(bytes, offset + 16),
  };
}

/** Numbers here are safe integers; a BigInt for each would cost more than the rest of the header. */
export function writeUint64(bytes: Buffer, offset: number, value: number): void {
  assert(Number.isSafeInteger(value) && value >= 0, `${value} is a whole number of 53 bits`);
  bytes.writeUInt32LE(value % TWO_TO_32, offset);
  bytes.writeUInt32LE(Math.floor(value / TWO_TO_32), offset + 4);
}

export function readUint64(bytes: Buffer, offset: number): number {
  return bytes.readUInt32LE(offset) + bytes.readUInt32LE(offset + 4) * TWO_TO_32;
}

/** The same memory as a Buffer. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function padded(length: number): number {
  return Math.ceil(length / RECORD_ALIGNMENT) * RECORD_ALIGNMENT;
}

function dataLengthOf(record: LogRecord): number {
  if (record.type === 'entry') return record.entry.data.length;
  return record.type === 'hard-state' ? 0 : HARD_STATE_BYTES;
}

function dataOf(record: LogRecord): Uint8Array {
  if (record.type === 'entry') return record.entry.data;
  if (record.type === 'hard-state') return NO_BYTES;
  const data = Buffer.allocUnsafe(HARD_STATE_BYTES);
  writeHardState(data, 0, record.hardState);
  return data;
}

/** Bytes 21 and 32 to 56, whose meaning depends on the type. */
function writeFields(header: Buffer, record: LogRecord): void {
  switch (record.type) {
    case 'entry': {
      const { index, term, type, stampMs } = record.entry;
      header.writeUInt8(ENTRY_TYPES[type], 21);
      writeNumbers(header, index, term, stampMs);
      break;
    }
    case 'hard-state':
      writeNumbers(header, record.hardState.commitIndex, record.hardState.term, record.hardState.votedFor);
      break;
    case 'base':
      writeNumbers(header, record.index, record.term, record.lastIndex);
      break;
    case 'reset':
      writeNumbers(header, record.index, record.term, record.index);
      break;
  }
}

function writeNumbers(header: Buffer, index: number, term: number, value: number): void {
  writeUint64(header, 32, index);
  writeUint64(header, 40, term);
  header.writeDoubleLE(value, 48);
}

function readFields(header: Buffer, data: Buffer): LogRecord | string {
  const index = readUint64(header, 32);
  const term = readUint64(header, 40);
  const value = header.readDoubleLE(48);
  const type = header.readUInt8(20);
  switch (type) {
    case RECORD_TYPES.entry: {
      const entryType = entryTypeOf(header.readUInt8(21));
      if (entryType === null) return 'an entry of a type that this version of kvraft does not know';
      return { type: 'entry', entry: { index, term, type: entryType, stampMs: value, data } };
    }
    case RECORD_TYPES['hard-state']:
      return { type: 'hard-state', hardState: { term, votedFor: value, commitIndex: index } };
    case RECORD_TYPES.base:
      if (data.length !== HARD_STATE_BYTES) return 'a base record without a hard state';
      return { type: 'base', index, term, lastIndex: value, hardState: readHardState(data, 0) };
    case RECORD_TYPES.reset:
      if (data.length !== HARD_STATE_BYTES) return 'a reset record without a hard state';
      return { type: 'reset', index, term, hardState: readHardState(data, 0) };
    default:
      return `a record of type ${type}, which this version of kvraft does not know`;
  }
}

function entryTypeOf(byte: number): EntryType | null {
  if (byte === ENTRY_TYPES.normal) return 'normal';
  return byte === ENTRY_TYPES['conf-change'] ? 'conf-change' : null;
}
