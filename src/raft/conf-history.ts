import { assert } from '../base/assert.ts';
import type { ConfState } from './types.ts';

/**
 * The configurations that the log holds. One is active from the moment that its entry is appended, committed or not
 * (paper §6), so a truncated log goes back to the one before.
 */
export class ConfHistory {
  /** Ascending; the first one is in force at and before the base of what can be asked for. */
  #changes: { readonly index: number; readonly conf: ConfState }[];

  constructor(index: number, conf: ConfState) {
    this.#changes = [{ index, conf }];
  }

  get active(): ConfState {
    return this.#last().conf;
  }

  /** Where the active configuration stands in the log. */
  get activeIndex(): number {
    return this.#last().index;
  }

  at(index: number): ConfState {
    const found = this.#changes.findLast((change) => change.index <= index);
    assert(found !== undefined, `the configuration at ${index} is known`);
    return found.conf;
  }

  append(index: number, conf: ConfState): void {
    assert(index > this.activeIndex, 'configurations come in the order of the log');
    this.#changes.push({ index, conf });
  }

  /** Entries from `index` on are gone; whether the active configuration changed by that. */
  truncateFrom(index: number): boolean {
    const before = this.#changes.length;
    while (this.#changes.length > 1 && this.activeIndex >= index) this.#changes.pop();
    return this.#changes.length !== before;
  }

  /** Nothing before `index` will be asked for. */
  compact(index: number): void {
    const first = this.#changes.findLastIndex((change) => change.index <= index);
    if (first > 0) this.#changes = this.#changes.slice(first);
  }

  reset(index: number, conf: ConfState): void {
    this.#changes = [{ index, conf }];
  }

  #last(): { readonly index: number; readonly conf: ConfState } {
    const last = this.#changes.at(-1);
    assert(last !== undefined, 'there is always a configuration');
    return last;
  }
}
