import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { mergeLayers } from '../base/merge-layers.ts';
import { SortedKeys } from './sorted-keys.ts';
import type { StateKey } from './store.ts';

const keyArbitrary = fc.nat(3_000).map((n) => `k${n.toString(7)}`);

test('keys are walked in order, both ways, from any start to any end, whatever came and went', () => {
  const operations = fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), keyArbitrary), {
    minLength: 500,
    maxLength: 4_000,
    size: 'max',
  });
  fc.assert(
    fc.property(operations, fc.array(fc.tuple(keyArbitrary, keyArbitrary)), (steps, ranges) => {
      const keys = new SortedKeys();
      const model = new Set<StateKey>();
      for (const [kind, key] of steps) {
        if (kind > 0) {
          keys.add(key);
          model.add(key);
        } else {
          keys.remove(key);
          model.delete(key);
        }
      }
      const sorted = [...model].sort();
      for (const [start, end] of [['', 'z'], ...ranges] as [StateKey, StateKey][]) {
        const expected = sorted.filter((key) => key >= start && key < end);
        assert.deepEqual([...keys.walk(start, end, false)], expected);
        assert.deepEqual([...keys.walk(start, end, true)], expected.reverse());
      }
      for (const key of model) keys.remove(key);
      assert.deepEqual([...keys.walk('', 'z', false)], []);
    }),
    { seed: 3, numRuns: 40 },
  );
});

test('adding many keys in any order stays cheap', () => {
  for (const order of [
    (i: number) => i,
    (i: number) => 1_000_000 - i,
    (i: number) => (i * 7_919) % 100_003,
  ]) {
    const keys = new SortedKeys();
    for (let i = 0; i < 100_000; i++) keys.add(`k${String(order(i)).padStart(7, '0')}`);
    let count = 0;
    let last = '';
    for (const key of keys.walk('', 'z', false)) {
      assert.ok(key > last);
      last = key;
      count++;
    }
    assert.equal(count, 100_000);
  }
});

test('of layers over each other the topmost counts, and what it deletes is hidden', () => {
  const value = (n: number): Uint8Array => Uint8Array.of(n);
  const layers = (reverse: boolean) =>
    [
      [
        ['b', value(1)],
        ['c', null],
        ['f', value(1)],
      ],
      [
        ['a', null],
        ['c', value(2)],
        ['d', value(2)],
        ['f', null],
      ],
      [
        ['a', value(3)],
        ['b', value(3)],
        ['d', value(3)],
        ['e', value(3)],
      ],
    ].map((layer) => (reverse ? layer.reverse() : layer).values() as Iterator<[StateKey, Uint8Array | null]>);
  const expected = [
    ['b', value(1)],
    ['d', value(2)],
    ['e', value(3)],
    ['f', value(1)],
  ];
  assert.deepEqual([...mergeLayers(layers(false), false)], expected);
  assert.deepEqual([...mergeLayers(layers(true), true)], expected.reverse());
});

test('a merged walk that is left half-way lets go of its layers', () => {
  let released = 0;
  const endless = (): Generator<[StateKey, Uint8Array]> =>
    (function* () {
      try {
        for (let i = 0; ; i++) yield [`k${String(i).padStart(5, '0')}`, new Uint8Array(0)];
      } finally {
        released++;
      }
    })();
  for (const [key] of mergeLayers([endless(), endless()], false)) if (key === 'k00002') break;
  assert.equal(released, 2);
});
