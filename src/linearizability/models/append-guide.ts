import { LinkedList } from '../linked-list.ts';
import { Epochs } from './append-epochs.ts';
import type { Candidate, Guide } from './model.ts';
import { isBeginning, type ValueNode } from './value-node.ts';

/**
 * Looks ahead by two rules. The reads of the present epoch must still be possible: the shortest one begins with
 * the present value. And the read that returns first must still be possible: it begins with the present value, or
 * with that of a put that can come before it returns.
 */
export class AppendGuide implements Guide<ValueNode> {
  readonly #candidates: readonly Candidate[];
  readonly #text: readonly (string | undefined)[];
  /** In order of return. */
  readonly #reads: readonly number[];
  /** In order of call. */
  readonly #puts: readonly number[];
  readonly #readList: LinkedList;
  readonly #putList: LinkedList;
  /** Place in the list of reads or puts, from 1 on. */
  readonly #place: Int32Array;
  readonly #epochs: Epochs;

  constructor(candidates: readonly Candidate[], text: readonly (string | undefined)[]) {
    this.#candidates = candidates;
    this.#text = text;
    const all = candidates.map((_, i) => i);
    this.#reads = all
      .filter((i) => this.#kind(i) === 'get')
      .sort((a, b) => this.#at(a).returnMs - this.#at(b).returnMs);
    this.#puts = all
      .filter((i) => this.#kind(i) === 'put')
      .sort((a, b) => this.#at(a).callMs - this.#at(b).callMs);
    this.#readList = new LinkedList(this.#reads.length);
    this.#putList = new LinkedList(this.#puts.length);
    this.#place = new Int32Array(candidates.length);
    for (const list of [this.#reads, this.#puts])
      for (const [place, i] of list.entries()) this.#place[i] = place + 1;
    this.#epochs = new Epochs(candidates, text);
  }

  take(i: number): void {
    switch (this.#kind(i)) {
      case 'get':
        this.#readList.lift(this.#place[i] as number);
        this.#epochs.take(i);
        return;
      case 'put':
        this.#putList.lift(this.#place[i] as number);
        this.#epochs.begin(i);
    }
  }

  untake(i: number): void {
    switch (this.#kind(i)) {
      case 'get':
        this.#readList.restore(this.#place[i] as number);
        this.#epochs.untake(i);
        return;
      case 'put':
        this.#putList.restore(this.#place[i] as number);
        this.#epochs.undoBegin(i);
    }
  }

  /** What nobody is left to read is all the same. */
  keyOf(state: ValueNode): number {
    return this.#epochs.presentMayHaveReads() ? state.id : -1;
  }

  isHopeless(state: ValueNode): boolean {
    if (this.#epochs.hasMissed()) return true;
    const shortest = this.#epochs.shortest();
    if (shortest !== undefined && !this.#canBecome(state, shortest)) return true;
    const first = this.#readList.first();
    return first !== 0 && !this.#canComeToBe(state, this.#reads[first - 1] as number);
  }

  /** An append is needed if the present epoch has reads to come, a put if its own has. */
  isUseful(i: number): boolean {
    return this.#kind(i) === 'put' ? this.#epochs.mayHaveReads(i) : this.#epochs.presentMayHaveReads();
  }

  /** Whether appends can make of the value what the read `i` saw. */
  #canBecome(state: ValueNode, i: number): boolean {
    const text = this.#text[i];
    if (text === undefined || state.id === 0) return state.id === 0;
    return isBeginning(state, text);
  }

  /** Whether appends and puts can make of the value what the read `i` saw, in time. */
  #canComeToBe(state: ValueNode, i: number): boolean {
    if (this.#canBecome(state, i)) return true;
    const text = this.#text[i];
    if (text === undefined) return false;
    const { returnMs } = this.#at(i);
    for (let place = this.#putList.first(); place !== 0; place = this.#putList.next(place)) {
      const put = this.#puts[place - 1] as number;
      if (this.#at(put).callMs > returnMs) return false;
      if (text.startsWith(this.#text[put] as string)) return true;
    }
    return false;
  }

  #kind(i: number): string {
    return this.#at(i).operation.kind;
  }

  #at(i: number): Candidate {
    return this.#candidates[i] as Candidate;
  }
}
