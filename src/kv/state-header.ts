/** The counters and sums of the whole state, as one entry of the storage. */
import { KvraftError } from '../base/errors.ts';
import type { StateKey, StateStorage } from '../store/store.ts';
import { readUint32, readUint53, writeUint32, writeUint53 } from './binary.ts';
import { namespaces } from './namespaces.ts';

const HEADER_KEY: StateKey = `${namespaces.machine}header`;
/** Of everything that the machine stores. Counts up when the meaning of stored bytes changes. */
const FORMAT = 1;
const HEADER_BYTES = 44;

export interface StateHeader {
  /** The version of the last change of any key. */
  readonly version: number;
  readonly keyCount: number;
  readonly lastSession: number;
  /** The version of the last change that the change log no longer has. */
  readonly changesCompactedThrough: number;
  /** Of the state hash. */
  readonly sums: readonly [number, number];
}

const emptyHeader: StateHeader = {
  version: 0,
  keyCount: 0,
  lastSession: 0,
  changesCompactedThrough: 0,
  sums: [0, 0],
};

export function saveHeader(storage: StateStorage, header: StateHeader): void {
  const bytes = new Uint8Array(HEADER_BYTES);
  writeUint32(bytes, 0, FORMAT);
  writeUint53(bytes, 4, header.version);
  writeUint53(bytes, 12, header.keyCount);
  writeUint53(bytes, 20, header.lastSession);
  writeUint53(bytes, 28, header.changesCompactedThrough);
  writeUint32(bytes, 36, header.sums[0]);
  writeUint32(bytes, 40, header.sums[1]);
  storage.put(HEADER_KEY, bytes);
}

/** The saved header; of a storage that was never saved to, that of an empty state. Throws `STORE_DAMAGED`. */
export function loadHeader(storage: StateStorage): StateHeader {
  const bytes = storage.get(HEADER_KEY);
  if (bytes === undefined) return emptyHeader;
  if (bytes.length !== HEADER_BYTES || readUint32(bytes, 0) !== FORMAT) {
    const message = 'the stored state is damaged, or was written by a newer version of kvraft';
    throw new KvraftError('STORE_DAMAGED', message);
  }
  return {
    version: readUint53(bytes, 4),
    keyCount: readUint53(bytes, 12),
    lastSession: readUint53(bytes, 20),
    changesCompactedThrough: readUint53(bytes, 28),
    sums: [readUint32(bytes, 36), readUint32(bytes, 40)],
  };
}

/** The counters that the state hash covers, in the order in which it does. */
export const hashedCounters = (header: StateHeader): number[] => [
  header.version,
  header.keyCount,
  header.lastSession,
  header.changesCompactedThrough,
];
