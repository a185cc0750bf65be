import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../base/clock.ts';
import { LogTime } from './log-time.ts';

test('log time goes on by the own clock, takes up what is later, and never goes back', () => {
  let nowMs = 5_000;
  const clock: Pick<Clock, 'monotonicMs'> = { monotonicMs: () => nowMs };
  const time = new LogTime(clock as Clock, 100);
  assert.equal(time.nowMs(), 100);
  nowMs += 50.5;
  assert.equal(time.nowMs(), 150);
  time.observe(120);
  assert.equal(time.nowMs(), 150, 'an entry that was long on its way');
  time.observe(151);
  assert.equal(time.nowMs(), 151);
  nowMs += 10;
  time.observe(151);
  assert.equal(time.nowMs(), 161, 'the same again says nothing');
  time.observe(1_000);
  nowMs += 1;
  assert.equal(time.nowMs(), 1_001, 'the leader knows better than a server that has just started');
});
