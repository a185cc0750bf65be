import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linearScale, logScale } from './scale.ts';

test('a linear scale ends at a round figure that holds everything', () => {
  const scale = linearScale(23_100, 0, 100);
  assert.deepEqual(scale.ticks, [0, 5_000, 10_000, 15_000, 20_000, 25_000]);
  assert.equal(scale.at(25_000), 100);
  assert.equal(scale.at(0), 0);
  assert.deepEqual(linearScale(10, 0, 1).ticks, [0, 2, 4, 6, 8, 10]);
  assert.ok(linearScale(0.3, 0, 1).at(0.3) <= 1);
  assert.deepEqual(linearScale(0, 0, 1).ticks.length > 1, true);
});

test('a scale may run downwards, as pictures do', () => {
  const scale = linearScale(10, 200, 20);
  assert.equal(scale.at(0), 200);
  assert.equal(scale.at(10), 20);
});

test('a logarithmic scale marks powers of ten', () => {
  const scale = logScale(1, 1_000, 0, 300);
  assert.deepEqual(scale.ticks, [1, 10, 100, 1_000]);
  assert.ok(Math.abs(scale.at(10) - 100) < 1e-9);
  assert.deepEqual(logScale(2, 8, 0, 1).ticks, [2, 8]);
  assert.deepEqual(logScale(5, 5, 7, 9).ticks, [5]);
  assert.equal(logScale(5, 5, 7, 9).at(5), 7);
});
