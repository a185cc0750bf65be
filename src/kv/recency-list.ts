/** What an item of a `RecencyList` carries for it. */
export interface Linked<T> {
  older: T | null;
  newer: T | null;
}

/**
 * Items in the order of their last use, linked through themselves. A `Map` keeps an order, too, but finding its
 * first entry takes longer the more of them were moved.
 */
export class RecencyList<T extends Linked<T>> {
  #oldest: T | null = null;
  #newest: T | null = null;

  get oldest(): T | null {
    return this.#oldest;
  }

  /** Appends an item that is in no list. */
  push(item: T): void {
    item.older = this.#newest;
    if (this.#newest === null) this.#oldest = item;
    else this.#newest.newer = item;
    this.#newest = item;
  }

  /** Takes out an item of this list. */
  remove(item: T): void {
    const { older, newer } = item;
    if (older === null) this.#oldest = newer;
    else older.newer = newer;
    if (newer === null) this.#newest = older;
    else newer.older = older;
    item.older = null;
    item.newer = null;
  }
}
