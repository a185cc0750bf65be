import type { HistoryHeader, OperationKind } from '../history.ts';
import { BranchingStore } from './branching-store.ts';
import type { Candidate, Guide, Model, PreparedModel } from './model.ts';
import { VersionedGuide } from './versioned-guide.ts';
import { absentFromStart, type VersionedState } from './versioned-state.ts';
import { VersionedSteps } from './versioned-steps.ts';
import { narrowByValue, type ValueEffect } from './value-narrowing.ts';
import { ValueTable } from './values.ts';

export const DEFAULT_CLOCK_TOLERANCE_MS = 50;

/**
 * A store in which every change gives a key a greater version, and in which keys expire.
 *
 * An expiry is an event inside the system, after the write that set the time to live, whose time no client sees.
 * What is checked (and argued in docs/history-format.md): it does not happen before `ttlMs` have passed since the
 * write was called, less the clock tolerance; it may happen at any time from then on, or never; once a client saw
 * a key expired, it stays absent until it is written again.
 */
export const versionedModel: Model = {
  name: 'versioned',
  // Values that are made from other values may be made in many ways.
  narrow: (candidates) =>
    candidates.some(isBranching) ? candidates : narrowByValue(candidates, effectOf, false),
  prepare: (candidates, header): PreparedModel<unknown> =>
    candidates.some(isBranching)
      ? new BranchingStore(candidates, toleranceOf(header))
      : new VersionedStore(candidates, toleranceOf(header)),
};

const toleranceOf = ({ clockToleranceMs }: HistoryHeader): number =>
  clockToleranceMs ?? DEFAULT_CLOCK_TOLERANCE_MS;

/** Operations whose effect depends on the value that there was, and batches. */
const branchingKinds: ReadonlySet<OperationKind> = new Set<OperationKind>([
  'append',
  'prepend',
  'increment',
  'decrement',
  'put-hash',
  'batch',
]);

const isBranching = ({ operation }: Candidate): boolean => branchingKinds.has(operation.kind);

function effectOf({ operation }: Candidate): ValueEffect {
  const { kind, value, when, result } = operation;
  if (result !== undefined && result.status !== 'ok') return { isOutsider: result.status === 'not-found' };
  if (kind === 'set' || kind === 'cas') return { writes: value as string, isOutsider: true };
  if (kind === 'get' || kind === 'getm') return { reads: result?.value ?? null, isOutsider: true };
  if (kind === 'touch')
    return result?.value === undefined ? { isOutsider: false } : { reads: result.value, isOutsider: true };
  return { isOutsider: kind === 'delete' || when === 'absent' };
}

/** Of each operation it is known what it leaves, whatever the value was. */
class VersionedStore implements PreparedModel<VersionedState> {
  readonly initial = absentFromStart;
  readonly #candidates: readonly Candidate[];
  readonly #values = new ValueTable();
  readonly #steps: VersionedSteps;

  constructor(candidates: readonly Candidate[], toleranceMs: number) {
    this.#candidates = candidates;
    this.#steps = new VersionedSteps(candidates, toleranceMs, this.#values);
  }

  step(state: VersionedState, i: number): VersionedState | undefined {
    return this.#steps.step(state, i);
  }

  isObserver(i: number): boolean {
    const { kind, result } = (this.#candidates[i] as Candidate).operation;
    const reads = kind === 'get' || kind === 'getm' || kind === 'check';
    return reads || (result !== undefined && result.status !== 'ok');
  }

  effectOf(i: number): string | undefined {
    const { kind, when, version, ttlMs, result } = (this.#candidates[i] as Candidate).operation;
    // A time to live counts from the call, so no two such writes are alike; and an answer has its own version.
    if (result !== undefined || (ttlMs ?? 0) > 0) return undefined;
    return `${kind} ${when} ${version} ${this.#steps.value[i]}`;
  }

  guide(): Guide<VersionedState> {
    return new VersionedGuide(this.#candidates, this.#steps.value, this.#values.size);
  }

  describe(state: VersionedState): string {
    return this.#steps.describe(state);
  }

  whyNot(state: VersionedState, i: number): string {
    return this.#steps.whyNot(state, i);
  }
}
