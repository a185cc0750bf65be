import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faultKinds, type WorldOptions } from './world-options.ts';
import { Scheduler } from './scheduler.ts';
import { runWorld } from './world.ts';

/** The fixed sample is small: `npm run test:full` runs more, and `npm run soak` any number. */
const SEEDS = process.env['KVRAFT_TEST_FULL'] === '1' ? 1_000 : 250;
const SEEDS_RUN_TWICE = SEEDS / 25;
/** Worlds for each group of faults that only some of the worlds above have. */
const RARE_SEEDS = SEEDS / 25;

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
  const counts = suffer({ damage: 4, wipe: 4, crash: 1, partition: 0.5, 'slow-disk': 1 }, RARE_SEEDS);
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

/** Runs the world of each seed twice and compares everything that happened. */
function runTwice(seeds: number, world: Partial<WorldOptions>): void {
  for (let seed = 1; seed <= seeds; seed++) {
    const lines: string[][] = [[], []];
    const [first, second] = lines.map((list) => runWorld(seed, { world, onLine: (line) => list.push(line) }));
    assert.deepEqual(lines[0], lines[1], `seed ${seed}`);
    assert.equal(first?.digest, second?.digest);
    assert.deepEqual(first?.operations, second?.operations);
  }
}

test('the same seed gives the same run, event for event', () => {
  runTwice(SEEDS_RUN_TWICE, {});
});

test('also with every kind of fault and of client at once', () => {
  const rates = Object.fromEntries(faultKinds.map((kind) => [kind, 0.5]));
  runTwice(RARE_SEEDS, { servers: 5, rates, typedClients: 1, furtherClients: 1, crashPointChance: 0.005 });
});

test('other seeds give other worlds', () => {
  const digests = new Set(Array.from({ length: 5 }, (_, i) => runWorld(i + 1).digest));
  assert.equal(digests.size, 5);
});

test('a run in which something goes round in circles fails, instead of going on for ever', () => {
  const scheduler = new Scheduler();
  const again = (): void => void scheduler.schedule(0, again);
  again();
  assert.throws(() => scheduler.runFor(1), /^SimFailure: time stands still/);
});

test('a run that is stopped tells what happened last', () => {
  const { failure, transcript } = runWorld(1, { stepsMax: 500 });
  assert.equal(failure, 'stopped after 500 events');
  assert.ok(transcript.length > 0);
});
