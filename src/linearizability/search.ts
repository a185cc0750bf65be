import type { HistoryHeader } from './history.ts';
import { Bitset } from './bitset.ts';
import { ConfigurationSet } from './configurations.ts';
import { EventList, LinkedList } from './linked-list.ts';
import { Symmetry } from './symmetry.ts';
import { isOptional, type Candidate, type Guide, type Model, type PreparedModel } from './models/model.ts';

/** What is known after some steps; `open` means that the search is not through. */
export type SearchVerdict = 'ok' | 'illegal' | 'open';

/** The candidates of one configuration are tried in this order. */
type Phase = 'observers' | 'others' | 'optional';

/** A state and its number in a map. */
const STATE_BYTES = 200;

interface Frame<State> {
  readonly i: number;
  readonly before: State;
  readonly phase: Phase;
  /** There is no need to try anything else in its place. */
  readonly isForced: boolean;
}

/**
 * The search for a legal order of the operations on one object: the algorithm of Wing and Gong ("Testing and
 * Verifying Concurrent Objects", 1993) as improved by Lowe ("Testing for linearizability", 2017): a depth-first
 * search over a linked list of calls and returns, which places one operation after the other, undoes what led
 * nowhere, and remembers configurations that it has seen. Departures: observers are placed at once and for good,
 * optional operations are tried last, of
 * operations that do the same only one is tried, and a guide cuts hopeless branches. It runs in slices and holds no clock.
 */
export class Search<State> {
  readonly #model: PreparedModel<State>;
  readonly #guide: Guide<State>;
  readonly #symmetry: Symmetry;
  /** `#mandatory[e]` and `#optional[o]`: the candidate with that number among its kind, in order of call. */
  readonly #mandatory: readonly number[];
  readonly #optional: readonly number[];
  readonly #candidates: readonly Candidate[];
  readonly #events: EventList;
  readonly #optionalList: LinkedList;
  readonly #rank: Int32Array;
  readonly #placed: Bitset;
  readonly #optionalPlaced: Bitset;
  readonly #seen: ConfigurationSet;
  readonly #stateIds = new Map<number | string, number>();
  readonly #stack: Frame<State>[] = [];
  #state: State;
  #unplaced: number;
  #phase: Phase = 'observers';
  #cursor: number;
  #isExhausted = false;
  #stepsTaken = 0;

  /** `isContradictory`: it is known that there is no legal order. */
  constructor(model: PreparedModel<State>, candidates: readonly Candidate[], isContradictory = false) {
    this.#model = model;
    this.#guide = model.guide();
    this.#symmetry = new Symmetry(candidates, (i) => model.effectOf(i));
    this.#candidates = candidates;
    const order = candidates.map((_, i) => i).sort((a, b) => this.#callMs(a) - this.#callMs(b) || a - b);
    this.#mandatory = order.filter((i) => !isOptional(candidates[i] as Candidate));
    this.#optional = order.filter((i) => isOptional(candidates[i] as Candidate));
    this.#rank = new Int32Array(candidates.length);
    for (const [rank, i] of this.#mandatory.entries()) this.#rank[i] = rank;
    for (const [rank, i] of this.#optional.entries()) this.#rank[i] = rank;
    this.#events = new EventList(this.#mandatory.map((i) => candidates[i] as Candidate));
    this.#optionalList = new LinkedList(this.#optional.length);
    this.#placed = new Bitset(this.#mandatory.length);
    this.#optionalPlaced = new Bitset(this.#optional.length);
    this.#seen = new ConfigurationSet(this.#placed.encodedLengthMax + this.#optionalPlaced.encodedLengthMax);
    this.#state = model.initial;
    this.#unplaced = this.#mandatory.length;
    this.#cursor = this.#events.first();
    this.#isExhausted = isContradictory || this.#guide.isHopeless(model.initial);
  }

  get stepsTaken(): number {
    return this.#stepsTaken;
  }

  /** Bytes of memory that grow with the search, nearly. */
  get bytes(): number {
    return this.#seen.bytes + this.#stateIds.size * STATE_BYTES;
  }

  /** The candidates placed so far, in their order; all of them, apart from optional ones, once the verdict is `ok`. */
  get order(): number[] {
    return this.#stack.map(({ i }) => i);
  }

  /** Goes on for at most `steps` steps. */
  run(steps: number): SearchVerdict {
    for (; steps > 0; steps--) {
      if (this.#isExhausted) return 'illegal';
      if (this.#unplaced === 0) return 'ok';
      this.#stepsTaken++;
      if (this.#phase === 'optional') this.#tryOptional();
      else this.#tryMandatory();
    }
    if (this.#isExhausted) return 'illegal';
    return this.#unplaced === 0 ? 'ok' : 'open';
  }

  #tryMandatory(): void {
    if (!this.#events.isCall(this.#cursor)) {
      // Whatever comes next must come before this return; behind it there is no candidate.
      if (this.#phase === 'observers') this.#enter('others', this.#events.first());
      else this.#enter('optional', this.#optionalList.first());
      return;
    }
    const i = this.#mandatory[this.#events.operationOf(this.#cursor)] as number;
    if ((this.#phase === 'others' || this.#model.isObserver(i)) && this.#tryToPlace(i)) return;
    this.#cursor = this.#events.next(this.#cursor);
  }

  #tryOptional(): void {
    const i = this.#cursor === 0 ? undefined : this.#optional[this.#cursor - 1];
    if (i === undefined || this.#callMs(i) > this.#deadlineMs()) {
      this.#backtrack();
      return;
    }
    if (this.#guide.isUseful(i, this.#state) && this.#tryToPlace(i)) return;
    this.#cursor = this.#optionalList.next(this.#cursor);
  }

  /** When the next operation must have taken effect: the first return of one that has not. */
  readonly #deadlineMs = (): number => {
    let element = this.#events.first();
    while (this.#events.isCall(element)) element = this.#events.next(element);
    const i = this.#mandatory[this.#events.operationOf(element)] as number;
    return (this.#candidates[i] as Candidate).returnMs;
  };

  #tryToPlace(i: number): boolean {
    if (this.#symmetry.isNeedless(i, this.#deadlineMs)) return false;
    const state = this.#model.step(this.#state, i);
    if (state === undefined) return false;
    const isForced = state === this.#state && this.#model.isObserver(i);
    if (this.#phase === 'observers' && !isForced) return false;
    if (this.#phase === 'optional' && state === this.#state) return false;
    this.#place(i);
    this.#guide.take(i);
    if (this.#guide.isHopeless(state) || (!isForced && !this.#isNew(state))) {
      this.#guide.untake(i);
      this.#unplace(i);
      return false;
    }
    this.#stack.push({ i, before: this.#state, phase: this.#phase, isForced });
    this.#state = state;
    this.#enter('observers', this.#events.first());
    return true;
  }

  #backtrack(): void {
    for (;;) {
      const frame = this.#stack.pop();
      if (frame === undefined) {
        this.#isExhausted = true;
        return;
      }
      this.#guide.untake(frame.i);
      this.#unplace(frame.i);
      this.#state = frame.before;
      if (frame.isForced) continue;
      const rank = this.#rank[frame.i] as number;
      if (frame.phase === 'optional') this.#enter('optional', this.#optionalList.next(rank + 1));
      else this.#enter(frame.phase, this.#events.next(this.#events.callOf(rank)));
      return;
    }
  }

  #place(i: number): void {
    this.#symmetry.take(i);
    const rank = this.#rank[i] as number;
    if (isOptional(this.#candidates[i] as Candidate)) {
      this.#optionalList.lift(rank + 1);
      this.#optionalPlaced.add(rank);
    } else {
      this.#events.lift(rank);
      this.#placed.add(rank);
      this.#unplaced--;
    }
  }

  #unplace(i: number): void {
    this.#symmetry.untake(i);
    const rank = this.#rank[i] as number;
    if (isOptional(this.#candidates[i] as Candidate)) {
      this.#optionalList.restore(rank + 1);
      this.#optionalPlaced.remove(rank);
    } else {
      this.#events.restore(rank);
      this.#placed.remove(rank);
      this.#unplaced++;
    }
  }

  #isNew(state: State): boolean {
    const key = this.#guide.keyOf(state);
    let id = this.#stateIds.get(key);
    if (id === undefined) {
      id = this.#stateIds.size;
      this.#stateIds.set(key, id);
    }
    return this.#seen.add(this.#placed, this.#optionalPlaced, id);
  }

  #enter(phase: Phase, cursor: number): void {
    this.#phase = phase;
    this.#cursor = cursor;
  }

  #callMs(i: number): number {
    return (this.#candidates[i] as Candidate).callMs;
  }
}

/** A search for the operations on one key, which starts with all that is known of them. */
export function openSearch(
  model: Model,
  candidates: readonly Candidate[],
  header: HistoryHeader,
): Search<unknown> {
  const narrowed = model.narrow(candidates);
  const usable = narrowed ?? candidates;
  return new Search(model.prepare(usable, header), usable, narrowed === undefined);
}
