/** The counters and sums of the whole state, as one entry of the storage. */
import { crc32 } from 'node:zlib';
import { KvraftError } from '../base/errors.ts';
import type { StateKey, StateStorage } from '../store/store.ts';
import { readUint32, readUint53, writeUint32, writeUint53 } from './binary.ts';
import type { KeySpaceState } from './key-space.ts';
import { namespaces } from './namespaces.ts';

const HEADER_KEY: StateKey = `${namespaces.machine}header`;
/** Of everything that the machine stores. Counts up when the meaning of stored bytes changes. */
const FORMAT = 3;

/** Where the fields stand; behind them all, the purge cursor. */
const AT = {
  format: 0,
  version: 4,
  keyCount: 12,
  lastSession: 20,
  changesCompactedThrough: 28,
  flushedThrough: 36,
  flushedCount: 44,
  purgeDueMs: 52,
  lastLease: 60,
  sumA: 68,
  sumB: 72,
  flushAtMs: 76,
  purgeCursor: 84,
} as const;

export interface StateHeader extends KeySpaceState {
  readonly lastSession: number;
  readonly lastLease: number;
  /** The version of the last change that the change log no longer has. */
  readonly changesCompactedThrough: number;
  /** Of the state hash. */
  readonly sums: readonly [number, number];
}

const emptyHeader: StateHeader = {
  version: 0,
  keyCount: 0,
  lastSession: 0,
  lastLease: 0,
  changesCompactedThrough: 0,
  flushedThrough: 0,
  flushedCount: 0,
  purgeCursor: '',
  purgeDueMs: 0,
  flushAtMs: 0,
  sums: [0, 0],
};

const counters = [
  'version',
  'keyCount',
  'lastSession',
  'changesCompactedThrough',
  'flushedThrough',
  'flushedCount',
  'purgeDueMs',
  'lastLease',
  'flushAtMs',
] as const;

export function saveHeader(storage: StateStorage, header: StateHeader): void {
  const bytes = Buffer.alloc(AT.purgeCursor + header.purgeCursor.length);
  writeUint32(bytes, AT.format, FORMAT);
  for (const name of counters) writeUint53(bytes, AT[name], header[name]);
  writeUint32(bytes, AT.sumA, header.sums[0]);
  writeUint32(bytes, AT.sumB, header.sums[1]);
  bytes.write(header.purgeCursor, AT.purgeCursor, 'latin1');
  storage.put(HEADER_KEY, bytes);
}

/** The saved header; of a storage that was never saved to, that of an empty state. Throws `STORE_DAMAGED`. */
export function loadHeader(storage: StateStorage): StateHeader {
  const stored = storage.get(HEADER_KEY);
  if (stored === undefined) return emptyHeader;
  const bytes = Buffer.from(stored);
  if (bytes.length < AT.purgeCursor || readUint32(bytes, AT.format) !== FORMAT) {
    const message = 'the stored state is damaged, or was written by another version of kvraft';
    throw new KvraftError('STORE_DAMAGED', message);
  }
  return {
    version: readUint53(bytes, AT.version),
    keyCount: readUint53(bytes, AT.keyCount),
    lastSession: readUint53(bytes, AT.lastSession),
    changesCompactedThrough: readUint53(bytes, AT.changesCompactedThrough),
    flushedThrough: readUint53(bytes, AT.flushedThrough),
    flushedCount: readUint53(bytes, AT.flushedCount),
    lastLease: readUint53(bytes, AT.lastLease),
    purgeDueMs: readUint53(bytes, AT.purgeDueMs),
    flushAtMs: readUint53(bytes, AT.flushAtMs),
    purgeCursor: bytes.toString('latin1', AT.purgeCursor),
    sums: [readUint32(bytes, AT.sumA), readUint32(bytes, AT.sumB)],
  };
}

/** What the state hash covers of the header, in the order in which it does. */
export const hashedCounters = (header: StateHeader): number[] => [
  ...counters.map((name) => header[name]),
  crc32(Buffer.from(header.purgeCursor, 'latin1')),
];
