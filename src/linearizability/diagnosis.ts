import type { Budget } from './budget.ts';
import type { HistoryHeader } from './history.ts';
import { isOptional, type Candidate, type Model, type PreparedModel } from './models/model.ts';
import type { Partition } from './partition.ts';
import { openSearch } from './search.ts';

/** Where a history stops being linearizable. */
export interface Diagnosis {
  /** A legal order of everything that had returned before the blocked operation did. */
  readonly order: readonly Candidate[];
  /** The operation whose return leaves no legal order. */
  readonly blocked: Candidate;
  /** Why it cannot come next in that order; in every other order something else is in the way. */
  readonly reason: string;
  /** The state at the end of that order. */
  readonly state: string;
  /** False if the budget did not suffice to find the first such operation; then it is one of the later ones. */
  readonly isFirst: boolean;
}

/**
 * Finds the first return at which an illegal history has no legal order any more, by bisection: what had returned
 * by then must be placed, what had only been called may be. Each prefix is a search of its own with all means,
 * so this is as quick as the check was.
 */
export function diagnose(
  model: Model,
  header: HistoryHeader,
  partition: Partition,
  budget: Budget,
): Diagnosis {
  const { candidates } = partition;
  const returns = candidates.filter((candidate) => !isOptional(candidate));
  returns.sort((a, b) => a.returnMs - b.returnMs || a.index - b.index);
  const whole = model.prepare(candidates, header);
  const observers = new Set(candidates.filter((_, i) => whole.isObserver(i)));

  let legal: { readonly count: number; readonly order: readonly Candidate[] } = { count: 0, order: [] };
  let illegalCount = returns.length;
  while (legal.count + 1 < illegalCount) {
    const count = (legal.count + illegalCount) >>> 1;
    const prefix = prefixOf(
      candidates,
      new Set(returns.slice(0, count)),
      returns[count - 1] as Candidate,
      observers,
    );
    const search = openSearch(model, prefix.known, header);
    const verdict = budget.run(search, Infinity);
    if (verdict === 'open') break;
    if (verdict === 'illegal') illegalCount = count;
    else legal = { count, order: search.order.map((i) => prefix.originals[i] as Candidate) };
  }
  const blocked = returns[illegalCount - 1] as Candidate;
  const { state, reason } = explain(whole, candidates, legal.order, blocked);
  return { order: legal.order, blocked, reason, state, isFirst: legal.count + 1 === illegalCount };
}

/** What is known by the time that `last` returns. */
function prefixOf(
  candidates: readonly Candidate[],
  returned: ReadonlySet<Candidate>,
  last: Candidate,
  observers: ReadonlySet<Candidate>,
): { readonly originals: Candidate[]; readonly known: Candidate[] } {
  const originals = candidates.filter(
    (each) => returned.has(each) || (each.callMs <= last.returnMs && !observers.has(each)),
  );
  const known = originals.map((each) => (returned.has(each) ? each : { ...each, returnMs: Infinity }));
  return { originals, known };
}

function explain(
  model: PreparedModel<unknown>,
  candidates: readonly Candidate[],
  order: readonly Candidate[],
  blocked: Candidate,
): { readonly state: string; readonly reason: string } {
  const state = replay(model, candidates, order).at(-1) ?? model.initial;
  const i = candidates.indexOf(blocked);
  const reason =
    model.step(state, i) === undefined
      ? model.whyNot(state, i)
      : 'it could come next, but then another operation that must come before its return has no place left';
  return { state: model.describe(state), reason };
}

/** The states after each operation of a legal order. */
export function replay(
  model: PreparedModel<unknown>,
  candidates: readonly Candidate[],
  order: readonly Candidate[],
): unknown[] {
  const places = new Map(candidates.map((candidate, i) => [candidate, i]));
  const states: unknown[] = [];
  let state = model.initial;
  for (const candidate of order) {
    state = model.step(state, places.get(candidate) as number) ?? state;
    states.push(state);
  }
  return states;
}
