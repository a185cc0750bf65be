import { assert } from '../base/assert.ts';
import type { Entry } from './types.ts';

/** Compacted entries that may lie in the array before it is cut, so that compaction costs little each time. */
const SLACK_ENTRIES = 4_096;

/** Stands where a compacted entry was, so that its data is free at once. */
const COMPACTED: Entry = { index: 0, term: 0, type: 'normal', stampMs: 0, data: new Uint8Array(0) };

/**
 * The log since the last compaction, in memory. It starts behind a base: the index and term of the entry before its
 * first one. Indexes are contiguous, terms and stamps never fall.
 */
export class RaftLog {
  #entries: Entry[];
  /** Entries at the start of the array that were compacted. */
  #skipped = 0;
  #baseIndex: number;
  #baseTerm: number;
  #baseStampMs: number;
  #bytes = 0;

  /** `baseStampMs` counts only while the log is empty; later stamps are told by the entries. */
  constructor(baseIndex: number, baseTerm: number, entries: readonly Entry[], baseStampMs = 0) {
    this.#baseStampMs = baseStampMs;
    this.#baseIndex = baseIndex;
    this.#baseTerm = baseTerm;
    this.#entries = [];
    for (const entry of entries) this.append(entry);
  }

  get firstIndex(): number {
    return this.#baseIndex + 1;
  }

  get lastIndex(): number {
    return this.#baseIndex + this.#entries.length - this.#skipped;
  }

  get lastTerm(): number {
    return this.#last()?.term ?? this.#baseTerm;
  }

  get lastStampMs(): number {
    return this.#last()?.stampMs ?? this.#baseStampMs;
  }

  /** Bytes of the data of all entries. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The term of the entry at `index`, also of the one before the first; undefined where the log does not reach. */
  termAt(index: number): number | undefined {
    return index === this.#baseIndex ? this.#baseTerm : this.#at(index)?.term;
  }

  /** Entries from `from` up to, not including, `to`; both within the log. */
  slice(from: number, to: number): Entry[] {
    if (from <= this.#baseIndex || to > this.lastIndex + 1 || from > to) {
      assert(false, `entries ${from} to ${to} are in the log`);
    }
    return this.#entries.slice(this.#position(from), this.#position(to));
  }

  /** Entries from `from` on, as many as fit the bounds, but at least one where there is one. */
  sliceWithin(from: number, countMax: number, bytesMax: number): Entry[] {
    const start = this.#position(from);
    const end = Math.min(this.#entries.length, start + countMax);
    let at = start;
    for (let bytes = 0; at < end; at++) {
      bytes += this.#entries[at]?.data.length ?? 0;
      if (bytes > bytesMax && at > start) break;
    }
    return this.#entries.slice(start, at);
  }

  /** Bytes of the data of those entries from `from` up to, not including, `to` that are of the term. */
  bytesOfTerm(term: number, from: number, to: number): number {
    let bytes = 0;
    const end = this.#position(to);
    for (let at = Math.max(this.#position(from), this.#skipped); at < end; at++) {
      const entry = this.#entries[at];
      if (entry?.term === term) bytes += entry.data.length;
    }
    return bytes;
  }

  append(entry: Entry): void {
    // Once for every entry of the cluster: messages of assertions are made only when they fail.
    if (entry.index !== this.lastIndex + 1 || entry.term < this.lastTerm) {
      assert(false, `entry ${entry.index}/${entry.term} follows ${this.lastIndex}/${this.lastTerm}`);
    }
    this.#entries.push(entry);
    this.#bytes += entry.data.length;
  }

  /** Removes the entry at `index` and all behind it. */
  truncateFrom(index: number): void {
    assert(index > this.#baseIndex, 'what was compacted is not truncated');
    const position = this.#position(index);
    for (let at = position; at < this.#entries.length; at++)
      this.#bytes -= this.#entries[at]?.data.length ?? 0;
    this.#entries.length = position;
  }

  /** Removes all entries up to and with `index`. */
  compact(index: number): void {
    const last = this.#at(index);
    if (last === undefined) assert(false, `entry ${index} is in the log`);
    const end = this.#position(index) + 1;
    for (let at = this.#skipped; at < end; at++) {
      this.#bytes -= this.#entries[at]?.data.length ?? 0;
      this.#entries[at] = COMPACTED;
    }
    this.#skipped = end;
    this.#baseIndex = index;
    this.#baseTerm = last.term;
    this.#baseStampMs = last.stampMs;
    if (this.#skipped > SLACK_ENTRIES && this.#skipped * 2 > this.#entries.length) this.#cut();
  }

  /** Forgets everything: the log goes on behind a snapshot. */
  reset(index: number, term: number, stampMs: number): void {
    this.#entries = [];
    this.#skipped = 0;
    this.#bytes = 0;
    this.#baseIndex = index;
    this.#baseTerm = term;
    this.#baseStampMs = stampMs;
  }

  /**
   * The last index, at most `index`, whose term is at most `term`: what a log that ends with `term` could share
   * with this one. With the other side doing the same, backing up takes one round a term (paper §5.3, end). Where
   * the search leaves the log at its start, the base is given, or `index` itself (term 0) if it lies before that.
   */
  lastWithTermAtMost(index: number, term: number): { index: number; term: number } {
    if (index < this.#baseIndex) return { index, term: 0 };
    // Terms never fall along the log, so the end of those that are at most `term` is found by halving.
    let low = this.#baseIndex;
    let high = Math.min(index, this.lastIndex);
    while (low < high) {
      const middle = low + ((high - low + 1) >> 1);
      if ((this.#at(middle)?.term ?? 0) <= term) low = middle;
      else high = middle - 1;
    }
    return { index: low, term: this.termAt(low) ?? 0 };
  }

  /** The first index from which on the entries take no more than `bytes`. */
  indexFromEnd(bytes: number): number {
    let rest = bytes;
    for (let index = this.lastIndex; index > this.#baseIndex; index--) {
      rest -= this.#at(index)?.data.length ?? 0;
      if (rest < 0) return index + 1;
    }
    return this.firstIndex;
  }

  #at(index: number): Entry | undefined {
    return index <= this.#baseIndex ? undefined : this.#entries[this.#position(index)];
  }

  #last(): Entry | undefined {
    return this.#entries.length > this.#skipped ? this.#entries[this.#entries.length - 1] : undefined;
  }

  #position(index: number): number {
    return index - this.#baseIndex - 1 + this.#skipped;
  }

  #cut(): void {
    this.#entries = this.#entries.slice(this.#skipped);
    this.#skipped = 0;
  }
}
