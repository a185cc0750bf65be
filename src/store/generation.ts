import { LAST_KEY } from './keys.ts';
import { SortedKeys } from './sorted-keys.ts';
import type { StateKey } from './store.ts';

/**
 * What an entry costs on the heap beyond the bytes of its key and value, as measured with Node 20 on 64 bits: the head
 * of the key's string, its places in the map and among the sorted keys, the entry; and of a value the object that it is, and its
 * share of the waste of the pool that it was cut from.
 */
const ENTRY_OVERHEAD_BYTES = 96;
const VALUE_OVERHEAD_BYTES = 120;

/** A value, or null: deleted, whatever lies below. */
export type Layered = Uint8Array | null;

/** What is said of a key. */
interface Entry {
  value: Layered;
}

/** Sorted writes over whatever lies below. */
export class Generation {
  readonly #entries = new Map<StateKey, Entry>();
  /** What was looked for last: a key is read and then written, and a look into a large map costs more than the rest. */
  #lastKey: StateKey = '';
  #lastEntry: Entry | undefined = undefined;
  readonly #keys = new SortedKeys();
  #bytes = 0;

  /** About what the entries take on the heap. */
  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  /** Undefined where nothing is said of the key here. */
  get(key: StateKey): Layered | undefined {
    return this.#find(key)?.value;
  }

  put(key: StateKey, value: Layered): void {
    const entry = this.#find(key);
    if (entry === undefined) {
      this.#lastEntry = { value };
      this.#entries.set(key, this.#lastEntry);
      this.#keys.add(key);
      this.#bytes += ENTRY_OVERHEAD_BYTES + key.length + valueBytes(value);
    } else {
      this.#bytes += valueBytes(value) - valueBytes(entry.value);
      entry.value = value;
    }
  }

  /** Forgets a key: what lies below shows again. */
  remove(key: StateKey): void {
    const entry = this.#find(key);
    if (entry === undefined) return;
    this.#lastEntry = undefined;
    this.#entries.delete(key);
    this.#keys.remove(key);
    this.#bytes -= ENTRY_OVERHEAD_BYTES + key.length + valueBytes(entry.value);
  }

  /** Entries from `start`, inclusive, to `end`, exclusive. Nothing may be written while the walk is under way. */
  *range(start: StateKey, end: StateKey, reverse: boolean): Generator<[StateKey, Layered], undefined> {
    for (const key of this.#keys.walk(start, end, reverse)) {
      const entry = this.#entries.get(key);
      if (entry !== undefined) yield [key, entry.value];
    }
    return undefined;
  }

  /** All entries, sorted. */
  *all(): Generator<[StateKey, Layered], undefined> {
    for (const key of this.#keys.walk('', LAST_KEY, false)) {
      const entry = this.#entries.get(key);
      if (entry !== undefined) yield [key, entry.value];
    }
    return undefined;
  }

  #find(key: StateKey): Entry | undefined {
    if (key !== this.#lastKey) {
      this.#lastKey = key;
      this.#lastEntry = this.#entries.get(key);
    }
    return this.#lastEntry;
  }
}

const valueBytes = (value: Layered): number => (value === null ? 0 : VALUE_OVERHEAD_BYTES + value.length);
