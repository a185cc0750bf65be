import type { StateKey } from './store.ts';

/**
 * Remembers, per namespace (the first character of a key), a key below which nothing is alive. Who asks again and
 * again for the first key of a namespace (the next expiry) is so spared the walk over everything at its beginning
 * that was deleted but still lies, hidden, in the layers below.
 */
export class Floors {
  /** By the code of the first character; undefined where nothing is known. */
  #floors: (StateKey | undefined)[] = [];

  /** Where a walk that is to begin at `start` may begin. */
  raise(start: StateKey): StateKey {
    const floor = this.#floors[start.charCodeAt(0)];
    return floor !== undefined && floor > start ? floor : start;
  }

  /** A walk from `start` found `first` as the first living key, or nothing before it. */
  found(start: StateKey, first: StateKey): void {
    if (start === '') return;
    const code = start.charCodeAt(0);
    if (start > (this.#floors[code] ?? String.fromCharCode(code))) return;
    const end = String.fromCharCode(code + 1);
    this.#floors[code] = first < end ? first : end;
  }

  /** The key lives from now on. */
  put(key: StateKey): void {
    const code = key.charCodeAt(0);
    const floor = this.#floors[code];
    if (floor !== undefined && key < floor) this.#floors[code] = key;
  }

  clear(): void {
    this.#floors = [];
  }
}
