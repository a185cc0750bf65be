import { LAST_KEY } from './keys.ts';
import { SortedKeys } from './sorted-keys.ts';
import type { StateKey } from './store.ts';

/**
 * What an entry costs on the heap beyond the bytes of its key and value, as measured with Node 20 on 64 bits: the head
 * of the key's string, its places in the map and among the sorted keys; and of a value the object that it is, and its
 * share of the waste of the pool that it was cut from.
 */
const ENTRY_OVERHEAD_BYTES = 80;
const VALUE_OVERHEAD_BYTES = 120;

/** A value, or null: deleted, whatever lies below. */
export type Layered = Uint8Array | null;

/** Sorted writes over whatever lies below. */
export class Generation {
  readonly #entries = new Map<StateKey, Layered>();
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
    return this.#entries.get(key);
  }

  put(key: StateKey, value: Layered): void {
    const before = this.#entries.get(key);
    this.#entries.set(key, value);
    if (before === undefined) {
      this.#keys.add(key);
      this.#bytes += ENTRY_OVERHEAD_BYTES + key.length + valueBytes(value);
    } else {
      this.#bytes += valueBytes(value) - valueBytes(before);
    }
  }

  /** Forgets a key: what lies below shows again. */
  remove(key: StateKey): void {
    const before = this.#entries.get(key);
    if (before === undefined) return;
    this.#entries.delete(key);
    this.#keys.remove(key);
    this.#bytes -= ENTRY_OVERHEAD_BYTES + key.length + valueBytes(before);
  }

  /** Entries from `start`, inclusive, to `end`, exclusive. Nothing may be written while the walk is under way. */
  *range(start: StateKey, end: StateKey, reverse: boolean): Generator<[StateKey, Layered], undefined> {
    for (const key of this.#keys.walk(start, end, reverse)) {
      const value = this.#entries.get(key);
      if (value !== undefined) yield [key, value];
    }
    return undefined;
  }

  /** All entries, sorted. */
  *all(): Generator<[StateKey, Layered], undefined> {
    for (const key of this.#keys.walk('', LAST_KEY, false)) {
      const value = this.#entries.get(key);
      if (value !== undefined) yield [key, value];
    }
    return undefined;
  }
}

const valueBytes = (value: Layered): number => (value === null ? 0 : VALUE_OVERHEAD_BYTES + value.length);
