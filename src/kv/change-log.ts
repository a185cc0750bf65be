import { assert } from '../base/assert.ts';
import { KvraftError } from '../base/errors.ts';
import { RingQueue } from '../base/ring-queue.ts';
import type { StateKey, StateStorage } from '../store/store.ts';
import { parseSortableNumber, sortableNumber } from './binary.ts';
import { ChangeQueue } from './change-queue.ts';
import type { ChangeType } from './change-segment.ts';
import { countedBytes, decodeSegment } from './change-segment.ts';
import { namespaces, prefixRange } from './namespaces.ts';
import type { RecordView } from './records.ts';
import { decodeRecord } from './records.ts';

/** One changed key. */
export interface ChangeEvent {
  readonly version: number;
  /** Empty for a flush, which removed every key. */
  readonly key: string;
  readonly type: ChangeType;
  /** The key's new record, null if it is gone. */
  readonly record: RecordView | null;
}

/** Versions of the events of a segment that stands in the storage. */
interface SavedSegment {
  readonly first: number;
  readonly last: number;
}

/**
 * The last changes, from which watches resume. Every version is one change, so versions are contiguous. The oldest
 * events go when all together take more than `bytesMax`; that counts what the events hold and not when they were
 * saved, so all replicas keep the same ones.
 *
 * In the storage events stand in segments, which `save` adds; most events of a busy server come and go between two
 * saves and are never written. A segment goes when its last event has.
 */
export class ChangeLog {
  readonly #storage: StateStorage;
  readonly #bytesMax: number;
  #changes = new ChangeQueue(1);
  #bytes = 0;
  readonly #saved = new RingQueue<SavedSegment>();
  #savedThrough = 0;

  constructor(storage: StateStorage, bytesMax: number) {
    this.#storage = storage;
    this.#bytesMax = bytesMax;
  }

  /** The version of the last event that is gone; 0 if all are there. */
  get compactedThrough(): number {
    return this.#changes.first - 1;
  }

  /** What the events count as. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Copies the record. */
  append(version: number, type: ChangeType, key: string, record: Uint8Array | null): void {
    assert(version === this.#changes.last + 1, 'every version has one change');
    this.#bytes += countedBytes(this.#changes.push(type, key, record));
    while (this.#bytes > this.#bytesMax) this.#bytes -= countedBytes(this.#changes.shift());
  }

  /** Events from version `from` on, at most `limit`; `compacted` if the first of them is gone. */
  read(from: number, limit: number): ChangeEvent[] | 'compacted' {
    if (from < this.#changes.first) return 'compacted';
    const events: ChangeEvent[] = [];
    for (const { bytes } of this.#changes.segments(from, limit)) {
      const changes = decodeSegment(Buffer.from(bytes));
      assert(changes !== null, 'what was encoded is decoded');
      for (const { type, key, record } of changes) {
        events.push({
          version: from + events.length,
          key,
          type,
          record: record === null ? null : decodeRecord(record),
        });
      }
    }
    return events;
  }

  /**
   * Brings the storage up to date, with about so many bytes a call: false if there is more. The storage is to keep
   * `compactedThrough` elsewhere.
   */
  save(bytesMax = Infinity): boolean {
    for (let first = this.#saved.peek(); first !== undefined; first = this.#saved.peek()) {
      if (first.last > this.compactedThrough) break;
      this.#saved.shift();
      this.#storage.delete(segmentKey(first.first));
    }
    let savedBytes = 0;
    for (const { first, last, bytes } of this.#changes.segments(this.#savedThrough + 1)) {
      if (savedBytes >= bytesMax) return false;
      this.#storage.put(segmentKey(first), bytes);
      this.#saved.push({ first, last });
      this.#savedThrough = last;
      savedBytes += bytes.length;
    }
    return true;
  }

  /** Takes the events of versions above `compactedThrough` up to `last` from the storage. */
  load(compactedThrough: number, last: number): void {
    this.#changes = new ChangeQueue(compactedThrough + 1);
    this.#bytes = 0;
    this.#saved.clear();
    for (const [storageKey, bytes] of this.#storage.range(prefixRange(namespaces.change))) {
      this.#loadSegment(parseSortableNumber(storageKey, 1), bytes);
    }
    if (this.#changes.last !== last) throw damaged(`ends at version ${this.#changes.last}, not ${last}`);
    this.#savedThrough = last;
  }

  #loadSegment(first: number, bytes: Uint8Array): void {
    const changes = decodeSegment(bytes);
    const next = this.#changes.last + 1;
    if (changes === null || first > next) throw damaged(`has no event of version ${next}`);
    for (const { type, key, record } of changes.slice(next - first)) {
      this.#bytes += countedBytes(this.#changes.push(type, key, record));
    }
    this.#saved.push({ first, last: first + changes.length - 1 });
  }
}

const segmentKey = (first: number): StateKey => namespaces.change + sortableNumber(first);

const damaged = (what: string): KvraftError =>
  new KvraftError('STORE_DAMAGED', `the stored change log ${what}: restore this server from the others`);
