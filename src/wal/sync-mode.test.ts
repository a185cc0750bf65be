import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SyncMode } from './sync-mode.ts';

const FAST_MS = 0.1;
const SLOW_MS = 20;

/** Syncs until the loop does them; returns how many it took. */
function untilOnLoop(mode: SyncMode): number {
  let syncs = 0;
  while (!mode.onLoop) {
    mode.took(FAST_MS);
    syncs++;
  }
  return syncs;
}

test('a disk that proves fast is synced on the loop', () => {
  const mode = new SyncMode();
  assert.equal(mode.onLoop, false);
  assert.equal(untilOnLoop(mode), 64);
});

test('one slow sync in the pool begins the proof anew', () => {
  const mode = new SyncMode();
  for (let i = 0; i < 63; i++) mode.took(FAST_MS);
  mode.took(SLOW_MS);
  assert.equal(untilOnLoop(mode), 64);
});

test('a slow sync on the loop sends the next ones to the pool, for longer each time', () => {
  const mode = new SyncMode();
  const proofs: number[] = [];
  for (let i = 0; i < 12; i++) {
    proofs.push(untilOnLoop(mode));
    mode.took(SLOW_MS);
    assert.equal(mode.onLoop, false);
  }
  assert.deepEqual(proofs, [64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 65536]);
});

test('what happened before a long time of fast syncs is forgotten', () => {
  const mode = new SyncMode();
  for (let i = 0; i < 5; i++) {
    untilOnLoop(mode);
    mode.took(SLOW_MS);
  }
  untilOnLoop(mode);
  for (let i = 0; i < 64 * 1024; i++) mode.took(FAST_MS);
  mode.took(SLOW_MS);
  assert.equal(untilOnLoop(mode), 128);
});
