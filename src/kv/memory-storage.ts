import { assert } from '../base/assert.ts';
import type { RangeOptions, StateKey, StateStorage } from '../store/store.ts';

const CHUNK_KEYS_MAX = 512;

/**
 * A `StateStorage` on the heap: a map for the values, and the keys in sorted chunks, so that an
 * insertion moves few of them. Values are copied on their way in.
 */
export class MemoryStorage implements StateStorage {
  readonly #values = new Map<StateKey, Uint8Array>();
  /** Never an empty chunk; keys ascend within a chunk and from chunk to chunk. */
  readonly #chunks: StateKey[][] = [];

  get size(): number {
    return this.#values.size;
  }

  get(key: StateKey): Uint8Array | undefined {
    return this.#values.get(key);
  }

  put(key: StateKey, value: Uint8Array): void {
    const { size } = this.#values;
    this.#values.set(key, Buffer.from(value));
    if (this.#values.size > size) this.#insertKey(key);
  }

  delete(key: StateKey): void {
    if (!this.#values.delete(key)) return;
    const at = this.#chunkOf(key);
    const chunk = this.#chunks[at];
    assert(chunk !== undefined, 'a stored key stands in a chunk');
    chunk.splice(lowerBound(chunk, key), 1);
    if (chunk.length === 0) this.#chunks.splice(at, 1);
  }

  *range({
    start,
    end,
    reverse = false,
    limit = Infinity,
  }: RangeOptions): IterableIterator<[StateKey, Uint8Array]> {
    let left = limit;
    for (const key of reverse ? this.#keysBelow(end) : this.#keysFrom(start)) {
      if (left-- <= 0 || (reverse ? key < start : key >= end)) return;
      const value = this.#values.get(key);
      assert(value !== undefined, 'a key in a chunk has a value');
      yield [key, value];
    }
  }

  /** An independent storage with the same keys and copies of the values. */
  copy(): MemoryStorage {
    const copy = new MemoryStorage();
    for (const [key, value] of this.#values) copy.put(key, value);
    return copy;
  }

  #insertKey(key: StateKey): void {
    const at = Math.min(this.#chunkOf(key), Math.max(0, this.#chunks.length - 1));
    const chunk = this.#chunks[at];
    if (chunk === undefined) {
      this.#chunks.push([key]);
      return;
    }
    chunk.splice(lowerBound(chunk, key), 0, key);
    if (chunk.length > CHUNK_KEYS_MAX) this.#chunks.splice(at + 1, 0, chunk.splice(chunk.length >> 1));
  }

  /** The first chunk whose last key is not below `key`; the number of chunks if there is none. */
  #chunkOf(key: StateKey): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const last = this.#chunks[middle]?.at(-1);
      assert(last !== undefined, 'no chunk is empty');
      if (last < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Ascending. */
  *#keysFrom(start: StateKey): IterableIterator<StateKey> {
    const first = this.#chunkOf(start);
    for (const chunk of this.#chunks.slice(first, first + 1)) yield* chunk.slice(lowerBound(chunk, start));
    for (let at = first + 1; at < this.#chunks.length; at++) yield* this.#chunks[at] ?? [];
  }

  /** Descending. */
  *#keysBelow(end: StateKey): IterableIterator<StateKey> {
    const last = this.#chunkOf(end);
    for (const chunk of this.#chunks.slice(last, last + 1))
      yield* chunk.slice(0, lowerBound(chunk, end)).toReversed();
    for (let at = last - 1; at >= 0; at--) yield* (this.#chunks[at] ?? []).toReversed();
  }
}

/** The index of the first key that is not below `key`. */
function lowerBound(keys: readonly StateKey[], key: StateKey): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((keys[middle] ?? '') < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
