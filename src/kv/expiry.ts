import type { RangeOptions, StateKey, StateStorage } from '../store/store.ts';
import { parseSortableNumber, sortableNumber } from './binary.ts';
import { namespaces, prefixRange } from './namespaces.ts';

/** Index entries have no value; some storages dislike empty ones. */
const NOTHING = Uint8Array.of(0);
const SUBJECT_AT = 1 + 8;

export interface Due {
  readonly atMs: number;
  readonly key: string;
}

/**
 * Which keys expire when, or what else does: in the storage, as entries of one namespace, ordered by (time, key).
 *
 * The leader asks for the first time after every batch. So the place below which no entry stands is remembered: it is
 * the first entry itself, or a bound from which the next search starts, which so never walks over what was deleted.
 *
 * Only entries of the log expire keys, and a read never hides a key by the log time that it was confirmed at. Why:
 * a key expires at 99. Leader A confirms a read at log time 100; if that read hid the key, a leader B elected next,
 * whose log time still stands at 95, would serve it again. So the leader appends the expire command before it
 * confirms a read when something is due, the read's index includes it, and what is gone is gone at every index from
 * there on, for every leader. A write may go by its own stamp, as stamps never fall along the log: a write that finds
 * a key due drops it for good, in the same entry.
 */
export class ExpiryIndex {
  readonly #storage: StateStorage;
  readonly #namespace: StateKey;
  readonly #range: RangeOptions;
  /** No entry stands below. */
  #floor: StateKey;
  /** Whether an entry stands right there (or, at the end of the namespace, none stands anywhere). */
  #exact = false;

  constructor(storage: StateStorage, namespace: StateKey = namespaces.expiry) {
    this.#storage = storage;
    this.#namespace = namespace;
    this.#range = prefixRange(namespace);
    this.#floor = this.#range.start;
  }

  /** Forgets what is remembered: the storage changed from outside. */
  reset(): void {
    this.#floor = this.#range.start;
    this.#exact = false;
  }

  add(atMs: number, key: string): void {
    const entry = expiryKey(atMs, key, this.#namespace);
    this.#storage.put(entry, NOTHING);
    if (entry > this.#floor) return;
    this.#floor = entry;
    this.#exact = true;
  }

  remove(atMs: number, key: string): void {
    const entry = expiryKey(atMs, key, this.#namespace);
    this.#storage.delete(entry);
    if (entry === this.#floor) this.#exact = false;
  }

  /** The log time at which the first key expires, or null. */
  nextMs(): number | null {
    if (!this.#exact) {
      const [first] = this.#storage.range({ ...this.#range, start: this.#floor, limit: 1 });
      this.#floor = first?.[0] ?? this.#range.end;
      this.#exact = true;
    }
    return this.#floor === this.#range.end ? null : parseSortableNumber(this.#floor, 1);
  }

  /** The first keys that are due at log time `stampMs`, at most `limit`, in order of time and key. */
  due(stampMs: number, limit: number): Due[] {
    const first = this.nextMs();
    if (first === null || first > stampMs) return [];
    const end = this.#namespace + sortableNumber(stampMs + 1);
    const due: Due[] = [];
    for (const [entry] of this.#storage.range({ start: this.#floor, end, limit }))
      due.push(parseExpiryKey(entry));
    return due;
  }
}

export const expiryKey = (atMs: number, key: string, namespace: StateKey = namespaces.expiry): StateKey =>
  namespace + sortableNumber(atMs) + key;

export const parseExpiryKey = (entry: StateKey): Due => ({
  atMs: parseSortableNumber(entry, 1),
  key: entry.slice(SUBJECT_AT),
});

/**
 * Whole seconds until a key expires, rounded up, as of a read confirmed at `logTimeMs`; 0 if it does not expire.
 * At least 1: a key that is still there has not expired.
 */
export function remainingSeconds(expiresAtMs: number, logTimeMs: number): number {
  return expiresAtMs === 0 ? 0 : Math.max(1, Math.ceil((expiresAtMs - logTimeMs) / 1_000));
}
