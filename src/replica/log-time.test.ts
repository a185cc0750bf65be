import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../base/clock.ts';
import { LogTime } from './log-time.ts';

test('log time goes on by the own clock and takes up every new word of the leader', () => {
  let nowMs = 5_000;
  const clock: Pick<Clock, 'monotonicMs'> = { monotonicMs: () => nowMs };
  const time = new LogTime(clock as Clock, 100);
  assert.equal(time.nowMs(), 100);
  nowMs += 50.5;
  assert.equal(time.nowMs(), 150);
  time.observe(140, 1);
  nowMs += 10;
  assert.equal(time.nowMs(), 150, 'the first word of a leader counts');
  time.observe(120, 1);
  assert.equal(time.nowMs(), 150, 'an entry that was long on its way');
  time.observe(151, 1);
  assert.equal(time.nowMs(), 151);
  nowMs += 10;
  time.observe(151, 1);
  assert.equal(time.nowMs(), 161, 'the same again says nothing');
  time.observe(1_000, 1);
  nowMs += 1;
  assert.equal(time.nowMs(), 1_001, 'the leader knows better than a server that has just started');
});

test('what the leaders before said does not count: keys of the one who leads keep their time to live', () => {
  let nowMs = 0;
  const clock: Pick<Clock, 'monotonicMs'> = { monotonicMs: () => nowMs };
  const time = new LogTime(clock as Clock, 0);
  time.observe(5_000, 1);
  time.observe(1_000, 2);
  assert.equal(time.nowMs(), 1_000, 'the next leader did not know better');
  time.observe(5_100, 1);
  assert.equal(time.nowMs(), 1_000, 'a late word of the leader before');
  time.lead(3);
  nowMs += 100;
  time.observe(1_000, 2);
  time.observe(1_050, 3);
  assert.equal(time.nowMs(), 1_100, 'a leader keeps its own time');
});

test('what a clock counted too much since the last word of the leader is taken back', () => {
  let nowMs = 0;
  const clock: Pick<Clock, 'monotonicMs'> = { monotonicMs: () => nowMs };
  const time = new LogTime(clock as Clock, 0);
  for (let second = 1; second <= 3_600; second++) {
    nowMs += 1_050;
    time.observe(second * 1_000, 1);
  }
  nowMs += 10;
  assert.equal(time.nowMs(), 3_600_010);
});

test('the stamps of its own entries do not hold a leader back', () => {
  let nowMs = 0;
  const clock: Pick<Clock, 'monotonicMs'> = { monotonicMs: () => nowMs };
  const time = new LogTime(clock as Clock, 0);
  time.lead(1);
  for (let entry = 0; entry < 1_000; entry++) {
    nowMs += 1.9;
    time.observe(time.nowMs(), 1);
  }
  assert.equal(time.nowMs(), 1_900);
});
