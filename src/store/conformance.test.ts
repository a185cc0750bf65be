import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createPrng } from '../base/prng.ts';
import type { Clock } from '../base/clock.ts';
import { SimDisk } from '../sim/disk.ts';
import { Scheduler } from '../sim/scheduler.ts';
import { testConformance } from './conformance.ts';
import { openLmdbStore } from './lmdb-backend.ts';
import { openSimStore } from './sim-backend.ts';
import { realClock, type Harness } from './store.test-support.ts';
import type { Store } from './store.ts';

function simHarness(): Harness {
  const scheduler = new Scheduler();
  const disk = new SimDisk({
    prng: createPrng(5),
    schedule: (delayMs, run) => scheduler.schedule(delayMs, run),
  });
  let life = 0;
  let vfs = disk.mount();
  const clockOf = (ofLife: number): Clock => ({
    monotonicMs: () => scheduler.nowMs,
    wallMs: () => scheduler.nowMs,
    setTimer: (delayMs, run) => scheduler.schedule(delayMs, () => ofLife === life && run()),
    defer: (run) => void scheduler.schedule(0, () => ofLife === life && run()),
  });
  return {
    get clock() {
      return clockOf(life);
    },
    open: (options) => openSimStore('server/state', { ...options, vfs, clock: clockOf(life) }),
    until: async (condition) => {
      if (!scheduler.runUntil(condition, Infinity)) throw new Error('nothing is under way any more');
    },
    crash: async () => {
      disk.losePower();
      life++;
      vfs = disk.mount();
    },
    dispose: async () => undefined,
  };
}

/** A crash is a copy of the files at one moment, to which the store that is open then has no access. */
function lmdbHarness(): Harness {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'kvraft-store-'));
  const stores: Store[] = [];
  let life = 0;
  return {
    clock: realClock,
    open: (options) => {
      const store = openLmdbStore(path.join(root, String(life)), { ...options, clock: realClock });
      const close = store.close.bind(store);
      store.close = (done) => {
        stores.splice(stores.indexOf(store), 1);
        close(done);
      };
      stores.push(store);
      return store;
    },
    until: async (condition) => {
      while (!condition()) await new Promise((resolve) => setImmediate(resolve));
    },
    crash: async () => {
      const from = path.join(root, String(life));
      life++;
      // Lock files belong to a running process.
      const filter = (file: string): boolean => path.basename(file) !== 'lock.mdb';
      fs.cpSync(from, path.join(root, String(life)), { recursive: true, filter });
    },
    dispose: async () => {
      for (const store of [...stores]) await new Promise((resolve) => store.close(resolve));
      fs.rmSync(root, { recursive: true });
    },
  };
}

testConformance('simulated disk', simHarness, 200);
testConformance('LMDB', lmdbHarness, 20);
