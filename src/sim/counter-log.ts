interface Increment {
  readonly by: number;
  readonly callMs: number;
  returnMs: number;
  /** Null while it is not known whether it happened. */
  result: number | null;
}

/** Increments of one counter, and what each said the counter was then. */
export class CounterLog {
  readonly #increments: Increment[] = [];

  /** Somebody is about to add `by`, more than 0. Returns what to call with the result; never, if it surely failed. */
  called(by: number, callMs: number): { ok(result: number, returnMs: number): void; failed(): void } {
    const increment: Increment = { by, callMs, returnMs: Infinity, result: null };
    this.#increments.push(increment);
    return {
      ok: (result, returnMs) => Object.assign(increment, { result, returnMs }),
      failed: () => void this.#increments.splice(this.#increments.indexOf(increment), 1),
    };
  }

  /**
   * What is wrong with the results, and with the value in the end; null if they are those of one order of all that were
   * confirmed, each in its time, with no more in between than the others add up to.
   */
  check(final: number): string | null {
    const confirmed = this.#increments.filter(({ result }) => result !== null);
    confirmed.sort((a, b) => (a.result as number) - (b.result as number));
    const unknown = this.#increments.filter(({ result }) => result === null);
    let spare = unknown.reduce((sum, { by }) => sum + by, 0);
    let value = 0;
    let latestCallMs = -Infinity;
    for (const { by, callMs, returnMs, result } of confirmed) {
      const others = (result as number) - value - by;
      if (others < 0) return `an increment by ${by} gave ${result}, though another one gave ${value}`;
      spare -= others;
      value = result as number;
      if (returnMs < latestCallMs)
        return `an increment gave ${result} after a later one was answered with less`;
      latestCallMs = Math.max(latestCallMs, callMs);
    }
    spare -= final - value;
    if (final < value) return `the counter is ${final} in the end, and was ${value}`;
    return spare < 0 ? `the counter is ${final} in the end: something was added twice` : null;
  }
}
