import { assert } from '../base/assert.ts';
import { KvraftError } from '../base/errors.ts';
import { RingQueue } from '../base/ring-queue.ts';
import type { StateKey, StateStorage } from '../store/store.ts';
import { parseSortableNumber, sortableNumber } from './binary.ts';
import type { ChangeType, StoredChange } from './change-segment.ts';
import { changeBytes, decodeSegment, encodeSegment } from './change-segment.ts';
import { namespaces, prefixRange } from './namespaces.ts';
import type { RecordView } from './records.ts';
import { decodeRecord } from './records.ts';

const SEGMENT_BYTES = 64 * 1024;
const SLOTS_AT_START = 64;

/** One changed key. */
export interface ChangeEvent {
  readonly version: number;
  /** Empty for a flush, which removed every key. */
  readonly key: string;
  readonly type: ChangeType;
  /** The key's new record, null if it is gone. Aliases the stored bytes. */
  readonly record: RecordView | null;
}

/** A stretch of events that stands in the storage. */
interface Segment {
  readonly first: number;
  readonly last: number;
}

/**
 * The last changes, from which watches resume. Every version is one change, so versions are contiguous, and an
 * event's place in the ring is its version. The oldest events go when all together take more than `bytesMax`; that
 * counts what the events hold and not when they were saved, so all replicas keep the same ones.
 *
 * In the storage events stand in segments, which `save` adds; most events of a busy server come and go between two
 * saves and are never written. A segment goes when its last event has.
 */
export class ChangeLog {
  readonly #storage: StateStorage;
  readonly #bytesMax: number;
  /** Event of version v at v modulo the number of slots, which is a power of two. */
  #slots: (StoredChange | undefined)[] = new Array<StoredChange | undefined>(SLOTS_AT_START);
  #compactedThrough = 0;
  #last = 0;
  #bytes = 0;
  readonly #segments = new RingQueue<Segment>();
  #savedThrough = 0;

  constructor(storage: StateStorage, bytesMax: number) {
    this.#storage = storage;
    this.#bytesMax = bytesMax;
  }

  /** The version of the last event that is gone; 0 if all are there. */
  get compactedThrough(): number {
    return this.#compactedThrough;
  }

  /** What the events count as. */
  get bytes(): number {
    return this.#bytes;
  }

  append(version: number, type: ChangeType, key: string, record: Uint8Array | null): void {
    assert(version === this.#last + 1, 'every version has one change');
    this.#push({ type, key, record });
    while (this.#bytes > this.#bytesMax) this.#dropFirst();
  }

  /** Events from version `from` on, at most `limit`; `compacted` if the first of them is gone. */
  read(from: number, limit: number): ChangeEvent[] | 'compacted' {
    if (from <= this.#compactedThrough) return 'compacted';
    const events: ChangeEvent[] = [];
    for (let version = from; version <= this.#last && events.length < limit; version++) {
      const { type, key, record } = this.#at(version);
      events.push({ version, key, type, record: record === null ? null : decodeRecord(record) });
    }
    return events;
  }

  /** Brings the storage up to date; it is to keep `compactedThrough` elsewhere. */
  save(): void {
    for (let first = this.#segments.peek(); first !== undefined; first = this.#segments.peek()) {
      if (first.last > this.#compactedThrough) break;
      this.#segments.shift();
      this.#storage.delete(segmentKey(first.first));
    }
    let next = Math.max(this.#savedThrough, this.#compactedThrough) + 1;
    while (next <= this.#last) next = this.#saveSegment(next);
    this.#savedThrough = this.#last;
  }

  /** Takes the events of versions above `compactedThrough` up to `last` from the storage. */
  load(compactedThrough: number, last: number): void {
    this.#slots = new Array<StoredChange | undefined>(SLOTS_AT_START);
    this.#bytes = 0;
    this.#segments.clear();
    this.#compactedThrough = compactedThrough;
    this.#last = compactedThrough;
    for (const [storageKey, bytes] of this.#storage.range(prefixRange(namespaces.change))) {
      this.#loadSegment(parseSortableNumber(storageKey, 1), bytes);
    }
    if (this.#last !== last) throw damaged(`ends at version ${this.#last}, not ${last}`);
    this.#savedThrough = last;
  }

  #saveSegment(first: number): number {
    const events: StoredChange[] = [];
    let next = first;
    for (let bytes = 0; next <= this.#last && bytes < SEGMENT_BYTES; next++) {
      const event = this.#at(next);
      events.push(event);
      bytes += changeBytes(event);
    }
    this.#storage.put(segmentKey(first), encodeSegment(events));
    this.#segments.push({ first, last: next - 1 });
    return next;
  }

  #loadSegment(first: number, bytes: Uint8Array): void {
    const events = decodeSegment(bytes);
    if (events === null || first > this.#last + 1) throw damaged(`has no event of version ${this.#last + 1}`);
    events.forEach((event, i) => {
      if (first + i === this.#last + 1) this.#push(event);
    });
    this.#segments.push({ first, last: first + events.length - 1 });
  }

  #push(event: StoredChange): void {
    if (this.#last - this.#compactedThrough === this.#slots.length) this.#grow();
    this.#last++;
    this.#slots[this.#last % this.#slots.length] = event;
    this.#bytes += changeBytes(event);
  }

  #dropFirst(): void {
    const version = this.#compactedThrough + 1;
    this.#bytes -= changeBytes(this.#at(version));
    this.#slots[version % this.#slots.length] = undefined;
    this.#compactedThrough = version;
  }

  #at(version: number): StoredChange {
    const event = this.#slots[version % this.#slots.length];
    assert(event !== undefined, 'an event that was not compacted is there');
    return event;
  }

  #grow(): void {
    const slots = new Array<StoredChange | undefined>(this.#slots.length * 2);
    for (let version = this.#compactedThrough + 1; version <= this.#last; version++) {
      slots[version % slots.length] = this.#at(version);
    }
    this.#slots = slots;
  }
}

const segmentKey = (first: number): StateKey => namespaces.change + sortableNumber(first);

const damaged = (what: string): KvraftError =>
  new KvraftError('STORE_DAMAGED', `the stored change log ${what}: restore this server from the others`);
