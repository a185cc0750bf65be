import { assert } from '../base/assert.ts';
import type { Timer } from '../base/clock.ts';
import { SimFailure } from './failure.ts';

/** More than ever happen at once, unless something goes round in circles. */
const STEPS_A_MOMENT_MAX = 100_000;

interface Event {
  readonly atMs: number;
  /** Events of the same moment run in the order in which they were scheduled. */
  readonly order: number;
  /** null once cancelled. */
  run: (() => void) | null;
}

/** A time line that events can be put on: virtual here, real where a simulated cluster serves a real program. */
export interface Scheduling {
  /** Milliseconds since a start of its own. */
  readonly nowMs: number;
  /** Runs the callback after `delayMs`, never inside the call; those of the same moment run in their order. */
  schedule(delayMs: number, run: () => void): Timer;
}

/** Virtual time: events in the order of their moments, run one at a time. Nothing else makes time pass. */
export class Scheduler implements Scheduling {
  readonly #heap: Event[] = [];
  #nowMs = 0;
  #order = 0;
  #steps = 0;
  /** Events that were run when time went on last. */
  #stepsThen = 0;

  /** Milliseconds since the start of the simulation. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Events that were run. */
  get steps(): number {
    return this.#steps;
  }

  schedule(delayMs: number, run: () => void): Timer {
    assert(delayMs >= 0, `an event cannot be scheduled ${delayMs} ms from now`);
    const event: Event = { atMs: this.#nowMs + delayMs, order: this.#order++, run };
    this.#push(event);
    return {
      cancel: () => {
        event.run = null;
      },
    };
  }

  /** Runs the next event; false when there is none. */
  step(): boolean {
    for (let event = this.#pop(); event !== undefined; event = this.#pop()) {
      if (event.run === null) continue;
      if (event.atMs > this.#nowMs) this.#stepsThen = this.#steps;
      else if (this.#steps - this.#stepsThen > STEPS_A_MOMENT_MAX)
        throw new SimFailure(`time stands still: ${STEPS_A_MOMENT_MAX} events in one moment`);
      this.#nowMs = event.atMs;
      this.#steps++;
      event.run();
      return true;
    }
    return false;
  }

  /** Runs events until `done` holds or virtual time passes `endMs`; whether `done` held. */
  runUntil(done: () => boolean, endMs: number): boolean {
    while (!done()) {
      const next = this.#heap[0];
      if (next === undefined || next.atMs > endMs) return false;
      this.step();
    }
    return true;
  }

  /** Runs all events of the next `durationMs` and lets that time pass. */
  runFor(durationMs: number): void {
    const endMs = this.#nowMs + durationMs;
    this.runUntil(() => false, endMs);
    this.#nowMs = endMs;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(event, heap[parent])) break;
      heap[at] = heap[parent] as Event;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined || heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child++;
      if (!before(heap[child], last)) break;
      heap[at] = heap[child] as Event;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}

function before(a: Event | undefined, b: Event | undefined): boolean {
  assert(a !== undefined && b !== undefined, 'both lie in the heap');
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
