import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createPrng } from '../base/prng.ts';
import { SimDisk } from '../sim/disk.ts';
import { testConformance } from './conformance.ts';
import { openLmdbStore } from './lmdb-backend.ts';
import { openSimStore } from './sim-backend.ts';
import { realClock, virtualTime, type Harness } from './store.test-support.ts';
import type { Store } from './store.ts';

function simHarness(): Harness {
  const { scheduler, startLife } = virtualTime();
  const disk = new SimDisk({
    prng: createPrng(5),
    schedule: (delayMs, run) => scheduler.schedule(delayMs, run),
  });
  let vfs = disk.mount();
  let clock = startLife();
  return {
    get clock() {
      return clock;
    },
    open: (options) => openSimStore('server/state', { ...options, vfs, clock, prng: createPrng(6) }),
    until: async (condition) => {
      if (!scheduler.runUntil(condition, Infinity)) throw new Error('nothing is under way any more');
    },
    crash: async () => {
      disk.losePower();
      vfs = disk.mount();
      clock = startLife();
    },
    dispose: async () => undefined,
  };
}

/**
 * A crash is a copy of the files at one moment, which the store that was open then knows nothing of. Without the
 * lock file: that belongs to the process.
 */
function lmdbHarness(): Harness {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'kvraft-store-'));
  const stores: Store[] = [];
  let life = 0;
  return {
    clock: realClock,
    open: (options) => {
      const store = openLmdbStore(path.join(root, String(life)), {
        ...options,
        clock: realClock,
        prng: createPrng(6),
      });
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
      copyFolder(from, path.join(root, String(life)));
    },
    dispose: async () => {
      for (const store of [...stores]) await new Promise((resolve) => store.close(resolve));
      fs.rmSync(root, { recursive: true });
    },
  };
}

function copyFolder(from: string, to: string): void {
  fs.mkdirSync(to);
  for (const name of fs.readdirSync(from)) {
    const filter = (file: string): boolean => path.basename(file) !== 'lock.mdb';
    try {
      fs.cpSync(path.join(from, name), path.join(to, name), { recursive: true, filter });
    } catch (error) {
      // The old state after an install is being removed by another thread.
      if ((error as { code?: string }).code !== 'ENOENT') throw error;
    }
  }
}

testConformance('simulated disk', simHarness, 200);
testConformance('LMDB', lmdbHarness, 10);
