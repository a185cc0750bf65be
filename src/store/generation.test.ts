import assert from 'node:assert/strict';
import { test } from 'node:test';
import v8 from 'node:v8';
import vm from 'node:vm';
import { encodeRecord } from '../kv/records.ts';
import { Generation } from './generation.ts';

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
