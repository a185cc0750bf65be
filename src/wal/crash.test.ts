import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Prng } from '../base/prng.ts';
import { NO_MEMBER, type HardState } from '../raft/types.ts';
import { LogModel } from './log-model.test-support.ts';
import { WalBench, batch, hardState } from './wal-bench.test-support.ts';

const seeds = process.env['KVRAFT_TEST_FULL'] === '1' ? 3_000 : 300;

test('whatever is called and whenever it crashes, the log recovers to a state that includes all that was durable', () => {
  let crashes = 0;
  let segments = 0;
  const faults: Record<string, number> = {};
  for (let seed = 1; seed <= seeds; seed++) {
    try {
      const bench = new WalBench({ seed, segmentBytes: 1_500 + 500 * (seed % 5) });
      for (let life = 0; life < 6; life++) {
        oneLife(bench);
        crashes++;
      }
      for (const [fault, count] of Object.entries(bench.disk.counts))
        faults[fault] = (faults[fault] ?? 0) + count;
      segments += bench.disk.image().size;
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
  assert.ok(crashes === seeds * 6 && segments > 3 * seeds);
  for (const [fault, count] of Object.entries(faults)) {
    assert.ok(fault === 'damagedBytes' || count > 20, `${fault} happened ${count} times`);
  }
});

function oneLife(bench: WalBench): void {
  const { prng, disk } = bench;
  const model = new LogModel(bench.life.recovered);
  disk.faults.syncErrorChance = prng.chance(0.1) ? 0.03 : 0;
  disk.faults.writeErrorChance = prng.chance(0.1) ? 0.03 : 0;
  disk.faults.stallChance = prng.chance(0.1) ? 0.1 : 0;
  disk.capacityBytes = prng.chance(0.2) ? disk.usedBytes + prng.below(3 * bench.segmentBytes) : Infinity;
  const steps = prng.below(40);
  for (let step = 0; step < steps; step++) {
    act(bench, model);
    if (prng.chance(0.5)) bench.scheduler.runFor(prng.float() * (prng.chance(0.1) ? 200 : 2));
  }
  const { syncErrorChance, writeErrorChance } = disk.faults;
  const sound = syncErrorChance === 0 && writeErrorChance === 0 && disk.capacityBytes === Infinity;
  if (sound && prng.chance(0.2)) {
    bench.close();
    model.check(bench.powerLost(), model.states.length - 1);
  } else if (prng.chance(0.3)) {
    model.check(bench.killed(), model.done);
  } else {
    model.check(bench.powerLost(), model.durable);
  }
}

function act(bench: WalBench, model: LogModel): void {
  const { prng, wal } = bench;
  const { last } = model;
  const dice = prng.below(20);
  if (dice === 0) {
    const index = Math.min(wal.durableIndex, last.baseIndex + last.entries.length);
    const cut = last.baseIndex + prng.below(Math.max(1, index - last.baseIndex + 1));
    if (cut <= Math.max(last.baseIndex, model.compactedTo)) return;
    model.compactedTo = Math.max(model.compactedTo, cut);
    wal.compact(cut, last.entries[cut - last.baseIndex - 1]!.term);
    return;
  }
  if (dice === 1 && prng.chance(0.3)) {
    const index = model.lastIndex + prng.below(20) + 1;
    const state = hardState(last.hardState.term + 1, NO_MEMBER, index);
    model.reset(index, state.term, state);
    wal.reset(index, state.term, state, model.acknowledge(true));
    return;
  }
  const state = nextHardState(prng, model);
  const changed = state.term !== last.hardState.term || state.votedFor !== last.hardState.votedFor;
  const floor = Math.max(last.baseIndex, model.compactedTo, state.commitIndex);
  const first = Math.max(floor, model.lastIndex - (prng.chance(0.1) ? prng.below(5) : 0)) + 1;
  const list = Array.from({ length: prng.below(5) }, (_, at) =>
    model.makeEntry(first + at, state.term, prng.below(prng.chance(0.1) ? 500 : 60)),
  );
  const given = changed || prng.chance(0.3) ? state : null;
  const mustSync = changed || prng.chance(0.7);
  model.append(list, given);
  wal.append(batch(list, given, mustSync), model.acknowledge(mustSync));
}

function nextHardState(prng: Prng, { last, lastIndex }: LogModel): HardState {
  const { term, votedFor, commitIndex } = last.hardState;
  const commit = prng.chance(0.3) ? commitIndex + prng.below(lastIndex - commitIndex + 1) : commitIndex;
  if (prng.chance(0.1)) return hardState(term + 1, prng.chance(0.5) ? prng.below(5) : NO_MEMBER, commit);
  return hardState(term, votedFor === NO_MEMBER && prng.chance(0.1) ? prng.below(5) : votedFor, commit);
}
