import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runPrimaryBackupWorld } from './world.ts';

/** `KVRAFT_SEEDS` asks for more worlds. */
const SEEDS = Number(process.env['KVRAFT_SEEDS'] ?? (process.env['KVRAFT_TEST_FULL'] === '1' ? 2_000 : 12));
const SEEDS_RUN_TWICE = 2;

test(`${SEEDS} worlds of primary, backup and monitors full of faults keep every promise`, () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { failure, stack, transcript } = runPrimaryBackupWorld(seed);
    assert.equal(failure, null, `seed ${seed}: ${failure}\n${transcript.join('\n')}\n${stack}`);
  }
});

test('the same seed gives the same run, event for event', () => {
  for (let seed = 1; seed <= SEEDS_RUN_TWICE; seed++) {
    const [first, second] = [runPrimaryBackupWorld(seed), runPrimaryBackupWorld(seed)];
    assert.equal(first.digest, second.digest);
    assert.deepEqual(first.operations, second.operations);
  }
});
