import type { Operation } from '../history.ts';
import type { Text } from '../text.ts';
import type { Candidate, Guide, PreparedModel } from './model.ts';
import { numberOf, update, updateOfNothing } from './updates.ts';
import { ValueTable } from './values.ts';
import { VersionOrder } from './version-order.ts';
import { absentFromStart, expiredBy, stateKey, type VersionedState } from './versioned-state.ts';
import { ofVersion, VersionedSteps } from './versioned-steps.ts';

/** All that a key may hold: what is appended to a key that may have expired leads to two states. At least one. */
type States = readonly VersionedState[];

/** The operations that a candidate consists of, as places in the list of all parts. */
interface Parts {
  readonly from: number;
  readonly to: number;
  /** Those from here on are part of a batch that was not done, behind the first one that would have changed something. */
  readonly supposedFrom: number;
}

/** A versioned store with operations that make a value from the one that there is, and with batches. */
export class BranchingStore implements PreparedModel<States> {
  readonly initial: States = [absentFromStart];
  readonly #candidates: readonly Candidate[];
  readonly #values = new ValueTable();
  readonly #parts: readonly Candidate[];
  readonly #partsOf: readonly Parts[];
  /** By part. */
  readonly #isInBatch: readonly boolean[];
  readonly #steps: VersionedSteps;

  constructor(candidates: readonly Candidate[], toleranceMs: number) {
    this.#candidates = candidates;
    const parts = candidates.map(partsOf);
    let to = 0;
    this.#partsOf = candidates.map(({ operation: { kind, result } }, i) => {
      const own = parts[i] as Candidate[];
      const from = to;
      to += own.length;
      if (kind !== 'batch' || result?.status !== 'not-applied') return { from, to, supposedFrom: to };
      const known = own.findIndex(({ operation }) => !tells(operation));
      return { from, to, supposedFrom: known < 0 ? to : from + known };
    });
    const isInBatch = parts.flatMap((own, i) => own.map(() => this.#operation(i).kind === 'batch'));
    this.#isInBatch = isInBatch;
    this.#parts = parts.flat();
    this.#steps = new VersionedSteps(this.#parts, toleranceMs, this.#values, (p) => isInBatch[p] as boolean);
  }

  step(states: States, i: number): States | undefined {
    const { kind, result } = this.#operation(i);
    const { from, to } = this.#partsOf[i] as Parts;
    const tries = (before: States): States =>
      result?.status === 'not-applied' ? this.#suppose(before, i) : this.#run(before, from, to);
    const next = kind === 'batch' ? this.#batch(states, i, tries) : tries(states);
    if (next.length === 0) return undefined;
    const isSame = next.length === states.length && next.every((state, at) => state === states[at]);
    return isSame ? states : next;
  }

  isObserver(i: number): boolean {
    const operation = this.#operation(i);
    const isUndone = operation.result !== undefined && operation.result.status !== 'ok';
    return isUndone || operation.kind.startsWith('get') || tells(operation);
  }

  effectOf(i: number): string | undefined {
    const {
      kind,
      when,
      version,
      value,
      by,
      initial,
      ttlMs = 0,
      result,
    } = (this.#candidates[i] as Candidate).operation;
    // A time to live counts from the call, so no two such writes are alike; and an answer has its own version.
    if (result !== undefined || ttlMs > 0 || kind === 'touch' || kind === 'batch') return undefined;
    return JSON.stringify([kind, when, version, value, by, initial]);
  }

  guide(): Guide<States> {
    const order = new VersionOrder(this.#candidates);
    return {
      take: (i) => order.take(i),
      untake: (i) => order.untake(i),
      keyOf,
      isHopeless: (states) => states.every(({ floor }) => order.isPassed(floor)),
      isUseful: () => true,
    };
  }

  describe(states: States): string {
    return states.map((state) => this.#steps.describe(state)).join('; or ');
  }

  whyNot(states: States, i: number): string {
    const { from, to } = this.#partsOf[i] as Parts;
    let before = states;
    for (let p = from; p < to; p++) {
      const next = this.#run(before, p, p + 1);
      const why = (): string => before.map((state) => this.#steps.whyNot(state, p)).join('; or ');
      if (next.length === 0)
        return to - from > 1 ? `operation ${p - from + 1} of the batch: ${why()}` : why();
      before = next;
    }
    return `it cannot be in ${this.describe(states)}`;
  }

  #operation(i: number): Operation {
    return (this.#candidates[i] as Candidate).operation;
  }

  /** A key expires before a batch or behind it, not in the middle. */
  #batch(states: States, i: number, tries: (before: States) => States): States {
    const { operation, returnMs } = this.#candidates[i] as Candidate;
    const isDone = operation.result?.status !== 'not-applied';
    const next = states.flatMap((state) => {
      if (returnMs < state.notBeforeMs) return [];
      const gone = expiredBy(state, returnMs);
      const reached = tries([state]);
      // Of a state that stays as it is, the key may as well expire later.
      return gone === undefined || (!isDone && reached.length > 0) ? reached : [...reached, ...tries([gone])];
    });
    return distinct(next);
  }

  /** What is known behind a batch that was not done: the rest of it has to be possible only. */
  #suppose(states: States, i: number): States {
    const { from, supposedFrom, to } = this.#partsOf[i] as Parts;
    return this.#run(states, from, supposedFrom).filter(
      (state) => this.#run([state], supposedFrom, to).length > 0,
    );
  }

  /** What the parts lead to, one after the other. */
  #run(states: States, from: number, to: number): States {
    let next = states;
    for (let p = from; p < to; p++) next = distinct(next.flatMap((state) => this.#successors(state, p)));
    return next;
  }

  #successors(state: VersionedState, p: number): VersionedState[] {
    const part = this.#parts[p] as Candidate;
    const { kind, result, version } = part.operation;
    const isDone = result === undefined || result.status === 'ok' || result.status === 'not-applied';
    switch (kind) {
      case 'append':
      case 'prepend':
      case 'increment':
      case 'decrement':
      case 'put-hash':
        if (isDone) return this.#update(state, p, part);
        break;
      case 'delete':
        // In a batch: that there is nothing to delete is no reason not to do the others.
        if (isDone && result?.status !== 'ok' && version === undefined && this.#isInBatch[p])
          return defined([this.#steps.step(state, p), this.#steps.absent(state, p)]);
    }
    if (result?.status === 'not-a-number')
      return state.value !== 0 && numberOf(this.#values.textOf(state.value)) === undefined ? [state] : [];
    return defined([this.#steps.step(state, p)]);
  }

  /** The key is there and its value is changed; or it is not, maybe because it has expired. */
  #update(state: VersionedState, p: number, part: Candidate): VersionedState[] {
    if (part.returnMs < state.notBeforeMs) return [];
    const { operation } = part;
    const { kind, version, ttlMs = 0 } = operation;
    const successors: (VersionedState | undefined)[] = [];
    const there = state.value === 0 ? undefined : ofVersion(state, version);
    if (there !== undefined) {
      const updated = update(operation, this.#values.textOf(there.value));
      if (updated !== undefined && fits(operation, updated.answer))
        successors.push(
          this.#steps.write(there, p, this.#values.idOf(updated.made), kind === 'put-hash' ? 0 : undefined),
        );
    }
    const gone = this.#steps.absent(state, p);
    const made = gone === undefined ? undefined : updateOfNothing(operation);
    // The old value of an absent key is told as an empty one.
    const answer = kind === 'put-hash' ? '' : made?.answer;
    if (gone !== undefined && made !== undefined && fits(operation, answer))
      successors.push(this.#steps.write(gone, p, this.#values.idOf(made.made), ttlMs));
    return defined(successors);
  }
}

/** The operations of a batch as candidates of their own; of any other operation itself. */
function partsOf(candidate: Candidate): Candidate[] {
  const { operation } = candidate;
  const { ops, result } = operation;
  if (ops === undefined) return [candidate];
  const { key, client, callMs, returnMs, outcome } = operation;
  return ops.map((op, at) => {
    const own = result?.results?.[at];
    const part: Operation = { ...op, key, client, callMs, returnMs, outcome };
    return { ...candidate, operation: own === undefined ? part : { ...part, result: own } };
  });
}

/** Whether it changes nothing, and was not only supposed to. */
function tells({ kind, result }: Operation): boolean {
  return (
    kind === 'check' || (result !== undefined && result.status !== 'ok' && result.status !== 'not-applied')
  );
}

const fits = ({ result }: Operation, answer: Text | undefined): boolean =>
  result?.value === undefined || result.value === answer;

const keyOf = (states: States): string => states.map(stateKey).sort().join('|');

const distinct = (states: States): States =>
  states.length <= 1 ? states : [...new Map(states.map((state) => [stateKey(state), state])).values()];

const defined = (states: readonly (VersionedState | undefined)[]): VersionedState[] =>
  states.filter((state) => state !== undefined);
