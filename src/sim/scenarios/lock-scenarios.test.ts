import assert from 'node:assert/strict';
import { test } from 'node:test';
import { handOver } from './lock-scenarios.ts';
import { Stage } from './stage.ts';

/** Plays hand-overs of one lock under kills and pauses; what its holders met, or why it failed. */
function play(seed: number, times: number, fenced: boolean) {
  const stage = new Stage(seed, { servers: 3 });
  stage.startAll();
  const locks = handOver(stage, times, fenced);
  stage.finish();
  locks.check();
  return { ...locks.seen, acquired: locks.tokens.length };
}

test('no write of a former holder is accepted, over kills and pauses of clients and servers', () => {
  const [seeds, times] = process.env['KVRAFT_TEST_FULL'] === undefined ? [2, 150] : [4, 2_000];
  const met = { fenced: 0, lost: 0, stale: 0 };
  for (let seed = 1; seed <= seeds; seed++) {
    const { fenced, lost, stale, acquired } = play(seed, times, true);
    assert(acquired >= times);
    met.fenced += fenced;
    met.lost += lost;
    met.stale += stale;
  }
  assert(met.fenced > 0, 'writes of former holders were refused');
  assert(met.lost > 0 && met.stale > 0, 'holders learned that they had lost it, and knew it from the clock');
});

test('without fences two holders write at once: the check sees it', () => {
  assert.throws(
    () => {
      for (let seed = 1; seed <= 10; seed++) play(seed, 60, false);
    },
    { message: /comes after token/ },
  );
});
