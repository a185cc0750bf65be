import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { RangeOptions, StateKey, Store } from './store.ts';
import { at, bytes, contents, everything, text, type Harness } from './store.test-support.ts';

type Model = Map<StateKey, string>;

function modelRange(
  model: Model,
  { start, end, reverse = false, limit = Infinity }: RangeOptions,
): [string, string][] {
  const entries = [...model]
    .filter(([key]) => key >= start && key < end)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return (reverse ? entries.reverse() : entries).slice(0, limit);
}
/** Keys on both sides of the store's own, prefixes of each other, with the lowest and highest bytes. */
const keyArbitrary = fc
  .tuple(
    fc.constantFrom('c', 'k', 'l', 'n', 'x'),
    fc.array(fc.constantFrom('\0', 'a', 'b', '\xff'), { maxLength: 3 }),
  )
  .map(([namespace, rest]) => namespace + rest.join(''));

export type Step =
  | { readonly do: 'put'; readonly key: StateKey; readonly value: string }
  | { readonly do: 'delete' | 'get'; readonly key: StateKey }
  | ({ readonly do: 'range' } & Required<RangeOptions>)
  | { readonly do: 'advance' | 'flush' | 'log durable' | 'wait' | 'get all' | 'crash' };

export const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('put' as const),
      key: keyArbitrary,
      value: fc.string({ maxLength: 20, unit: 'binary-ascii' }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constantFrom('delete' as const, 'get' as const), key: keyArbitrary }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('range' as const),
      start: fc.oneof(keyArbitrary, fc.constantFrom('', 'x', 'k')),
      end: fc.oneof(keyArbitrary, fc.constantFrom('\u0100', 'y', 'l')),
      reverse: fc.boolean(),
      limit: fc.constantFrom(0, 1, 3, 1_000),
    }),
  },
  {
    weight: 8,
    arbitrary: fc
      .constantFrom('advance' as const, 'flush', 'log durable', 'wait', 'get all')
      .map((name) => ({ do: name })),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'crash' as const }) },
);

/** So little that much is flushed, and that the cache forgets. */
const OPTIONS = { flushBytes: 1_000, cacheBytes: 6_000 };

/** Takes the steps on a store and on a plain map, and compares after each. */
export class Comparison {
  readonly #harness: Harness;
  #store: Store;
  #model: Model = new Map();
  #index = 0;
  #steps = 0;
  /** The state at each position since the last that is known to be on disk. */
  #states = new Map<number, Model>([[0, new Map()]]);

  constructor(harness: Harness) {
    this.#harness = harness;
    this.#store = harness.open(OPTIONS);
  }

  async take(step: Step): Promise<void> {
    if (step.do === 'put') {
      this.#store.put(step.key, bytes(step.value));
      this.#model.set(step.key, step.value);
    } else if (step.do === 'delete') {
      this.#store.delete(step.key);
      this.#model.delete(step.key);
    } else if (step.do === 'get') {
      assert.equal(text(this.#store.get(step.key)), this.#model.get(step.key));
    } else if (step.do === 'get all') {
      for (const [key, value] of this.#model) assert.equal(text(this.#store.get(key)), value);
    } else if (step.do === 'range') {
      assert.deepEqual(contents(this.#store, step), modelRange(this.#model, step));
    } else if (step.do === 'advance') {
      this.advance();
    } else if (step.do === 'flush') {
      this.advance();
      this.#store.flush();
    } else if (step.do === 'log durable') {
      this.#store.setLogDurable(this.#index);
    } else if (step.do === 'wait') {
      await this.wait();
    } else {
      await this.crash();
    }
    // Walks put keys in order: so much may happen before the first.
    if (++this.#steps % 16 === 0 || step.do === 'crash') this.check();
  }

  advance(): void {
    this.#index++;
    this.#states.set(this.#index, new Map(this.#model));
    this.#store.advance(at(this.#index));
  }

  async wait(): Promise<void> {
    const before = this.#store.durablePosition.index;
    this.advance();
    this.#store.setLogDurable(this.#index);
    this.#store.flush();
    await this.#harness.until(() => this.#store.durablePosition.index > before);
  }

  async crash(): Promise<void> {
    const durable = this.#store.durablePosition.index;
    await this.#harness.crash();
    this.#store = this.#harness.open(OPTIONS);
    const { index } = this.#store.position;
    assert.ok(index >= durable && index <= this.#index);
    assert.deepEqual(this.#store.position, index === 0 ? { index: 0, term: 0, stampMs: 0 } : at(index));
    const state = this.#states.get(index);
    assert.ok(state !== undefined, `index ${index} is one that the store stood at`);
    this.#index = index;
    this.#model = new Map(state);
  }

  check(): void {
    assert.deepEqual(contents(this.#store), modelRange(this.#model, everything));
    assert.ok(this.#store.durablePosition.index <= this.#store.position.index);
  }
}
