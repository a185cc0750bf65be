import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPrng } from '../base/prng.ts';
import { reconnectDelayMs } from './backoff.ts';
import { ReasonLog } from './reason-log.ts';
import { ManualClock } from './transport.test-support.ts';

test('a reason is news once, and again after another one', () => {
  const clock = new ManualClock();
  const log = new ReasonLog(clock);
  assert.equal(log.isNews('a', 'x'), true);
  clock.advance(5_000);
  assert.equal(log.isNews('a', 'x'), false);
  assert.equal(log.isNews('a', 'y'), true);
  clock.advance(5_000);
  assert.equal(log.isNews('a', 'x'), true);
});

test('subjects do not know of one another', () => {
  const log = new ReasonLog(new ManualClock());
  assert.equal(log.isNews('a', 'x'), true);
  assert.equal(log.isNews('b', 'x'), true);
});

test('the same reason is news after a time in which all was well', () => {
  const clock = new ManualClock();
  const log = new ReasonLog(clock);
  log.isNews('a', 'x');
  log.settle('a');
  assert.equal(log.isNews('a', 'x'), false);
  clock.advance(1_000);
  assert.equal(log.isNews('a', 'x'), true);
});

test('reasons that change at every attempt are told once a second', () => {
  const clock = new ManualClock();
  const log = new ReasonLog(clock);
  let told = 0;
  for (let i = 0; i < 1_000; i++) {
    if (log.isNews('a', `x${i}`)) told++;
    clock.advance(10);
  }
  assert.equal(told, 10);
});

test('pauses between attempts double from 50 ms to 2 s, each shortened by up to a half', () => {
  const prng = createPrng(1);
  assert.equal(reconnectDelayMs(0, prng), 0);
  for (const [failures, longest] of [
    [1, 50],
    [2, 100],
    [6, 1_600],
    [7, 2_000],
    [1_000_000, 2_000],
  ] as const) {
    const delays = Array.from({ length: 200 }, () => reconnectDelayMs(failures, prng));
    assert.ok(Math.min(...delays) >= longest / 2 && Math.min(...delays) < longest * 0.6);
    assert.ok(Math.max(...delays) <= longest && Math.max(...delays) > longest * 0.9);
  }
});
