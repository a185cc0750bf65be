import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPrng } from '#dist/base/prng.js';
import { Histogram } from './histogram.ts';

test('percentiles agree with the sorted values to 1 %, over eight orders of magnitude', () => {
  const prng = createPrng(7);
  const histogram = new Histogram();
  const values = Array.from({ length: 20_000 }, () => 10 ** (prng.float() * 8 - 3));
  for (const value of values) histogram.record(value);
  values.sort((a, b) => a - b);
  for (const share of [0, 0.001, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1]) {
    const exact = values[Math.max(1, Math.ceil(share * values.length)) - 1]!;
    const error = Math.abs(histogram.percentile(share) - exact);
    assert.ok(error <= exact * 0.01 + 0.0001, `${share}: ${histogram.percentile(share)} for ${exact}`);
  }
});

test('the rank is that of the definition: of 100 values, the 99th is p99', () => {
  const histogram = new Histogram();
  for (let i = 1; i <= 100; i++) histogram.record(i / 1000);
  assert.equal(histogram.percentile(0.99), 0.0991);
  assert.equal(histogram.percentile(1), 0.1);
  assert.equal(histogram.summary().count, 100);
  assert.ok(Math.abs(histogram.summary().meanMs - 0.0505) < 1e-9);
});

test('a value is never told smaller than it was, but by the step of the count', () => {
  for (const ms of [0, 0.0001, 0.0127, 0.0128, 0.0129, 1, 3.3, 1_000, 400_000]) {
    const histogram = new Histogram();
    histogram.record(ms);
    histogram.record(500_000);
    assert.ok(histogram.percentile(0.5) >= ms - 0.00005, `${ms}`);
    assert.ok(histogram.percentile(0.5) <= ms * 1.008 + 0.0001, `${ms}`);
  }
});

test('what is out of range is counted at its end, and the longest is told exactly', () => {
  const histogram = new Histogram();
  histogram.record(-1);
  histogram.record(1e9);
  assert.equal(histogram.percentile(0.5), 0);
  assert.equal(histogram.maxMs, 1e9);
  assert.ok(histogram.percentile(1) > 420_000);
});

test('an empty or cleared histogram says 0', () => {
  const histogram = new Histogram();
  assert.equal(histogram.percentile(0.5), 0);
  histogram.record(3);
  histogram.clear();
  assert.deepEqual(histogram.summary(), {
    count: 0,
    meanMs: 0,
    p50Ms: 0,
    p90Ms: 0,
    p99Ms: 0,
    p999Ms: 0,
    maxMs: 0,
  });
});
