import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pace } from './pace.ts';

test('a round begins at once when none is under way', () => {
  const pace = new Pace();
  assert.equal(pace.waitMs(false, 5), 0);
  pace.began(5);
  assert.equal(pace.waitMs(false, 5), 0);
});

test('a round waits for the one under way, for a millisecond at most', () => {
  const pace = new Pace();
  assert.equal(pace.waitMs(true, 0), 0, 'none has begun yet');
  pace.began(5);
  assert.equal(pace.waitMs(true, 5), 1);
  assert.equal(pace.waitMs(true, 5.75), 0.25);
  assert.equal(pace.waitMs(true, 6), 0);
  assert.equal(pace.waitMs(true, 60), 0);
});
