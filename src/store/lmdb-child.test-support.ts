import assert from 'node:assert/strict';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { createPrng } from '../base/prng.ts';
import { openLmdbStore } from './lmdb-backend.ts';
import { at, realClock } from './store.test-support.ts';
import type { StateKey } from './store.ts';

/** What the entry at an index writes: a few puts and deletions of few keys, so that most are overwritten later. */
export function writesAt(index: number): [StateKey, Uint8Array | null][] {
  const prng = createPrng(index);
  return Array.from({ length: 5 }, () => {
    const key = `k${prng.below(500)}`;
    return [key, prng.chance(0.2) ? null : Buffer.from(`${index}:`.padEnd(prng.below(2_000), '.'))];
  });
}

/** Writes and flushes for ever, and reports each position that is durable. */
function flushForEver(folder: string, report: (index: number) => void): void {
  const store = openLmdbStore(folder, { clock: realClock, prng: createPrng(1), flushBytes: 100_000 });
  store.onFlushed = () => report(store.durablePosition.index);
  let { index } = store.position;
  const turn = (): void => {
    if (store.unflushedBytes < 1_000_000) {
      index++;
      for (const [key, value] of writesAt(index)) {
        if (value === null) store.delete(key);
        else store.put(key, value);
      }
      store.setLogDurable(index);
      store.advance(at(index));
    }
    setImmediate(turn);
  };
  turn();
}

/** Flushes once, then closes the store, or leaves it as it is. */
function flushOnce(folder: string, closes: boolean): void {
  const store = openLmdbStore(folder, { clock: realClock, prng: createPrng(1) });
  store.advance(at(1));
  store.setLogDurable(1);
  store.flush();
  if (closes) store.close(() => undefined);
}

/** Writes ever new keys until the disk is full, checks that nothing is lost, and reports the position on disk. */
function fillDisk(folder: string, report: (index: number) => void): void {
  const store = openLmdbStore(folder, { clock: realClock, prng: createPrng(1), flushBytes: 50_000 });
  store.setLogDurable(Infinity);
  let index = 0;
  const turn = (): void => {
    if (store.outOfSpace) {
      for (let i = 1; i <= index; i++) assert.equal(store.get(`k${i}`)?.length, 10_000);
      return report(store.durablePosition.index);
    }
    if (store.unflushedBytes < 100_000) {
      index++;
      store.put(`k${index}`, new Uint8Array(10_000));
      store.advance(at(index));
    }
    setImmediate(turn);
  };
  turn();
}

/** Runs as a process of its own (folder and mode as arguments), or as a worker thread. */
function run([folder, mode]: readonly string[], report: (index: number) => void): void {
  if (folder === undefined) return;
  if (mode === 'idle') openLmdbStore(folder, { clock: realClock, prng: createPrng(1) });
  else if (mode === 'for ever') flushForEver(folder, report);
  else if (mode === 'exit')
    flushForEver(folder, (index) => index > 500 && setTimeout(() => process.exit(7), 10 + (index % 40)));
  else if (mode === 'full') fillDisk(folder, report);
  else flushOnce(folder, mode === 'close');
}

if (!isMainThread) run(workerData as string[], (index) => parentPort?.postMessage(index));
else if (process.send !== undefined) run(process.argv.slice(2), (index) => process.send?.(index));
