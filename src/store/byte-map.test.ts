import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ByteMap, placeOf, referenceTo, startOf } from './byte-map.ts';
import { hashKey } from './key-hash.ts';
import { bytes, text } from './store.test-support.ts';

type Hash = (key: string) => number;

const put = (map: ByteMap, key: string, value: string | null, hash: Hash = hashKey): boolean =>
  map.put(key, hash(key), value === null ? null : bytes(value));

const get = (map: ByteMap, key: string, hash: Hash = hashKey): string | null | undefined => {
  const value = map.get(key, hash(key));
  return value === null ? null : text(value);
};

const keyArbitrary = fc.oneof(
  fc.constantFrom('a', 'b', 'ab', 'ba', '\0', '\xff', 'x'.repeat(1_900)),
  fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 3 }),
);
const valueArbitrary = fc.oneof(
  fc.constant(null),
  fc.string({ unit: 'binary-ascii', maxLength: 20 }),
  fc.constantFrom('v'.repeat(3_000), 'w'.repeat(40_000), 'z'.repeat(300_000)),
);
const stepArbitrary = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('put' as const), key: keyArbitrary, value: valueArbitrary }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), key: keyArbitrary }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('get' as const), key: keyArbitrary }) },
  { weight: 2, arbitrary: fc.constant({ do: 'retire' as const }) },
);

for (const [name, hash] of Object.entries<Hash>({
  'the hash of keys': hashKey,
  'a hash that puts all keys into four places at the end of the table': (key) => (key.length & 3) - 2,
})) {
  test(`whatever is written, removed and moved, it holds what a plain map does, by ${name}`, () => {
    const run = fc.property(fc.array(stepArbitrary, { size: 'large', maxLength: 300 }), (steps) => {
      const map = new ByteMap();
      const model = new Map<string, string | null>();
      const views: [Uint8Array, string][] = [];
      for (const step of steps) {
        if (step.do === 'put') {
          assert.equal(put(map, step.key, step.value, hash), !model.has(step.key));
          model.set(step.key, step.value);
        } else if (step.do === 'remove') {
          assert.equal(map.remove(step.key, hash(step.key)), model.delete(step.key));
        } else if (step.do === 'retire') {
          map.retireOldest(true);
        } else {
          assert.equal(get(map, step.key, hash), model.get(step.key));
          const view = map.get(step.key, hash(step.key));
          if (view instanceof Uint8Array) views.push([view, model.get(step.key) ?? '']);
        }
        assert.equal(map.size, model.size);
      }
      for (const [key, value] of model) assert.equal(get(map, key, hash), value);
      const entries = [...map.entries()];
      assert.equal(entries.length, model.size, 'a walk comes to every entry once');
      for (const entry of entries) {
        assert.equal(entry.hash, hash(entry.key));
        assert.equal(entry.value === null ? null : text(entry.value), model.get(entry.key));
      }
      for (const [view, value] of views) assert.equal(text(view), value, 'views stay as they were');
    });
    fc.assert(run, { numRuns: 150, seed: 1 });
  });
}

test('what was replaced takes no room once its chunk was retired, and what is valid stays', () => {
  const map = new ByteMap();
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 5_000; i++) {
      put(map, `key ${i}`, `value ${round} ${i}`);
      if (map.usedBytes > 2 * map.liveBytes) assert.ok(map.retireOldest(true));
    }
    assert.ok(map.usedBytes <= 2 * map.liveBytes + 300_000);
  }
  for (let i = 0; i < 5_000; i++) assert.equal(get(map, `key ${i}`), `value 19 ${i}`);
  for (let i = 0; i < 5_000; i++) map.remove(`key ${i}`, hashKey(`key ${i}`));
  while (map.retireOldest(true));
  assert.equal(map.liveBytes, 0);
  assert.ok(map.usedBytes <= 256 * 1024, 'but for the chunk that is being filled');
});

test('retired without keeping it, the oldest chunk takes what it held with it', () => {
  const map = new ByteMap();
  for (let i = 0; i < 100_000; i++) put(map, `key ${i}`, `value ${i}`);
  const { size } = map;
  assert.ok(map.retireOldest(false));
  assert.ok(map.size < size);
  assert.equal(get(map, 'key 0'), undefined);
  assert.equal(get(map, 'key 99999'), 'value 99999');
  let there = 0;
  for (let i = 0; i < 100_000; i++) if (get(map, `key ${i}`) !== undefined) there++;
  assert.equal(there, map.size);
});

test('a reference leads back to its place and start, up to the last of them', () => {
  for (const place of [1, 1_023, 1_024, 65_535, 65_536, 131_071]) {
    for (const at of [0, 8, 262_136]) {
      const reference = new Int32Array([referenceTo(place, at)])[0] ?? 0;
      assert.deepEqual([placeOf(reference), startOf(reference)], [place, at]);
      assert.notEqual(reference, 0);
    }
  }
});

test('a large entry that was replaced gives its room back, and one that is valid stays', () => {
  const map = new ByteMap();
  put(map, 'large', 'v'.repeat(300_000));
  put(map, 'small', 'v');
  put(map, 'large', 'w'.repeat(300_000));
  for (let i = 0; i < 4; i++) map.retireOldest(true);
  assert.ok(map.usedBytes < 310_000, String(map.usedBytes));
  assert.equal(get(map, 'large'), 'w'.repeat(300_000));
  assert.equal(get(map, 'small'), 'v');
});
