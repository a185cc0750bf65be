import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Meter } from './meter.ts';

test('only what is answered while the meter runs counts', () => {
  const meter = new Meter([], 0);
  meter.replied(5, 4);
  meter.start(10);
  meter.replied(12, 9);
  meter.replied(13, 12);
  meter.stop(20);
  meter.replied(21, 20);
  const { replies, repliesPerSecond, latency, intervals, kill } = meter.result();
  assert.deepEqual(
    { replies, repliesPerSecond, maxMs: latency.maxMs },
    { replies: 2, repliesPerSecond: 200, maxMs: 3 },
  );
  assert.deepEqual(intervals, []);
  assert.equal(kill, null);
});

test('a time series has an interval for every stretch of time, those without replies, too', () => {
  const meter = new Meter([], 10);
  meter.start(100);
  for (const [now, since] of [
    [101, 100],
    [109, 107],
    [145, 105],
  ] as const) {
    meter.replied(now, since);
  }
  meter.stop(160);
  const { intervals } = meter.result();
  assert.deepEqual(
    intervals.map(({ atMs, replies, maxMs }) => [atMs, replies, maxMs]),
    [
      [0, 2, 2],
      [10, 0, 0],
      [20, 0, 0],
      [30, 0, 0],
      [40, 1, 40],
      [50, 0, 0],
    ],
  );
});

test('after a kill, only the reply to a request that was sent later ends the pause', () => {
  const meter = new Meter([], 0);
  meter.start(0);
  meter.killed(50);
  meter.replied(51, 49);
  meter.replied(250, 60);
  meter.replied(251, 61);
  meter.stop(300);
  assert.deepEqual(meter.result().kill, { atMs: 50, toNextMs: 200 });
});

test('a kill that nothing came after is told as such', () => {
  const meter = new Meter([], 0);
  meter.start(0);
  meter.killed(50);
  meter.replied(51, 49);
  meter.stop(300);
  assert.deepEqual(meter.result().kill, { atMs: 50, toNextMs: null });
});
