import { LinkedList } from './linked-list.ts';
import { isOptional, type Candidate } from './models/model.ts';

/** Operations that do the same, in order of call; only the unplaced ones are in the lists. */
interface Twins {
  readonly mandatory: readonly number[];
  readonly mandatoryList: LinkedList;
  readonly optional: readonly number[];
  readonly optionalList: LinkedList;
}

/**
 * Of several operations that do the same and could come next, only one has to be tried: the one that returns
 * first. In any legal order that takes another one first, the two can change places.
 */
export class Symmetry {
  readonly #candidates: readonly Candidate[];
  /** Of each candidate, if others do the same. */
  readonly #twins: (Twins | undefined)[];
  /** Place in the list of its twins, from 1 on. */
  readonly #place: Int32Array;

  /** `effectOf` is equal for candidates that do the same, and undefined for those that nothing else is like. */
  constructor(candidates: readonly Candidate[], effectOf: (i: number) => string | number | undefined) {
    this.#candidates = candidates;
    this.#twins = new Array<Twins | undefined>(candidates.length).fill(undefined);
    this.#place = new Int32Array(candidates.length);
    const classes = new Map<string | number, number[]>();
    for (const i of candidates.keys()) {
      const effect = effectOf(i);
      if (effect === undefined) continue;
      const members = classes.get(effect);
      if (members === undefined) classes.set(effect, [i]);
      else members.push(i);
    }
    for (const members of classes.values()) if (members.length > 1) this.#makeTwins(members);
  }

  take(i: number): void {
    const twins = this.#twins[i];
    if (twins !== undefined) this.#listOf(twins, i).lift(this.#place[i] as number);
  }

  untake(i: number): void {
    const twins = this.#twins[i];
    if (twins !== undefined) this.#listOf(twins, i).restore(this.#place[i] as number);
  }

  /** Whether another operation can stand for candidate `i` now. `deadlineMs()` is when the next one must have taken effect. */
  isNeedless(i: number, deadlineMs: () => number): boolean {
    const twins = this.#twins[i];
    if (twins === undefined) return false;
    const { mandatory, mandatoryList, optionalList } = twins;
    const { returnMs } = this.#at(i);
    const deadline = deadlineMs();
    for (let place = mandatoryList.first(); place !== 0; place = mandatoryList.next(place)) {
      const other = mandatory[place - 1] as number;
      const { callMs, returnMs: otherReturnMs } = this.#at(other);
      if (callMs > deadline) break;
      if (other !== i && (otherReturnMs < returnMs || (otherReturnMs === returnMs && other < i))) return true;
    }
    return isOptional(this.#at(i)) && optionalList.first() !== this.#place[i];
  }

  #makeTwins(members: number[]): void {
    members.sort((a, b) => this.#at(a).callMs - this.#at(b).callMs || a - b);
    const mandatory = members.filter((i) => !isOptional(this.#at(i)));
    const optional = members.filter((i) => isOptional(this.#at(i)));
    const twins: Twins = {
      mandatory,
      mandatoryList: new LinkedList(mandatory.length),
      optional,
      optionalList: new LinkedList(optional.length),
    };
    for (const list of [mandatory, optional])
      for (const [place, i] of list.entries()) this.#place[i] = place + 1;
    for (const i of members) this.#twins[i] = twins;
  }

  #listOf(twins: Twins, i: number): LinkedList {
    return isOptional(this.#at(i)) ? twins.optionalList : twins.mandatoryList;
  }

  #at(i: number): Candidate {
    return this.#candidates[i] as Candidate;
  }
}
