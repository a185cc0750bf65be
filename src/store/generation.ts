import { LAST_KEY } from './keys.ts';
import { SortedKeys } from './sorted-keys.ts';
import type { StateKey } from './store.ts';

/** What an entry of the overlay is counted with beyond its key and value: about what it costs on the heap. */
const ENTRY_OVERHEAD_BYTES = 64;

/** A value, or null: deleted, whatever lies below. */
export type Layered = Uint8Array | null;

/** Sorted writes over whatever lies below. */
export class Generation {
  readonly #entries = new Map<StateKey, Layered>();
  readonly #keys = new SortedKeys();
  #bytes = 0;

  /** Bytes held, overhead included. */
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
    const bytes = value === null ? 0 : value.length;
    if (before === undefined) {
      this.#keys.add(key);
      this.#bytes += ENTRY_OVERHEAD_BYTES + key.length + bytes;
    } else {
      this.#bytes += bytes - (before === null ? 0 : before.length);
    }
  }

  /** Forgets a key: what lies below shows again. */
  remove(key: StateKey): void {
    const before = this.#entries.get(key);
    if (before === undefined) return;
    this.#entries.delete(key);
    this.#keys.remove(key);
    this.#bytes -= ENTRY_OVERHEAD_BYTES + key.length + (before === null ? 0 : before.length);
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
