import { assert } from '../base/assert.ts';
import type { MemberId } from './types.ts';

/**
 * The terms of one member's log as they were seen last, so that a check after each step costs what the step
 * changed and not the length of the log.
 */
export class LogMirror {
  readonly member: MemberId;
  /** Index before the first one kept. */
  #base: number;
  /** Term of index `#base + 1 + i` at `#head + i`; what compaction left behind is cut off now and then. */
  #terms: number[] = [];
  #head = 0;
  /** Ascending indexes of the configuration entries in the log. */
  #confIndexes: number[] = [];

  constructor(member: MemberId, base: number) {
    this.member = member;
    this.#base = base;
  }

  get firstIndex(): number {
    return this.#base + 1;
  }

  get lastIndex(): number {
    return this.#base + this.#terms.length - this.#head;
  }

  termAt(index: number): number | undefined {
    return index > this.#base ? this.#terms[this.#head + index - this.#base - 1] : undefined;
  }

  append(term: number, isConfChange: boolean): void {
    this.#terms.push(term);
    if (isConfChange) this.#confIndexes.push(this.lastIndex);
  }

  /** Drops every entry above `index`. */
  truncate(index: number): void {
    assert(index >= this.#base, `mirror of ${this.member}: cut to ${index} below ${this.#base}`);
    this.#terms.length = this.#head + index - this.#base;
    while ((this.#confIndexes.at(-1) ?? 0) > index) this.#confIndexes.pop();
  }

  /** Drops every entry up to `index`; past the end, the log starts anew there. */
  compact(index: number): void {
    if (index > this.lastIndex) {
      this.#terms = [];
      this.#head = 0;
      this.#confIndexes = [];
    } else {
      this.#head += index - this.#base;
      if (this.#head > 1024 && this.#head * 2 > this.#terms.length) {
        this.#terms.splice(0, this.#head);
        this.#head = 0;
      }
      while ((this.#confIndexes[0] ?? Infinity) <= index) this.#confIndexes.shift();
    }
    this.#base = index;
  }

  /** The last configuration entry before `index`, 0 if there is none in the log. */
  confIndexBefore(index: number): number {
    return this.#confIndexes.findLast((at) => at < index) ?? 0;
  }
}
