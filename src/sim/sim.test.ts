import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WorldOptions } from './world-options.ts';
import { runWorld } from './world.ts';

/** `KVRAFT_SEEDS` asks for more worlds. */
const SEEDS = Number(process.env['KVRAFT_SEEDS'] ?? 40);
const SEEDS_RUN_TWICE = 10;
/** Worlds for each group of faults that only some of the worlds above have. */
const RARE_SEEDS = Math.max(6, SEEDS / 10);

test(`${SEEDS} worlds full of faults keep every promise`, () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { failure, stack, transcript } = runWorld(seed);
    assert.equal(failure, null, `seed ${seed}: ${failure}\n${transcript.join('\n')}\n${stack}`);
  }
});

/** Runs worlds that suffer these faults besides others; how often each happened. */
function suffer(rates: WorldOptions['rates'], seeds: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let seed = 1; seed <= seeds; seed++) {
    const { failure, stack, transcript, faults, details } = runWorld(seed, { world: { servers: 5, rates } });
    assert.equal(failure, null, `seed ${seed}: ${failure}\n${transcript.join('\n')}\n${stack}`);
    for (const [kind, count] of Object.entries({ ...details, ...faults }))
      counts.set(kind, (counts.get(kind) ?? 0) + count);
  }
  return counts;
}

test('with damaged and emptied disks in a minority nothing is lost, and the cluster heals by rebuilding', () => {
  const counts = suffer({ damage: 1, wipe: 4, crash: 1, partition: 0.5, 'slow-disk': 1 }, RARE_SEEDS);
  for (const kind of ['damage', 'wipe', 'rebuilds']) assert.ok((counts.get(kind) ?? 0) > 2, kind);
});

test('members come and go and leadership is handed on while servers crash and the network falls apart', () => {
  const rates = {
    reconfigure: 8,
    transfer: 3,
    crash: 1,
    'power-loss': 0.5,
    partition: 1,
    'isolate-leader': 0.5,
  };
  const counts = suffer(rates, RARE_SEEDS);
  for (const kind of ['reconfigure', 'transfer']) assert.ok((counts.get(kind) ?? 0) >= RARE_SEEDS, kind);
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
