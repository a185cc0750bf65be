import {
  RECORD_ALIGNMENT,
  RECORD_HEADER_BYTES,
  SEGMENT_HEADER_BYTES,
  bufferOf,
  decodeRecord,
  decodeRecordHeader,
  type LogRecord,
  type Place,
  type RecordHeader,
} from './format.ts';

export interface ScannedRecord extends RecordHeader {
  readonly record: LogRecord;
}

/** What one segment holds: intact records from its start, each of which names the one before; then a tail. */
export interface SegmentScan {
  readonly records: readonly ScannedRecord[];
  /** Where the first record ends that does not belong to them. */
  readonly end: number;
  /** Why the records end there; null when only zeroes follow. */
  readonly problem: string | null;
  /** Headers behind `end` that are intact by themselves: records of which something before is missing. */
  readonly strays: readonly RecordHeader[];
  /** Offset behind the last byte of the file that is not zero. */
  readonly lastUsed: number;
}

/**
 * Reads a segment as far as its records are intact and linked, then looks at every place behind for further
 * headers: what those say of durability decides whether the end is a torn tail or damage.
 */
export function scanSegment(segment: Uint8Array, segmentId: number): SegmentScan {
  const records: ScannedRecord[] = [];
  const lastUsed = endOfUsed(segment);
  let end = SEGMENT_HEADER_BYTES;
  let problem: string | null = null;
  let lastCrc: number | null = null;
  while (end < lastUsed) {
    const header = decodeRecordHeader(segment, end, segmentId);
    if (header === null) {
      problem = 'the record header is damaged or was never written';
      break;
    }
    if (lastCrc !== null && header.previousCrc !== lastCrc) {
      problem = 'the record does not follow the one before it';
      break;
    }
    const record = decodeRecord(segment, header);
    if (typeof record === 'string') {
      problem = record;
      break;
    }
    records.push({ ...header, record });
    lastCrc = header.crc;
    end = header.end;
  }
  const strays = problem === null ? [] : findStrays(segment, segmentId, end, lastUsed);
  return { records, end, problem, strays, lastUsed };
}

/**
 * The places that the segment knew to be durable: from its last record the furthest in the segment itself, from
 * its first the end of the segment before, and whatever the strays say.
 */
export function durableClaims({ records, strays }: SegmentScan): Place[] {
  return [...records.slice(0, 1), ...records.slice(-1), ...strays].map(({ durable }) => durable);
}

function findStrays(segment: Uint8Array, segmentId: number, from: number, lastUsed: number): RecordHeader[] {
  const bytes = bufferOf(segment);
  const strays: RecordHeader[] = [];
  const last = Math.min(lastUsed, bytes.length - RECORD_HEADER_BYTES);
  for (let offset = from; offset <= last; offset += RECORD_ALIGNMENT) {
    // The id first: it is the cheap test, and the data of entries can only guess it.
    if (bytes.readUInt32LE(offset + 16) !== segmentId) continue;
    const header = decodeRecordHeader(segment, offset, segmentId);
    if (header !== null) strays.push(header);
  }
  return strays;
}

function endOfUsed(segment: Uint8Array): number {
  const bytes = bufferOf(segment);
  let end = bytes.length;
  // Four bytes at a time: most of a fresh segment is zeroes.
  while (end >= 4 && bytes.readUInt32LE(end - 4) === 0) end -= 4;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return end;
}
