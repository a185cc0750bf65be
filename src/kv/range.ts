import type { RecordView } from './records.ts';
import { decodeRecord } from './records.ts';

/** Which keys are wanted, and how many of them at once. */
export interface RangeQuery {
  /** First key, inclusive. */
  readonly start: string;
  /** Exclusive; null: up to the last key. */
  readonly end: string | null;
  /** From the end downwards. */
  readonly reverse?: boolean;
  /** At least 1. */
  readonly limit: number;
  /** Bytes of keys and values; the last entry may exceed it. */
  readonly bytesMax: number;
}

export interface RangeEntry {
  readonly key: string;
  readonly record: RecordView;
}

export interface RangePage {
  readonly entries: readonly RangeEntry[];
  /** The `start` of the query for what follows, or its `end` when it goes downwards; null: there is nothing more. */
  readonly next: string | null;
}

/** Records that one page looks at, at most: those that are gone, but still stored, make none of its entries. */
const LOOKED_AT_MAX = 4_096;

/** The end of the range of all keys that begin with the prefix; null if it has none. */
export function prefixEnd(prefix: string): string | null {
  let length = prefix.length;
  while (length > 0 && prefix.charCodeAt(length - 1) === 0xff) length--;
  if (length === 0) return null;
  return prefix.slice(0, length - 1) + String.fromCharCode(prefix.charCodeAt(length - 1) + 1);
}

/** Takes a page from a walk over records in the order of the query; what is not visible is passed over. */
export function takePage(
  records: Iterable<[key: string, record: Uint8Array]>,
  { limit, bytesMax, reverse = false }: RangeQuery,
  isVisible: (record: Uint8Array) => boolean,
): RangePage {
  const entries: RangeEntry[] = [];
  let lookedAt = 0;
  let bytes = 0;
  let last = '';
  for (const [key, record] of records) {
    if (entries.length >= limit || bytes >= bytesMax || lookedAt >= LOOKED_AT_MAX) {
      return { entries, next: reverse ? last : `${last}\0` };
    }
    lookedAt++;
    last = key;
    if (!isVisible(record)) continue;
    bytes += key.length + record.length;
    entries.push({ key, record: decodeRecord(record) });
  }
  return { entries, next: null };
}
