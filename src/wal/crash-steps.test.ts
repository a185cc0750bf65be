import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CrashChoices } from '../sim/disk.ts';
import { LogModel } from './log-model.test-support.ts';
import { WalBench, batch, hardState } from './wal-bench.test-support.ts';

interface Run {
  readonly bench: WalBench;
  readonly model: LogModel;
  finished: boolean;
}

/** Everything that a log does, one thing after the other: segments begin, older ones go, entries are replaced. */
function start(run: Run): void {
  const { bench, model } = run;
  const append = (back: number, count: number, term: number, bytes: number) => (): void => {
    const first = model.lastIndex + 1 - back;
    const list = Array.from({ length: count }, (_, at) => model.makeEntry(first + at, term, bytes));
    const state = term === model.last.hardState.term ? null : hardState(term, term % 3, 2);
    model.append(list, state);
    const acknowledge = model.acknowledge(true);
    bench.wal.append(batch(list, state), () => {
      acknowledge();
      next();
    });
  };
  const compact = (index: number) => (): void => {
    model.compactedTo = index;
    bench.wal.compact(index, model.last.entries[index - model.last.baseIndex - 1]!.term);
    next();
  };
  const reset = (index: number, term: number) => (): void => {
    const state = hardState(term, -1, index);
    model.reset(index, term, state);
    const acknowledge = model.acknowledge(true);
    bench.wal.reset(index, term, state, () => {
      acknowledge();
      next();
    });
  };
  const close = (): void => bench.wal.close(() => next());
  const steps = [
    append(0, 2, 1, 30),
    append(0, 9, 1, 150),
    append(3, 2, 2, 100),
    append(0, 12, 2, 60),
    compact(11),
    append(0, 3, 3, 40),
    reset(100, 4),
    append(0, 14, 4, 90),
    compact(112),
    append(0, 1, 4, 10),
    close,
  ];
  const next = (): void => {
    const step = steps.shift();
    if (step === undefined) run.finished = true;
    else step();
  };
  next();
}

/** The script, stopped after so many events. */
function runTo(events: number): Run {
  const bench = new WalBench({ seed: 2, segmentBytes: 2_048 });
  const run: Run = { bench, model: new LogModel(bench.life.recovered), finished: false };
  start(run);
  for (let count = 0; count < events && !run.finished; count++) assert.ok(bench.scheduler.step());
  return run;
}

const lost: CrashChoices = {
  sector: () => ({ version: 0, tornAt: null }),
  keepsFolderOperation: () => false,
};
const kept: CrashChoices = {
  sector: (_path, _sector, versions) => ({ version: versions, tornAt: null }),
  keepsFolderOperation: () => true,
};
const onlyNames: CrashChoices = { ...lost, keepsFolderOperation: () => true };
const onlySectors: CrashChoices = { ...kept, keepsFolderOperation: () => false };

test('a crash after any event of any step leaves a log that recovers, and then works on', () => {
  const { bench: whole, model } = runTo(Infinity);
  const events = whole.scheduler.steps;
  assert.ok(events > 60 && model.durable === model.states.length - 1);
  for (let count = 0; count <= events; count++) {
    for (const choices of [lost, kept, onlyNames, onlySectors, {}, {}, 'kill'] as const) {
      const { bench, model } = runTo(count);
      const recovered = choices === 'kill' ? bench.killed() : bench.powerLost(choices);
      model.check(recovered, choices === 'kill' ? model.done : model.durable);
      const again = new LogModel(recovered);
      const list = Array.from({ length: 12 }, (_, at) => again.makeEntry(again.lastIndex + 1 + at, 9, 90));
      again.append(list, hardState(9, 1));
      bench.append(list, hardState(9, 1));
      bench.rest();
      again.check(bench.powerLost(), again.states.length - 1);
    }
  }
});

const allTorn: CrashChoices = {
  sector: (_path, _sector, versions) => ({ version: versions, tornAt: 20 }),
  keepsFolderOperation: () => false,
};

class Crash extends Error {}

test('a crash at any change that opening makes after a crash does no harm', () => {
  const { bench: whole } = runTo(Infinity);
  let crashes = 0;
  for (let count = 0; count <= whole.scheduler.steps; count++) {
    for (let changes = 0, opened = false; !opened; changes++) {
      const { bench, model } = runTo(count);
      bench.life.end();
      bench.disk.crashProcess();
      let left = changes;
      bench.disk.onBlockingChange = () => {
        if (left-- === 0) throw new Crash();
      };
      try {
        bench.start();
        opened = true;
      } catch (error) {
        if (!(error instanceof Crash)) throw error;
        crashes++;
      }
      bench.disk.onBlockingChange = () => undefined;
      const recovered = bench.powerLost((count + changes) % 3 === 0 ? {} : allTorn);
      model.check(recovered, model.durable);
    }
  }
  assert.ok(crashes > 100);
});
