/**
 * A doubly linked list over the numbers 1 to `length`, in that order, of which elements can be taken out and put
 * back in constant time as long as the last one taken is the first one put back (Knuth's dancing links). Number 0
 * stands before the first and behind the last.
 */
export class LinkedList {
  readonly #next: Int32Array;
  readonly #previous: Int32Array;

  constructor(length: number) {
    this.#next = new Int32Array(length + 1);
    this.#previous = new Int32Array(length + 1);
    for (let i = 0; i <= length; i++) {
      this.#next[i] = i === length ? 0 : i + 1;
      this.#previous[i] = i === 0 ? length : i - 1;
    }
  }

  /** The first element, or 0. */
  first(): number {
    return this.#next[0] as number;
  }

  /** The element behind `element`, or 0; also of an element that was taken out: what was behind it then. */
  next(element: number): number {
    return this.#next[element] as number;
  }

  /** Takes an element out. */
  lift(element: number): void {
    const next = this.#next[element] as number;
    const previous = this.#previous[element] as number;
    this.#next[previous] = next;
    this.#previous[next] = previous;
  }

  /** Puts the element back that was taken out last. */
  restore(element: number): void {
    this.#next[this.#previous[element] as number] = element;
    this.#previous[this.#next[element] as number] = element;
  }
}

/** A span of time in which an operation takes effect, at one moment. */
export interface Interval {
  readonly callMs: number;
  /** Infinity: it need not take effect at all. */
  readonly returnMs: number;
}

/**
 * The calls and returns of operations in the order of time. A call and a return at the same time are ordered
 * call first, so that the two operations count as concurrent: no clock tells them apart.
 */
export class EventList {
  readonly #list: LinkedList;
  /** Of each element: `i + 1` for the call of operation `i`, `-(i + 1)` for its return. */
  readonly #events: Int32Array;
  readonly #callOf: Int32Array;
  readonly #returnOf: Int32Array;

  constructor(intervals: readonly Interval[]) {
    const timeOf = (event: number): number => {
      const interval = intervals[Math.abs(event) - 1] as Interval;
      return event > 0 ? interval.callMs : interval.returnMs;
    };
    const events = intervals.flatMap((_, i) => [i + 1, -(i + 1)]);
    events.sort((a, b) => timeOf(a) - timeOf(b) || Math.sign(b) - Math.sign(a) || Math.abs(a) - Math.abs(b));
    this.#events = Int32Array.from([0, ...events]);
    this.#list = new LinkedList(events.length);
    this.#callOf = new Int32Array(intervals.length);
    this.#returnOf = new Int32Array(intervals.length);
    for (const [position, event] of events.entries()) {
      const index = Math.abs(event) - 1;
      (event > 0 ? this.#callOf : this.#returnOf)[index] = position + 1;
    }
  }

  first(): number {
    return this.#list.first();
  }

  next(element: number): number {
    return this.#list.next(element);
  }

  isCall(element: number): boolean {
    return (this.#events[element] as number) > 0;
  }

  /** The operation whose call or return `element` is. */
  operationOf(element: number): number {
    return Math.abs(this.#events[element] as number) - 1;
  }

  callOf(operation: number): number {
    return this.#callOf[operation] as number;
  }

  /** Takes the call and the return of an operation out. */
  lift(operation: number): void {
    this.#list.lift(this.#callOf[operation] as number);
    this.#list.lift(this.#returnOf[operation] as number);
  }

  /** Puts back the operation that was taken out last. */
  restore(operation: number): void {
    this.#list.restore(this.#returnOf[operation] as number);
    this.#list.restore(this.#callOf[operation] as number);
  }
}
