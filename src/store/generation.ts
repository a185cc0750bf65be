import { ByteMap, type Layered } from './byte-map.ts';
import { hashKey } from './key-hash.ts';
import { LAST_KEY } from './keys.ts';
import { SortedKeys } from './sorted-keys.ts';
import type { StateKey } from './store.ts';

/** What an entry costs beyond its bytes in the map: its slot there, the string of its key, its place among the sorted keys. */
const ENTRY_OVERHEAD_BYTES = 72;
/** What was replaced may take as much room as what is valid, and this much more. */
const GARBAGE_BYTES = 4 * 1024;

/** Sorted writes over whatever lies below. Values are copied on their way in, and those given out stay as they are. */
export class Generation {
  readonly #entries = new ByteMap();
  readonly #keys = new SortedKeys();
  #keyBytes = 0;

  /** About what the entries take in memory; what was replaced may take as much again for a while. */
  get bytes(): number {
    return this.#entries.liveBytes + this.#keyBytes;
  }

  /** Bytes of the entries, with those that were replaced and still take room. */
  get usedBytes(): number {
    return this.#entries.usedBytes;
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  /** Undefined where nothing is said of the key here. `hash` is the key's, where it is known. */
  get(key: StateKey, hash = hashKey(key)): Layered | undefined {
    return this.#entries.get(key, hash);
  }

  put(key: StateKey, value: Layered, hash = hashKey(key)): void {
    const entries = this.#entries;
    if (entries.put(key, hash, value)) {
      this.#keys.add(key);
      this.#keyBytes += ENTRY_OVERHEAD_BYTES + key.length;
    }
    if (entries.usedBytes > 2 * entries.liveBytes + GARBAGE_BYTES) entries.retireOldest(true);
  }

  /** Forgets a key: what lies below shows again. */
  remove(key: StateKey, hash = hashKey(key)): void {
    if (!this.#entries.remove(key, hash)) return;
    this.#keys.remove(key);
    this.#keyBytes -= ENTRY_OVERHEAD_BYTES + key.length;
  }

  /** Entries from `start`, inclusive, to `end`, exclusive. Nothing may be written while the walk is under way. */
  *range(start: StateKey, end: StateKey, reverse: boolean): Generator<[StateKey, Layered], undefined> {
    for (const key of this.#keys.walk(start, end, reverse)) {
      const value = this.get(key);
      if (value !== undefined) yield [key, value];
    }
    return undefined;
  }

  /** All entries, sorted. */
  all(): Generator<[StateKey, Layered], undefined> {
    return this.range('', LAST_KEY, false);
  }
}
