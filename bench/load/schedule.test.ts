import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Histogram } from './histogram.ts';
import { Schedule } from './schedule.ts';

test('requests are due evenly, the first one at the start', () => {
  const schedule = new Schedule(100, 500);
  assert.equal(schedule.due(99.9), 0);
  assert.equal(schedule.due(100), 1);
  assert.equal(schedule.due(101.9), 1);
  assert.equal(schedule.due(110), 6);
  assert.deepEqual([schedule.take(), schedule.take(), schedule.take()], [100, 102, 104]);
  assert.equal(schedule.due(110), 3);
});

test('a rate that is no whole number of milliseconds neither drifts nor loses requests', () => {
  const schedule = new Schedule(0, 300);
  for (let ms = 0; ms < 10_000; ms++) while (schedule.due(ms) > 0) schedule.take();
  assert.equal(schedule.taken, 3_000);
});

test('a pause of the server is charged to every request that was due in it', () => {
  // One request a millisecond for a second, answered at once, but for a pause from 200 to 700 ms.
  const schedule = new Schedule(0, 1000);
  const histogram = new Histogram();
  for (let now = 0; now < 1000; now++) {
    if (now >= 200 && now < 700) continue;
    while (schedule.due(now) > 0) histogram.record(now - schedule.take());
  }
  assert.equal(histogram.count, 1000);
  assert.equal(histogram.maxMs, 500);
  // Requests 200 to 699 waited from 500 down to 1 ms: half of all. A closed loop would have seen one of 500.
  assert.ok(Math.abs(histogram.percentile(0.75) - 250) <= 3, `${histogram.percentile(0.75)}`);
  assert.equal(histogram.percentile(0.5), 0);
});
