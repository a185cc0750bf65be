import { ByteMap, type Entry, type Layered } from './byte-map.ts';
import { hashKey } from './key-hash.ts';
import { SortedKeys } from './sorted-keys.ts';
import type { StateKey } from './store.ts';

/** What an entry costs beyond its bytes in the map: its slot there. */
const SLOT_BYTES = 24;
/** What a key costs that is kept in order, beside its characters: its string, its place among the others. */
const ORDERED_KEY_BYTES = 48;
/** What was replaced may take as much room as what is valid, and this much more. */
const GARBAGE_BYTES = 4 * 1024;

/**
 * Writes over whatever lies below. Values are copied on their way in, and those given out stay as they are.
 *
 * Keys are put in order only in namespaces that are walked: a server whose records nobody ranges over would keep a
 * string of every key for nothing, and those strings are what a garbage collector has most work with.
 */
export class Generation {
  readonly #entries = new ByteMap();
  /** The keys of the namespaces that are in order. */
  readonly #keys = new SortedKeys();
  /** Codes of the first characters of these namespaces. */
  readonly #ordered: Set<number>;
  readonly #walked = new Set<number>();
  #orderedBytes = 0;

  /** Keeps these namespaces in order from the start; others as soon as they are walked. */
  constructor(ordered: Iterable<number> = []) {
    this.#ordered = new Set(ordered);
  }

  /** About what the entries take in memory; what was replaced may take as much again for a while. */
  get bytes(): number {
    return this.#entries.liveBytes + this.#entries.size * SLOT_BYTES + this.#orderedBytes;
  }

  /** Bytes of the entries, with those that were replaced and still take room. */
  get usedBytes(): number {
    return this.#entries.usedBytes;
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  /** Codes of the first characters of the namespaces that were walked while there was something to walk over. */
  get walked(): ReadonlySet<number> {
    return this.#walked;
  }

  /** Undefined where nothing is said of the key here. `hash` is the key's, where it is known. */
  get(key: StateKey, hash = hashKey(key)): Layered | undefined {
    return this.#entries.get(key, hash);
  }

  put(key: StateKey, value: Layered, hash = hashKey(key)): void {
    const entries = this.#entries;
    if (entries.put(key, hash, value) && this.#ordered.has(key.charCodeAt(0))) this.#order(key);
    if (entries.usedBytes > 2 * entries.liveBytes + GARBAGE_BYTES) entries.retireOldest(true);
  }

  /** Forgets a key: what lies below shows again. */
  remove(key: StateKey, hash = hashKey(key)): void {
    if (!this.#entries.remove(key, hash) || !this.#ordered.has(key.charCodeAt(0))) return;
    this.#keys.remove(key);
    this.#orderedBytes -= ORDERED_KEY_BYTES + key.length;
  }

  /** Entries from `start`, inclusive, to `end`, exclusive. Nothing may be written while the walk is under way. */
  *range(start: StateKey, end: StateKey, reverse: boolean): Generator<[StateKey, Layered], undefined> {
    if (this.isEmpty || start >= end) return undefined;
    this.#putInOrder(start.charCodeAt(0) || 0, lastNamespace(end));
    for (const key of this.#keys.walk(start, end, reverse)) {
      const value = this.get(key);
      if (value !== undefined) yield [key, value];
    }
    return undefined;
  }

  /** All entries, in no order. Nothing may be written while the walk is under way. */
  entries(): Generator<Entry, undefined> {
    return this.#entries.entries();
  }

  #putInOrder(first: number, last: number): void {
    const missing = new Set<number>();
    for (let code = first; code <= last; code++) {
      this.#walked.add(code);
      if (!this.#ordered.has(code)) missing.add(code);
    }
    if (missing.size === 0) return;
    const keys: StateKey[] = [];
    for (const { key } of this.#entries.entries()) if (missing.has(key.charCodeAt(0))) keys.push(key);
    // Keys that come in order are appended, which costs next to nothing.
    for (const key of keys.sort()) this.#order(key);
    for (const code of missing) this.#ordered.add(code);
  }

  #order(key: StateKey): void {
    this.#keys.add(key);
    this.#orderedBytes += ORDERED_KEY_BYTES + key.length;
  }
}

/** The code of the highest first character that a key below `end` may have. */
const lastNamespace = (end: StateKey): number =>
  Math.min(255, end.charCodeAt(0) - (end.length === 1 ? 1 : 0));
