import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { MemoryStorage } from './memory-storage.ts';

const value = (number: number): Uint8Array => Buffer.of(number);

const key = fc.nat(3_000).map((number) => String(number));

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('put' as const), key, value: fc.nat(255) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), key }) },
);

test('a range holds what a sorted list of the entries holds, both ways', () => {
  const ranges = fc.record({
    start: key,
    end: key,
    reverse: fc.boolean(),
    limit: fc.option(fc.nat(40), { nil: undefined }),
  });
  const steps = fc.array(step, { maxLength: 2_500, size: 'max' });
  const property = fc.property(steps, fc.array(ranges, { minLength: 5 }), (todo, asked) => {
    const storage = new MemoryStorage();
    const model = new Map<string, Uint8Array>();
    for (const { kind, key, ...rest } of todo) {
      if (kind === 'put' && 'value' in rest) {
        const stored = value(rest.value);
        storage.put(key, stored);
        model.set(key, stored);
      } else {
        storage.delete(key);
        model.delete(key);
      }
    }
    assert.equal(storage.size, model.size);
    const sorted = [...model].toSorted(([a], [b]) => (a < b ? -1 : 1));
    for (const { start, end, reverse, limit } of asked) {
      const within = sorted.filter(([key]) => key >= start && key < end);
      const expected = (reverse ? within.toReversed() : within).slice(0, limit);
      const options = { start, end, reverse, ...(limit === undefined ? {} : { limit }) };
      assert.deepEqual([...storage.range(options)], expected);
    }
  });
  fc.assert(property, { seed: 1, numRuns: 40 });
});

test('keys compare as bytes', () => {
  const storage = new MemoryStorage();
  for (const key of ['\xff', 'a', '\x00', 'ab', '\x80']) storage.put(key, value(1));
  const keys = [...storage.range({ start: '\x00', end: '\xff\xff' })].map(([key]) => key);
  assert.deepEqual(keys, ['\x00', 'a', 'ab', '\x80', '\xff']);
});

test('many keys, put in any order, come out sorted and can all be deleted', () => {
  const storage = new MemoryStorage();
  const name = (i: number): string => String((i * 7_919) % 5_000).padStart(4, '0');
  for (let i = 0; i < 5_000; i++) storage.put(name(i), value(i));
  const keys = [...storage.range({ start: '', end: '~' })].map(([key]) => key);
  assert.equal(keys.length, 5_000);
  assert.deepEqual(keys, keys.toSorted());
  for (let i = 0; i < 5_000; i++) storage.delete(name(i));
  assert.equal(storage.size, 0);
  assert.deepEqual([...storage.range({ start: '', end: '~' })], []);
});

test('a value that was given may be used for something else', () => {
  const storage = new MemoryStorage();
  const given = value(1);
  storage.put('a', given);
  given.fill(9);
  assert.deepEqual(storage.get('a'), value(1));
});

test('a copy does not change with the original', () => {
  const storage = new MemoryStorage();
  storage.put('a', value(1));
  const copy = storage.copy();
  storage.put('b', value(2));
  storage.get('a')?.fill(9);
  assert.deepEqual([...copy.range({ start: 'a', end: 'z' })], [['a', value(1)]]);
});
