import { assert } from '../../base/assert.ts';
import { showText } from '../text.ts';
import type { Candidate, Guide, Model, PreparedModel } from './model.ts';
import { narrowByValue, type ValueEffect } from './value-narrowing.ts';
import { ValueCounts, ValueTable } from './values.ts';

/** `put` replaces the value of a key, `get` reads it. The state is the number of the value, 0 if there is none. */
export const registerModel: Model = {
  name: 'register',
  narrow: (candidates) => narrowByValue(candidates, effectOf, true),
  prepare: (candidates) => new Register(candidates),
};

function effectOf({ operation }: Candidate): ValueEffect {
  const { kind, value, result } = operation;
  if (kind === 'put') return { writes: value as string, isOutsider: true };
  return { reads: result?.value ?? null, isOutsider: true };
}

class Register implements PreparedModel<number> {
  readonly initial = 0;
  readonly #candidates: readonly Candidate[];
  readonly #values = new ValueTable();
  /** The value that the operation writes or read. */
  readonly #value: Int32Array;
  readonly #isRead: boolean[];

  constructor(candidates: readonly Candidate[]) {
    this.#candidates = candidates;
    this.#isRead = candidates.map(({ operation }) => operation.kind === 'get');
    this.#value = Int32Array.from(candidates, ({ operation }) => {
      const { kind, result } = operation;
      assert(kind === 'put' || kind === 'get', `a register knows no ${kind}`);
      const text = kind === 'put' ? operation.value : result?.value;
      return text === undefined ? 0 : this.#values.idOf(text);
    });
  }

  step(state: number, i: number): number | undefined {
    const value = this.#value[i] as number;
    return this.isObserver(i) && value !== state ? undefined : value;
  }

  isObserver(i: number): boolean {
    return this.#isRead[i] as boolean;
  }

  effectOf(i: number): number | undefined {
    return this.isObserver(i) ? undefined : this.#value[i];
  }

  guide(): Guide<number> {
    const counts = new ValueCounts(this.#values.size);
    const untake = (i: number): void => {
      const value = this.#value[i] as number;
      if (this.isObserver(i)) counts.addRead(value);
      else counts.addWrite(value);
    };
    for (const i of this.#candidates.keys()) untake(i);
    return {
      take: (i) => {
        const value = this.#value[i] as number;
        if (this.isObserver(i)) counts.removeRead(value);
        else counts.removeWrite(value);
      },
      untake,
      // What nobody is left to read is all the same.
      keyOf: (state) => (counts.readsOf(state) > 0 ? state : -1),
      isHopeless: (state) => counts.isHopeless(state),
      // A value that nobody is left to read is overwritten before anybody looks, or never looked at.
      isUseful: (i) => counts.readsOf(this.#value[i] as number) > 0,
    };
  }

  describe(state: number): string {
    return state === 0 ? 'absent' : showText(this.#values.textOf(state));
  }

  whyNot(state: number, i: number): string {
    return `it read ${this.describe(this.#value[i] as number)}, but the value is ${this.describe(state)}`;
  }
}
