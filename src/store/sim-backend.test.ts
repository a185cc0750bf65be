import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPrng } from '../base/prng.ts';
import { SimDisk, type DiskFaults } from '../sim/disk.ts';
import { openSimStore } from './sim-backend.ts';
import { at, bytes, contents, snapshotOf, virtualTime } from './store.test-support.ts';
import type { Position, Store } from './store.ts';

const FOLDER = 'server/state';

function makeDisk(seed: number, faults: Partial<DiskFaults> = {}, capacityBytes = Infinity) {
  const { scheduler, startLife } = virtualTime();
  const schedule = (delayMs: number, run: () => void) => scheduler.schedule(delayMs, run);
  const disk = new SimDisk({ prng: createPrng(seed), schedule, faults, capacityBytes });
  const open = (): Store => {
    const store = openSimStore(FOLDER, {
      ...{ vfs: disk.mount(), clock: startLife(), prng: createPrng(seed) },
      flushBytes: Infinity,
    });
    store.setLogDurable(Infinity);
    return store;
  };
  return { scheduler, disk, open };
}

type Contents = [string, string][];

/** Entries of 40 KiB, so that a few flushes fill a file up to where it is written anew. */
const big = (index: number): Uint8Array => bytes(String(index).padEnd(40_000, '.'));

/**
 * What the crash tests interrupt: flushes, among them three that begin a new file, and an install in their midst.
 * Records each state that is being made durable before it begins, and each position once it is acknowledged.
 */
function script(store: Store, states: Map<number, Contents>, acknowledged: (position: Position) => void) {
  const flush = (index: number, then: () => void): void => {
    store.put(`k${index % 2}`, big(index));
    store.put('kindex', bytes(String(index)));
    if (index % 4 === 0) store.delete('k1');
    store.advance(at(index));
    states.set(index, contents(store));
    store.onFlushed = () => {
      acknowledged(store.durablePosition);
      then();
    };
    store.flush();
  };
  const flushAll = (from: number, to: number, then: () => void): void => {
    if (from > to) then();
    else flush(from, () => flushAll(from + 1, to, then));
  };
  const install = (index: number, then: () => void): void => {
    const staged = store.beginInstall(at(index));
    const chunks = snapshotOf(at(index), { kinstalled: 'x'.repeat(300), kindex: String(index) });
    states.set(index, [
      ['kindex', String(index)],
      ['kinstalled', 'x'.repeat(300)],
    ]);
    const next = (error: Error | null): void => {
      assert.equal(error, null);
      const chunk = chunks.shift();
      if (chunk !== undefined) return staged.write(chunk, next);
      staged.finish((error) => {
        assert.equal(error, null);
        staged.commit();
        // The log that begins behind the snapshot is no concern of this test.
        store.setLogDurable(Infinity);
        acknowledged(store.durablePosition);
        then();
      });
    };
    next(null);
  };
  return (then: () => void): void => flushAll(1, 19, () => install(20, () => flushAll(21, 24, then)));
}

/** Runs the script until the given moment; whether the moment came before its end. */
function crashAt(
  seed: number,
  moment: { event?: number; blockingChange?: number },
  kind: 'power' | 'process',
): boolean {
  const { scheduler, disk, open } = makeDisk(seed);
  const states = new Map<number, Contents>([[0, []]]);
  let acknowledged = 0;
  let ended = false;
  let events = 0;
  let changes = 0;
  class Crash extends Error {}
  const store = open();
  disk.onBlockingChange = () => {
    changes++;
    if (changes >= (moment.blockingChange ?? Infinity)) throw new Crash();
  };
  store.onFatal = (error) => {
    throw error;
  };
  let crashed = false;
  try {
    script(store, states, ({ index }) => (acknowledged = index))(() => (ended = true));
    while (!ended && events !== moment.event && scheduler.step()) events++;
  } catch {
    crashed = true;
  }
  // A blocking change that fails is reported as any error is; the script ends there all the same.
  crashed ||= !ended;
  disk.onBlockingChange = () => undefined;
  if (kind === 'power') disk.losePower();
  else disk.crashProcess();
  const reopened = open();
  const { index } = reopened.position;
  assert.ok(index >= acknowledged, `${index} is at least ${acknowledged}, which was acknowledged`);
  assert.deepEqual(contents(reopened), states.get(index));
  assert.ok(reopened.installedIndex === (index === 20 ? 20 : 0));
  assert.equal(disk.image().size, 2, 'leftovers are gone');
  reopened.put('kmore', bytes('more'));
  reopened.advance(at(100));
  reopened.flush();
  assert.ok(scheduler.runUntil(() => reopened.durablePosition.index === 100, Infinity));
  return crashed;
}

for (const kind of ['power', 'process'] as const) {
  test(`a ${kind} failure at any moment leaves a whole state, and one that is not older than acknowledged`, () => {
    let moments = 0;
    const count = (): void => assert.ok(++moments < 10_000, 'the script comes to its end');
    for (let event = 1; crashAt(event, { event }, kind); event++) count();
    for (let change = 1; crashAt(change, { blockingChange: change }, kind); change++) count();
    assert.ok(moments > 80, `${moments} moments`);
  });
}

test('a full disk holds flushes up until there is room, and loses nothing', () => {
  const { scheduler, disk, open } = makeDisk(1, {}, 100_000);
  const store = open();
  let acknowledged = 0;
  const states = new Map<number, Contents>();
  const run = script(store, states, ({ index }) => (acknowledged = index));
  let ended = false;
  run(() => (ended = true));
  assert.ok(scheduler.runUntil(() => store.outOfSpace, Infinity));
  const held = acknowledged;
  scheduler.runFor(10_000);
  assert.equal(acknowledged, held);
  assert.deepEqual(contents(store), states.get(held + 1));
  disk.capacityBytes = Infinity;
  assert.ok(scheduler.runUntil(() => ended, Infinity));
  assert.equal(store.outOfSpace, false);
  assert.deepEqual(contents(open()), states.get(24));
});

test('a disk whose writes and syncs fail now and then is tried again until they work', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { scheduler, disk, open } = makeDisk(seed, { writeErrorChance: 0.2, syncErrorChance: 0.2 });
    const store = open();
    for (let index = 1; index <= 15; index++) {
      store.put(`k${index % 3}`, big(index));
      store.advance(at(index));
      store.flush();
      assert.ok(scheduler.runUntil(() => store.durablePosition.index === index, Infinity));
    }
    const expected = contents(store);
    assert.ok(disk.counts.writeErrors + disk.counts.syncErrors > 0);
    disk.losePower();
    assert.deepEqual(contents(open()), expected);
  }
});

test('the file does not grow with what was overwritten', () => {
  const { scheduler, disk, open } = makeDisk(1);
  const store = open();
  for (let index = 1; index <= 200; index++) {
    store.put('k', big(1));
    store.advance(at(index));
    store.flush();
    assert.ok(scheduler.runUntil(() => store.durablePosition.index === index, Infinity));
    assert.ok(disk.usedBytes < 300_000);
  }
});

test('what a failed batch left behind never comes back after the next one', () => {
  const { scheduler, disk, open } = makeDisk(1);
  const store = open();
  const flush = (to: Store, index: number): void => {
    to.put('k', bytes(`value ${index}`));
    to.advance(at(index));
    to.flush();
    assert.ok(scheduler.runUntil(() => to.durablePosition.index === index, Infinity));
  };
  const path = `${FOLDER}/state-1`;
  const ends = [1, 2, 3].map((index) => {
    flush(store, index);
    return disk.image().get(path)?.length ?? 0;
  });
  // The second batch is torn, the third, of the same length, lies behind it as if it followed.
  disk.damage(path, (ends[0] ?? 0) + 12, (byte) => byte ^ 1);
  const second = open();
  assert.equal(second.position.index, 1);
  flush(second, 2);
  assert.equal(disk.image().get(path)?.length, ends[1]);
  assert.equal(open().position.index, 2);
});

test('the same seed leaves the same bytes', () => {
  const images = [1, 2].map(() => {
    const { scheduler, disk, open } = makeDisk(4);
    let ended = false;
    script(open(), new Map(), () => undefined)(() => (ended = true));
    assert.ok(scheduler.runUntil(() => ended, Infinity));
    assert.ok(disk.image().has(`${FOLDER}/state-5`), 'the script begins three files, and installs one');
    return [scheduler.nowMs, ...disk.image()];
  });
  assert.deepEqual(images[0], images[1]);
});

test('a state that is damaged, of another version, or without its file is refused with its name', () => {
  const { scheduler, disk, open } = makeDisk(1);
  let ended = false;
  script(open(), new Map(), () => undefined)(() => (ended = true));
  assert.ok(scheduler.runUntil(() => ended, Infinity));
  const image = disk.image();
  const pointer = `${FOLDER}/CURRENT`;
  const state = [...image.keys()].find((path) => path !== pointer) ?? assert.fail();
  const opensWith = (changed: Map<string, Uint8Array>) => () => {
    const fresh = makeDisk(2);
    fresh.disk.load(changed);
    return fresh.open();
  };
  assert.equal(opensWith(image)().position.index, 24);
  const withBytes = (path: string, value: Uint8Array) => new Map(image).set(path, value);
  const missing = new Map(image);
  missing.delete(state);
  for (const [damaged, message] of [
    [missing, /state-\d+, which CURRENT names, is missing/],
    [withBytes(state, new Uint8Array(0)), /state-\d+ is no state/],
    [withBytes(state, (image.get(state) ?? assert.fail()).slice(0, 12)), /no complete state/],
    [
      withBytes(
        state,
        Uint8Array.from(image.get(state) ?? [], (byte, i) => (i === 4 ? 2 : byte)),
      ),
      /of format 2/,
    ],
    [withBytes(pointer, bytes('nonsense')), /CURRENT is no pointer/],
  ] as const) {
    assert.throws(opensWith(damaged), { code: 'STORE_DAMAGED', message });
  }
});
