import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Linked } from './recency-list.ts';
import { RecencyList } from './recency-list.ts';

interface Item extends Linked<Item> {
  readonly id: number;
}

test('the oldest item is the first of those pushed and not removed since', () => {
  const steps = fc.array(fc.nat(5), { maxLength: 60 });
  const property = fc.property(steps, (ids) => {
    const list = new RecencyList<Item>();
    const items = Array.from({ length: 6 }, (_, id): Item => ({ id, older: null, newer: null }));
    let model: number[] = [];
    for (const id of ids) {
      const item = items[id]!;
      // An item that is in the list leaves it, and comes back at the end every other time.
      const present = model.includes(id);
      if (present) list.remove(item);
      model = model.filter((other) => other !== id);
      if (!present || model.length % 2 === 0) {
        list.push(item);
        model.push(id);
      }
      const order: number[] = [];
      for (let next = list.oldest; next !== null; next = next.newer) order.push(next.id);
      assert.deepEqual(order, model);
    }
  });
  fc.assert(property, { seed: 13, numRuns: 300 });
});
