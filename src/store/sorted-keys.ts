import type { StateKey } from './store.ts';

const BLOCK_KEYS_MAX = 512;

/**
 * A sorted set of keys that is kept in order while it grows: blocks of a few hundred keys, so that an insertion
 * moves little and no call ever sorts the whole. Not to be changed while a walk is under way.
 */
export class SortedKeys {
  /** None is empty, but for the only one of an empty set. */
  readonly #blocks: StateKey[][] = [[]];

  /** The set of these keys, of which each is given once. */
  static of(keys: readonly StateKey[]): SortedKeys {
    const sorted = keys.toSorted();
    const set = new SortedKeys();
    for (let at = 0; at < sorted.length; at += BLOCK_KEYS_MAX / 2) {
      set.#blocks.push(sorted.slice(at, at + BLOCK_KEYS_MAX / 2));
    }
    if (set.#blocks.length > 1) set.#blocks.shift();
    return set;
  }

  /** Inserts a key that is not in the set; one that is stays there once. */
  add(key: StateKey): void {
    const at = this.#blockFor(key);
    const block = this.#block(at);
    const index = lowerBound(block, key);
    if (block[index] === key) return;
    if (index === block.length) block.push(key);
    else block.splice(index, 0, key);
    if (block.length > BLOCK_KEYS_MAX) {
      this.#blocks.splice(at + 1, 0, block.splice(block.length >> 1));
    }
  }

  remove(key: StateKey): void {
    const at = this.#blockFor(key);
    const block = this.#block(at);
    const index = lowerBound(block, key);
    if (block[index] !== key) return;
    block.splice(index, 1);
    if (block.length === 0 && this.#blocks.length > 1) this.#blocks.splice(at, 1);
  }

  /** The keys from `start`, inclusive, to `end`, exclusive, upwards or downwards. */
  *walk(start: StateKey, end: StateKey, reverse: boolean): Generator<StateKey, undefined> {
    let at = this.#blockFor(reverse ? end : start);
    let index = lowerBound(this.#block(at), reverse ? end : start);
    if (reverse) index--;
    for (;;) {
      const block = this.#blocks[at];
      if (block === undefined) return undefined;
      const key = block[index];
      if (key === undefined) {
        at += reverse ? -1 : 1;
        index = reverse ? (this.#blocks[at]?.length ?? 0) - 1 : 0;
        continue;
      }
      if (reverse ? key < start : key >= end) return undefined;
      yield key;
      index += reverse ? -1 : 1;
    }
  }

  /** The first block that ends at or above the key, else the last. */
  #blockFor(key: StateKey): number {
    const blocks = this.#blocks;
    let low = 0;
    let high = blocks.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      const last = this.#block(middle).at(-1);
      if (last !== undefined && last < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #block(at: number): StateKey[] {
    return this.#blocks[at] ?? [];
  }
}

/** Index of the first key that is not below the given one. */
function lowerBound(block: readonly StateKey[], key: StateKey): number {
  let low = 0;
  let high = block.length;
  const last = block[high - 1];
  // Keys that carry a time or a counter arrive in order.
  if (last === undefined || last < key) return high;
  while (low < high) {
    const middle = (low + high) >> 1;
    const candidate = block[middle];
    if (candidate !== undefined && candidate < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
