/** Why what a key holds cannot be right. */
export interface Violation {
  readonly key: number;
  readonly found: number | null;
  readonly lastAcked: number;
  readonly lastSent: number;
}

/**
 * Remembers, for every key, which writes were sent and acknowledged, to tell afterwards whether what the key holds is
 * possible. Writes have ascending numbers, which are in their values. A key has one write in flight at a time, so its
 * writes take effect in the order of their numbers; only one whose outcome is unknown may do so later.
 */
export class Ledger {
  readonly #lastSent: Float64Array;
  readonly #lastAcked: Float64Array;
  readonly #unknown = new Map<number, Set<number>>();
  #number = 0;

  constructor(keys: number) {
    this.#lastSent = new Float64Array(keys);
    this.#lastAcked = new Float64Array(keys);
  }

  /** The number of the write to `key` that is sent now. */
  sent(key: number): number {
    this.#lastSent[key] = ++this.#number;
    return this.#number;
  }

  acked(key: number, number: number): void {
    if (number > (this.#lastAcked[key] ?? 0)) this.#lastAcked[key] = number;
  }

  /** The write may have taken effect, may do so yet, or never will. */
  unknown(key: number, number: number): void {
    const numbers = this.#unknown.get(key) ?? new Set();
    numbers.add(number);
    this.#unknown.set(key, numbers);
  }

  /** Whether a read of `key`, made while nothing is in flight, may find this write (null: no value). */
  check(key: number, found: number | null): Violation | null {
    const lastSent = this.#lastSent[key] ?? 0;
    const lastAcked = this.#lastAcked[key] ?? 0;
    const possible =
      found === null
        ? lastAcked === 0
        : (found >= Math.max(1, lastAcked) && found <= lastSent) ||
          this.#unknown.get(key)?.has(found) === true;
    return possible ? null : { key, found, lastAcked, lastSent };
  }
}
