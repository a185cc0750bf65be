import assert from 'node:assert/strict';
import { test } from 'node:test';
import v8 from 'node:v8';
import vm from 'node:vm';
import fc from 'fast-check';
import { encodeRecord } from '../kv/records.ts';
import { Generation } from './generation.ts';
import { bytes, text } from './store.test-support.ts';

v8.setFlagsFromString('--expose-gc');
const collectGarbage = vm.runInNewContext('gc') as () => void;

function heapBytes(): number {
  collectGarbage();
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** What was measured stays: freed while another one is measured, it would count against that. */
const measured: Generation[] = [];

/** What so many entries count as, as a share of the bytes that they take. */
function measure(entries: number, make: (i: number) => Uint8Array | null): number {
  const generation = new Generation();
  const before = heapBytes();
  for (let i = 0; i < entries; i++) generation.put(`k${String(i).padStart(30, '0')}`, make(i));
  const taken = heapBytes() - before;
  measured.push(generation);
  return generation.bytes / taken;
}

test('entries count as what they take on the heap, whatever their size', () => {
  const record = (bytes: number) => (version: number) =>
    encodeRecord({ version, flags: 0, expiresAtMs: 0, lease: 0, value: new Uint8Array(bytes) });
  const shares = [
    measure(30_000, record(10)),
    measure(30_000, record(100)),
    measure(10_000, record(1_000)),
    measure(1_000, record(20_000)),
    measure(30_000, () => null),
  ];
  for (const share of shares)
    assert(share > 0.7 && share < 1.4, shares.map((each) => each.toFixed(2)).join(' '));
});

test('what was replaced takes no more room than what is there, be it small or large', () => {
  const generation = new Generation();
  const sizes = [10, 1_000, 40_000, 300_000];
  for (let i = 0; i < 2_000; i++) generation.put(`k${i % 40}`, new Uint8Array(sizes[i % 4] ?? 0));
  const bytes = 10 * sizes.reduce((sum, size) => sum + size, 0);
  // Between two writes one chunk may be more than that.
  assert(generation.usedBytes < 2 * bytes + 600_000, `${generation.usedBytes} of ${bytes}`);
  for (let i = 0; i < 40; i++) assert.equal(generation.get(`k${i}`)?.length, sizes[i % 4]);
});

const keyArbitrary = fc
  .tuple(fc.constantFrom('\0', 'a', 'b', 'k', '\xff'), fc.string({ unit: 'binary-ascii', maxLength: 2 }))
  .map(([namespace, rest]) => namespace + rest);
const boundArbitrary = fc.oneof(keyArbitrary, fc.constantFrom('', 'a', 'b', 'c', 'l', '\u0100'));
const stepArbitrary = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('put' as const), key: keyArbitrary }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), key: keyArbitrary }) },
  { weight: 1, arbitrary: fc.constant({ do: 'follow' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('walk' as const),
      start: boundArbitrary,
      end: boundArbitrary,
      reverse: fc.boolean(),
    }),
  },
);

test('whichever namespaces are walked, when, and after which generation, a walk finds what is there in order', () => {
  const run = fc.property(fc.array(stepArbitrary, { size: 'large', maxLength: 200 }), (steps) => {
    let generation = new Generation();
    let model = new Map<string, string | null>();
    steps.forEach((step, i) => {
      if (step.do === 'put') {
        const value = i % 5 === 0 ? null : `value ${i}`;
        generation.put(step.key, value === null ? null : bytes(value));
        model.set(step.key, value);
      } else if (step.do === 'remove') {
        generation.remove(step.key);
        model.delete(step.key);
      } else if (step.do === 'follow') {
        generation = new Generation(generation);
        model = new Map();
      } else {
        const { start, end, reverse } = step;
        const found = [...generation.range(start, end, reverse)].map(([key, value]) => [
          key,
          value === null ? null : text(value),
        ]);
        const expected = [...model].filter(([key]) => key >= start && key < end);
        expected.sort(([a], [b]) => (a < b ? -1 : 1));
        assert.deepEqual(found, reverse ? expected.reverse() : expected);
      }
    });
  });
  fc.assert(run, { numRuns: 300, seed: 1 });
});

test('keys are kept in order only where somebody walks, and in the next generations, until nobody did for long', () => {
  const fill = (generation: Generation): number => {
    for (let i = 0; i < 1_000; i++) generation.put(`k${i}`, bytes('value'));
    generation.put('x', bytes('value'));
    return generation.bytes;
  };
  const first = new Generation();
  const bytesUnordered = fill(first);
  assert.equal([...first.range('x', 'y', false)].length, 1);
  assert.ok(first.bytes < bytesUnordered + 100, 'the walk was over another namespace');
  assert.equal([...first.range('k', 'l', false)].length, 1_000);
  assert.ok(first.bytes > bytesUnordered + 40_000);
  let last = first;
  let kept = 0;
  for (; kept < 100; kept++) {
    last = new Generation(last);
    assert.deepEqual([...last.range('k', 'l', false)], [], 'who walks over nothing keeps nothing in order');
    if (fill(last) === bytesUnordered) break;
  }
  assert.ok(kept > 1 && kept < 20, `${kept} generations`);
});

test('walks over two namespaces do not disturb each other, though one of them is put in order on the way', () => {
  const generation = new Generation();
  for (let i = 0; i < 600; i++) for (const name of ['a', 'k']) generation.put(`${name}${i}`, bytes('value'));
  const outer = generation.range('k', 'l', false);
  const keys: string[] = [];
  for (let i = 0; i < 300; i++) keys.push(outer.next().value?.[0] ?? '');
  assert.equal([...generation.range('a', 'b', true)].length, 600);
  for (const [key] of outer) keys.push(key);
  assert.deepEqual(keys, Array.from({ length: 600 }, (_, i) => `k${i}`).sort());
});
