import type { HistoryHeader, ModelName, Operation } from '../history.ts';
import type { Interval } from '../linked-list.ts';

/**
 * An operation as the search sees it: with the span of time in which it takes effect, which may be narrower than
 * from call to return. One that need not take effect at all returns at Infinity.
 */
export interface Candidate extends Interval {
  readonly operation: Operation;
  /** Its place in the history. */
  readonly index: number;
}

/** Whether the operation may be left out: nothing says that it took effect. */
export function isOptional(candidate: Candidate): boolean {
  return candidate.returnMs === Infinity;
}

/** A sequential specification: what an object answers to operations that come one after the other. */
export interface Model {
  readonly name: ModelName;
  /**
   * The candidates for one key, with the spans in which they can take effect as narrow as is easy to know: every
   * legal order of the candidates is one of the result, and the other way round. An optional candidate that was
   * seen is optional no more. Undefined if there is no legal order for sure.
   */
  narrow(candidates: readonly Candidate[]): readonly Candidate[] | undefined;
  /** The specification made ready for the operations on one key; everywhere below they are named by their place in `candidates`. */
  prepare(candidates: readonly Candidate[], header: HistoryHeader): PreparedModel<unknown>;
}

export interface PreparedModel<State> {
  readonly initial: State;
  /**
   * The state after the operation, or undefined if it cannot come next with what it answered. Steps of an
   * observer that tell nothing new return the very state that they were given.
   */
  step(state: State, i: number): State | undefined;
  /**
   * Whether the operation, answered as it was, changes nothing wherever it stands. Where such a step is possible
   * and tells nothing new, the search takes it at once and needs no other order: in any legal order that starts
   * with what stands so far, the observer can be moved forward to here.
   */
  isObserver(i: number): boolean;
  /**
   * Equal for operations that lead from every state to the same state, if they are no observers; undefined for
   * those that no other is like.
   */
  effectOf(i: number): number | string | undefined;
  /** Knowledge about what is left to be placed, which starts with everything. */
  guide(): Guide<State>;
  /** The state for people, on one line. */
  describe(state: State): string;
  /** Why `step` refuses the operation in this state. */
  whyNot(state: State, i: number): string;
}

/**
 * Looks ahead, so that the search gives up early. It may only rule out what is impossible or needless: a guide
 * makes a search shorter and never changes a verdict.
 */
export interface Guide<State> {
  /** The operation is placed. */
  take(i: number): void;
  /** The operation that was placed last is not placed any more. */
  untake(i: number): void;
  /** Different for states that what is left can tell apart. */
  keyOf(state: State): number | string;
  /** True only if no legal order of all that is left starts in this state. */
  isHopeless(state: State): boolean;
  /**
   * False only if every legal order that starts in this state with this optional operation stays legal without
   * it. Asked before the operation is taken.
   */
  isUseful(i: number, state: State): boolean;
}
