import { fnv1a } from '../base/fnv1a.ts';

/** Calls of unknown fate on one chain before its owner begins another one: their orders are all tried. */
const OPEN_MAX = 4;

const hashOf = (old: string, value: string): string => `${fnv1a(Buffer.from(old), Buffer.from(value))}`;

/**
 * A key that one client alone changes by put-hash, one call after the other. Each value is a checksum over all calls
 * before, so that a call that was lost or executed twice shows in the next answer.
 */
export class HashChain {
  /** What the value may be, with the calls that may still take effect. */
  #states: { readonly value: string; readonly open: readonly string[] }[] = [{ value: '', open: [] }];

  /** Whether to begin another chain. */
  get isTangled(): boolean {
    return this.#states.some(({ open }) => open.length > OPEN_MAX);
  }

  /** Nobody knows whether and when the call takes effect. */
  unknown(value: string): void {
    this.#states = this.#states.map((state) => ({ ...state, open: [...state.open, value] }));
  }

  /** The call was executed and found `old`; false if that cannot be. */
  answered(value: string, old: string): boolean {
    this.#states = this.#reachable()
      .filter((state) => state.value === old)
      .map(({ open }) => ({ value: hashOf(old, value), open }));
    return this.#states.length > 0;
  }

  /** Whether the value may be this in the end. */
  mayBe(value: string): boolean {
    return this.#reachable().some((state) => state.value === value);
  }

  /** All states after any of the open calls, in any order. */
  #reachable(): { value: string; open: readonly string[] }[] {
    const found = new Map<string, { value: string; open: readonly string[] }>();
    const visit = (value: string, open: readonly string[]): void => {
      const name = `${value}|${open.join()}`;
      if (found.has(name)) return;
      found.set(name, { value, open });
      open.forEach((call, at) => visit(hashOf(value, call), open.toSpliced(at, 1)));
    };
    for (const { value, open } of this.#states) visit(value, open);
    return [...found.values()];
  }
}
