import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Rounds } from './rounds.ts';

/** Rounds whose waits the test sets, on a clock that it moves. */
function setUp() {
  const bench = { sendInMs: Infinity, askInMs: Infinity, turns: 0, timers: [] as [number, () => void][] };
  const rounds = new Rounds({
    router: { sendInMs: () => bench.sendInMs },
    reads: { askInMs: () => bench.askInMs },
    clock: {
      monotonicMs: () => 0,
      wallMs: () => 0,
      setTimer: (delayMs, callback) => {
        bench.timers.push([delayMs, callback]);
        return { cancel: () => (bench.timers.length = 0) };
      },
      defer: () => undefined,
    },
    tickMs: 10,
    schedule: () => bench.turns++,
  });
  return { bench, rounds };
}

test('what may go out is due, and nothing else', () => {
  const { bench, rounds } = setUp();
  assert.deepEqual(rounds.due(), { proposals: false, reads: false });
  bench.sendInMs = 0;
  assert.deepEqual(rounds.due(), { proposals: true, reads: false });
  bench.askInMs = 0;
  assert.deepEqual(rounds.due(), { proposals: true, reads: true });
});

test('what had to wait goes in a turn of its own when the round ended within this turn', () => {
  const { bench, rounds } = setUp();
  bench.sendInMs = 0.5;
  rounds.due();
  bench.sendInMs = 0;
  rounds.next();
  assert.equal(bench.turns, 1);
});

test('else when its time has come', () => {
  const { bench, rounds } = setUp();
  bench.askInMs = 0.5;
  rounds.due();
  rounds.next();
  rounds.due();
  rounds.next();
  assert.deepEqual([bench.turns, bench.timers.map(([delayMs]) => delayMs)], [0, [0.5]]);
  bench.timers[0]?.[1]();
  assert.equal(bench.turns, 1);
});

test('what could not go although it might, for want of a leader, does not turn the loop over', () => {
  const { bench, rounds } = setUp();
  bench.sendInMs = 0;
  rounds.due();
  rounds.next();
  assert.deepEqual([bench.turns, bench.timers.length], [0, 0]);
});

test('long waits are left to the tick', () => {
  const { bench, rounds } = setUp();
  bench.sendInMs = 50;
  rounds.due();
  rounds.next();
  assert.equal(bench.timers.length, 0);
});

test('nor does it while something else waits for its time', () => {
  const { bench, rounds } = setUp();
  bench.askInMs = 0;
  bench.sendInMs = 5;
  rounds.due();
  rounds.next();
  assert.deepEqual([bench.turns, bench.timers.map(([delayMs]) => delayMs)], [0, [5]]);
});

test('a wait that is too short for a clock to tell is a little longer', () => {
  const { bench, rounds } = setUp();
  bench.sendInMs = 1e-14;
  rounds.due();
  rounds.next();
  assert.deepEqual(
    bench.timers.map(([delayMs]) => delayMs),
    [0.01],
  );
});
