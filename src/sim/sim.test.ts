import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runWorld } from './world.ts';

/** `KVRAFT_SEEDS` asks for more worlds. */
const SEEDS = Number(process.env['KVRAFT_SEEDS'] ?? 40);
const SEEDS_RUN_TWICE = 10;

test(`${SEEDS} worlds full of faults keep every promise`, () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { failure, stack, transcript } = runWorld(seed);
    assert.equal(failure, null, `seed ${seed}: ${failure}\n${transcript.join('\n')}\n${stack}`);
  }
});

test('the same seed gives the same run, event for event', () => {
  for (let seed = 1; seed <= SEEDS_RUN_TWICE; seed++) {
    const lines: string[][] = [[], []];
    const [first, second] = lines.map((list) => runWorld(seed, { onLine: (line) => list.push(line) }));
    assert.deepEqual(lines[0], lines[1], `seed ${seed}`);
    assert.equal(first?.digest, second?.digest);
    assert.deepEqual(first?.operations, second?.operations);
  }
});

test('other seeds give other worlds', () => {
  const digests = new Set(Array.from({ length: 5 }, (_, i) => runWorld(i + 1).digest));
  assert.equal(digests.size, 5);
});

test('a run that is stopped tells what happened last', () => {
  const { failure, transcript } = runWorld(1, { stepsMax: 500 });
  assert.equal(failure, 'stopped after 500 events');
  assert.ok(transcript.length > 0);
});
