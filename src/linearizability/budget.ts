import type { Search, SearchVerdict } from './search.ts';

/** What a check ran out of. */
export type Limit = 'steps' | 'time' | 'memory';

/** Between two questions whether to stop; a step takes less than a microsecond. */
const SLICE_STEPS = 4_096;

/** The steps that a check may take, and whether it was told to stop. */
export class Budget {
  #stepsLeft: number;
  #stepsTaken = 0;
  readonly #shouldStop: () => boolean;
  #limit: Limit | undefined;

  constructor(stepsMax: number, shouldStop: () => boolean) {
    this.#stepsLeft = stepsMax;
    this.#shouldStop = shouldStop;
  }

  get stepsTaken(): number {
    return this.#stepsTaken;
  }

  /** What ran out, if something did. */
  get limit(): Limit | undefined {
    return this.#limit;
  }

  /** Runs a search for up to `steps` steps, as long as the budget lasts. */
  run<State>(search: Search<State>, steps: number): SearchVerdict {
    for (let left = steps; ;) {
      if (this.#stepsLeft <= 0) this.#limit = 'steps';
      else if (this.#shouldStop()) this.#limit = 'time';
      if (this.#limit !== undefined || left <= 0) return 'open';
      const before = search.stepsTaken;
      const verdict = search.run(Math.min(SLICE_STEPS, left, this.#stepsLeft));
      const taken = search.stepsTaken - before;
      this.#stepsTaken += taken;
      this.#stepsLeft -= taken;
      left -= taken;
      if (verdict !== 'open') return verdict;
    }
  }
}
