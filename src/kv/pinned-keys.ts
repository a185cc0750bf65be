import { KvraftError } from '../base/errors.ts';
import type { Layer } from '../base/merge-layers.ts';
import { mergeLayers } from '../base/merge-layers.ts';
import type { StateStorage } from '../store/store.ts';
import { MemoryStorage } from './memory-storage.ts';
import { namespaces } from './namespaces.ts';
import type { RangePage, RangeQuery } from './range.ts';
import { takePage } from './range.ts';
import { decodeRecord, recordKey } from './records.ts';
import type { RecordView } from './records.ts';

/** Stands for a key that was not there. Records are never empty. */
const ABSENT = new Uint8Array(0);
/** What a kept record costs beside its key and bytes, about: an entry of a map and one of a sorted list. */
const OVERHEAD_BYTES = 160;
const RECORDS_END = String.fromCharCode(namespaces.record.charCodeAt(0) + 1);

/** What decides, at one moment, whether a stored record shows. */
export type Visibility = (record: Uint8Array) => boolean;

/**
 * The keys as they were at some moments, for reads that take longer than a turn.
 *
 * A pin costs nothing by itself. While there are any, the newest one keeps, of each key that changes, the record from
 * before its first change; a key's record at the moment of a pin is the one that it or the next newer pin kept, and
 * else the current one. So a pin holds no page on the disk and no layer of the store in memory, only what was changed
 * since, and that is bounded: when it is too much, the oldest pin ends.
 */
export class PinnedKeys {
  readonly #storage: StateStorage;
  readonly #bytesMax: number;
  /** Oldest first. */
  readonly #pins: Pin[] = [];
  #bytes = 0;

  constructor(storage: StateStorage, bytesMax: number) {
    this.#storage = storage;
    this.#bytesMax = bytesMax;
  }

  get count(): number {
    return this.#pins.length;
  }

  /** Bytes of the records that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Pins the keys as they are. */
  pin(version: number, isVisible: Visibility): KeyPin {
    const pin: Pin = { kept: new MemoryStorage(), bytes: 0, ended: null };
    this.#pins.push(pin);
    const at = (): number => {
      if (pin.ended !== null)
        throw new KvraftError('SNAPSHOT_EXPIRED', `the snapshot has ended: ${pin.ended}`);
      return this.#pins.indexOf(pin);
    };
    return {
      version,
      get: (key) => {
        const record = this.#read(at(), key);
        return record === undefined || !isVisible(record) ? undefined : decodeRecord(record);
      },
      range: (query) => takePage(this.#walk(at(), query), query, isVisible),
      end: (reason) => this.#end(pin, reason),
    };
  }

  /** A key's record is about to change from `old`, undefined if there is none. */
  changes(key: string, old: Uint8Array | undefined): void {
    const newest = this.#pins.at(-1);
    if (newest !== undefined) this.#keep(newest, recordKey(key), old ?? ABSENT);
  }

  endAll(reason: string): void {
    for (const pin of this.#pins.splice(0)) pin.ended = reason;
    this.#bytes = 0;
  }

  #keep(pin: Pin, storageKey: string, record: Uint8Array): void {
    if (pin.kept.get(storageKey) !== undefined) return;
    const bytes = storageKey.length + record.length + OVERHEAD_BYTES;
    // Copied there: a view may hold a whole chunk of the store in memory.
    pin.kept.put(storageKey, record);
    pin.bytes += bytes;
    this.#bytes += bytes;
    while (this.#bytes > this.#bytesMax) {
      const [oldest] = this.#pins;
      if (oldest === undefined) return;
      this.#end(oldest, 'too much was changed since it was made');
    }
  }

  /** What a pin in the middle kept is what the one before it saw, too, unless that has something older. */
  #end(pin: Pin, reason: string): void {
    const at = this.#pins.indexOf(pin);
    if (at === -1) return;
    pin.ended = reason;
    this.#pins.splice(at, 1);
    this.#bytes -= pin.bytes;
    const before = this.#pins[at - 1];
    if (before === undefined) return;
    for (const [storageKey, record] of pin.kept.range(EVERYTHING)) {
      if (before.ended !== null) return;
      this.#keep(before, storageKey, record);
    }
  }

  #read(at: number, key: string): Uint8Array | undefined {
    const storageKey = recordKey(key);
    for (let i = at; i < this.#pins.length; i++) {
      const kept = this.#pins[i]?.kept.get(storageKey);
      if (kept !== undefined) return kept.length === 0 ? undefined : kept;
    }
    return this.#storage.get(storageKey);
  }

  *#walk(at: number, query: RangeQuery): Generator<[string, Uint8Array], undefined> {
    const { end, reverse = false } = query;
    const options = {
      start: recordKey(query.start),
      end: end === null ? RECORDS_END : recordKey(end),
      reverse,
    };
    const layers: Layer<Uint8Array>[] = this.#pins
      .slice(at)
      .map(({ kept }) => unlessAbsent(kept.range(options)));
    layers.push(this.#storage.range(options));
    for (const [storageKey, record] of mergeLayers(layers, reverse)) yield [storageKey.slice(1), record];
    return undefined;
  }
}

/** The keys at one moment. Every read throws `SNAPSHOT_EXPIRED` once the pin has ended. */
export interface KeyPin {
  /** Of the last change that shows. */
  readonly version: number;
  get(key: string): RecordView | undefined;
  range(query: RangeQuery): RangePage;
  /** Lets go; `reason` is told to who reads on. Idempotent. */
  end(reason: string): void;
}

interface Pin {
  readonly kept: MemoryStorage;
  bytes: number;
  ended: string | null;
}

const EVERYTHING = { start: '', end: '\u0100' };

function* unlessAbsent(
  entries: Iterable<[string, Uint8Array]>,
): Generator<[string, Uint8Array | null], undefined> {
  for (const [key, record] of entries) yield [key, record.length === 0 ? null : record];
  return undefined;
}
