import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPrng } from '../base/prng.ts';
import type { SectorFate } from '../sim/disk-file.ts';
import { SimDisk } from '../sim/disk.ts';
import { LogModel } from './log-model.test-support.ts';
import { readLog } from './recovery.ts';
import { FOLDER, WalBench, batch, entry, hardState, summary } from './wal-bench.test-support.ts';
import type { RecoveredLog } from './wal-types.ts';

const PATH = `${FOLDER}/0000000001.wal`;

/** The same log again and again, at a moment in which some writes are not synced. */
interface Moment {
  readonly bench: WalBench;
  readonly model: LogModel;
}

/** Three writes without a sync, of which the last ones share sectors: every version of those may survive. */
function unsyncedWrites(more = true): Moment {
  const bench = new WalBench({ seed: 3 });
  const model = new LogModel(bench.life.recovered);
  const append = (count: number, bytes: number, mustSync: boolean): void => {
    const list = Array.from({ length: count }, (_, at) =>
      model.makeEntry(model.lastIndex + 1 + at, 1, bytes),
    );
    model.append(list, null);
    let done = false;
    const acknowledge = model.acknowledge(mustSync);
    bench.wal.append(batch(list, null, mustSync), () => {
      acknowledge();
      done = true;
    });
    bench.until(() => done);
  };
  append(1, 10, true);
  bench.rest();
  append(2, 90, true);
  append(2, 300, false);
  if (more) {
    append(3, 10, false);
    append(2, 250, false);
  }
  return { bench, model };
}

/** A large batch that is written and waits for its sync. */
function unsyncedBatch(): Moment {
  const { bench, model } = unsyncedWrites(false);
  const list = [0, 1, 2].map((at) => model.makeEntry(model.lastIndex + 1 + at, 2, 120));
  const state = hardState(2, 1);
  model.append(list, state);
  const written = bench.disk.counts.syncs;
  bench.wal.append(batch(list, state), model.acknowledge(true));
  bench.until(() => bench.disk.counts.syncs > written);
  return { bench, model };
}

/** All ways in which the unsynced sectors can come out, none torn. */
function* outcomes(sectors: readonly { versions: number }[]): Generator<number[]> {
  const [first, ...rest] = sectors;
  if (first === undefined) {
    yield [];
    return;
  }
  for (const outcome of outcomes(rest)) {
    for (let version = 0; version <= first.versions; version++) yield [version, ...outcome];
  }
}

function checkAndGoOn({ bench, model }: Moment, recovered: RecoveredLog): void {
  model.check(recovered, model.durable);
  // What was cut off stays cut off, however little of it the next entries cover.
  const next = (recovered.entries.at(-1)?.index ?? recovered.baseIndex) + 1;
  const again = new LogModel(recovered);
  const list = [again.makeEntry(next, 9, 16)];
  again.append(list, null);
  bench.append(list);
  again.check(bench.powerLost(), 1);
}

for (const [name, moment] of [
  ['several writes', () => unsyncedWrites()],
  ['a batch that waits for its sync', unsyncedBatch],
] as const) {
  test(`of ${name}, any set of unsynced sectors may be lost`, () => {
    const sectors = moment().bench.disk.unsyncedSectors();
    assert.ok(sectors.length >= 3);
    let count = 0;
    for (const outcome of outcomes(sectors)) {
      const at = moment();
      const fate = (path: string, sector: number): SectorFate => {
        const index = sectors.findIndex((unsynced) => unsynced.path === path && unsynced.sector === sector);
        return { version: outcome[index]!, tornAt: null };
      };
      checkAndGoOn(at, at.bench.powerLost({ sector: fate }));
      count++;
    }
    assert.equal(
      count,
      sectors.reduce((product, { versions }) => product * (versions + 1), 1),
    );
  });

  test(`of ${name}, any one sector may be torn at any byte`, () => {
    const sectors = moment().bench.disk.unsyncedSectors();
    for (const torn of sectors) {
      for (let tornAt = 1; tornAt < 512; tornAt += 5) {
        const at = moment();
        const fate = (path: string, sector: number, versions: number): SectorFate => ({
          version: versions,
          tornAt: path === torn.path && sector === torn.sector ? tornAt : null,
        });
        checkAndGoOn(at, at.bench.powerLost({ sector: fate }));
      }
    }
  });
}

test('an unsynced tail may end at any byte', () => {
  const { bench, model } = unsyncedBatch();
  const image = bench.disk.image();
  const file = image.get(PATH)!;
  const lastUsed = file.findLastIndex((byte) => byte !== 0) + 1;
  const durable = durableEnd(image);
  for (let end = durable; end <= lastUsed; end++) {
    const cut = Uint8Array.from(file);
    cut.fill(0, end);
    const loaded = new WalBench({ seed: 5, image: new Map([...image, [PATH, cut]]) });
    checkAndGoOn({ bench: loaded, model }, loaded.life.recovered);
  }
});

test('any byte of an unsynced tail may be wrong', () => {
  const { bench, model } = unsyncedBatch();
  const image = bench.disk.image();
  const file = image.get(PATH)!;
  const lastUsed = file.findLastIndex((byte) => byte !== 0) + 1;
  for (let at = durableEnd(image); at < lastUsed; at++) {
    const changed = Uint8Array.from(file);
    changed[at]! ^= 0xff;
    const loaded = new WalBench({ seed: 5, image: new Map([...image, [PATH, changed]]) });
    checkAndGoOn({ bench: loaded, model }, loaded.life.recovered);
  }
});

test('a tail that was cut off never comes back, even when the lost record is written anew, byte for byte', () => {
  const bench = new WalBench();
  bench.append([entry(1)]);
  bench.rest();
  const durable = durableEnd(bench.disk.image());
  for (let index = 2; index <= 9; index++) bench.append([entry(index)], null, false);
  const image = bench.disk.image();
  const file = Uint8Array.from(image.get(PATH)!);
  const size = (file.findLastIndex((byte) => byte !== 0) + 1 - durable) / 8;
  // Entry 2 is lost. 3 to 9 are whole, but nothing says that 2 was durable, so they are a torn tail with it.
  file.fill(0, durable, durable + size);
  for (const text of ['entry 2 of term 1', 'entry 2 of term one']) {
    const loaded = new WalBench({ seed: 8, image: new Map([...image, [PATH, file]]) });
    assert.deepEqual(summary(loaded.life.recovered).entries, ['1/1']);
    loaded.append([{ ...entry(2), data: Buffer.from(text) }]);
    const { entries } = loaded.powerLost();
    assert.deepEqual(
      entries.map(({ index }) => index),
      [1, 2],
    );
  }
});

/** Behind this offset of the first segment nothing is known to be durable. */
function durableEnd(image: ReadonlyMap<string, Uint8Array>): number {
  const disk = new SimDisk({ prng: createPrng(1), schedule: () => undefined });
  disk.load(image);
  const { segment, offset } = readLog(disk.mount(), FOLDER).knownDurable;
  assert.equal(segment, 1);
  return offset;
}
