import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runChaos } from './cluster-chaos.ts';
import { messageOf } from '../base/errors.ts';

/**
 * Clusters under random faults, with all invariants after every step. KVRAFT_SEEDS says how many seeds are run,
 * KVRAFT_SEED which one comes first.
 */
const seeds = Number(process.env['KVRAFT_SEEDS'] ?? 150);
const firstSeed = Number(process.env['KVRAFT_SEED'] ?? 1);

/** Runs a seed; what it throws names the seed. */
function run(seed: number): ReturnType<typeof runChaos> {
  try {
    return runChaos(seed);
  } catch (error) {
    throw new Error(`seed ${seed}: ${messageOf(error)}`, { cause: error });
  }
}

test(`${seeds} clusters keep Raft's promises under random faults, and recover from them`, () => {
  const counts = new Map<string, number>();
  let committed = 0;
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    const report = run(seed);
    committed += report.committed;
    for (const [what, count] of report.counts) counts.set(what, (counts.get(what) ?? 0) + count);
  }
  assert.ok(committed > 20 * seeds, `only ${committed} entries were committed`);
  // A run proves nothing about what did not happen in it.
  for (const what of [
    'became leader',
    'crashes',
    'joint changes',
    'partitions',
    'proposals',
    'reads asked',
    'simple changes',
    'snapshots installed',
    'snapshots sent',
    'tails replaced',
    'transfers',
  ]) {
    assert.ok((counts.get(what) ?? 0) > seeds / 10, `${what}: ${counts.get(what) ?? 0}`);
  }
});

test('a seed gives the same history, message for message', () => {
  for (const seed of [3, 4]) {
    const [first, second] = [run(seed), run(seed)];
    assert.equal(first.traceHash, second.traceHash);
    assert.deepEqual(first.counts, second.counts);
  }
  assert.notEqual(run(3).traceHash, run(4).traceHash);
});
