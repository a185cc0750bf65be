import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KvraftError } from '../base/errors.ts';
import { createPrng } from '../base/prng.ts';
import { SimDisk } from '../sim/disk.ts';
import { readLog } from './recovery.ts';
import {
  FOLDER,
  WalBench,
  entries,
  entry,
  hardState,
  imageVfs,
  summary,
  textOf,
} from './wal-bench.test-support.ts';

type Image = ReadonlyMap<string, Uint8Array>;

const SLOTS = `${FOLDER}/hard-state`;
const path = (sequence: number): string => `${FOLDER}/000000000${sequence}.wal`;

/** A log of three segments with records, all synced and marked, and one that waits. */
function sound(seed = 1): Image {
  const bench = new WalBench({ seed, segmentBytes: 2_048 });
  bench.append([], hardState(1, 2));
  for (let index = 1; index <= 28; index++) bench.append([entry(index)]);
  bench.append([entry(29, 2)], hardState(2, 1, 20));
  bench.rest();
  const image = bench.disk.image();
  assert.deepEqual(segmentsOf(image), [path(1), path(2), path(3), path(4)]);
  return image;
}

const segmentsOf = (image: Image): string[] =>
  [...image.keys()].filter((name) => name.endsWith('.wal')).sort();
const usedOf = (file: Uint8Array): number => file.findLastIndex((byte) => byte !== 0) + 1;

/** What recovery makes of the image: the log, or the message of its refusal. */
function open(image: Image): ReturnType<typeof summary> | string {
  try {
    return summary(readLog(imageVfs(image), FOLDER).recovered);
  } catch (error) {
    if (!(error instanceof KvraftError)) throw error;
    assert.equal(error.code, 'LOG_DAMAGED');
    assert.match(error.message, /^data\/log\/(?:\d{10}\.wal|hard-state), byte \d+: .+--rebuild/);
    return error.message;
  }
}

/** The image with one file changed, or without it. */
function changed(image: Image, name: string, change: ((file: Uint8Array) => Uint8Array) | null): Image {
  const result = new Map(image);
  const file = Uint8Array.from(image.get(name)!);
  if (change === null) result.delete(name);
  else result.set(name, change(file));
  return result;
}

const IMAGE = sound();
const WHOLE = open(IMAGE);

test('the log that the tests here damage is sound', () => {
  assert.ok(typeof WHOLE !== 'string');
  assert.equal(WHOLE.entries.length, 29);
  assert.deepEqual(WHOLE.hardState, hardState(2, 1, 20));
});

test('any byte of a synced log that is wrong is refused with its file and place, or does not matter', () => {
  let refused = 0;
  for (const [name, file] of IMAGE) {
    for (let at = 0; at < file.length; at++) {
      const result = open(
        changed(IMAGE, name, (bytes) => {
          bytes[at]! ^= 1 << (at % 8);
          return bytes;
        }),
      );
      if (typeof result !== 'string') {
        assert.deepEqual(result, WHOLE, `${name} byte ${at}`);
        continue;
      }
      refused++;
      assert.ok(result.startsWith(`${name}, byte `), result);
      const offset = Number(/byte (\d+)/.exec(result)![1]);
      assert.ok(offset <= at && at - offset < 200, `byte ${at} was wrong: ${result}`);
    }
  }
  // All that holds records: the segments' first 32 bytes, and all that follows on their first sector.
  const holding = segmentsOf(IMAGE).map((name) => 32 + Math.max(0, usedOf(IMAGE.get(name)!) - 512));
  const least = holding.reduce((sum, bytes) => sum + bytes, 0);
  assert.ok(refused >= least - 40 && refused <= least + 40, `${refused} of ${least} bytes`);
});

test('a synced log that ends at any byte before its end is refused', () => {
  for (const name of segmentsOf(IMAGE)) {
    const used = usedOf(IMAGE.get(name)!);
    for (let end = 512; end < used; end += 1) {
      const result = open(changed(IMAGE, name, (bytes) => bytes.fill(0, end)));
      assert.ok(typeof result === 'string' && result.startsWith(`${name}, byte `), `${name} cut at ${end}`);
    }
  }
});

test('a file that became shorter or longer is refused with the place where it ends', () => {
  for (let length = 0; length < 2_048; length += 31) {
    const result = open(changed(IMAGE, path(2), (bytes) => bytes.slice(0, length)));
    assert.ok(typeof result === 'string' && result.startsWith(path(2)), `cut to ${length}`);
  }
  const longer = open(changed(IMAGE, path(2), (bytes) => Buffer.concat([bytes, Buffer.alloc(9)])));
  assert.match(textOf(longer), /byte 2048: the file has 2057 bytes and was made with 2048/);
});

test('a file that is gone is missed, whichever it is', () => {
  for (const name of [path(1), path(2), path(3), SLOTS]) {
    const result = open(changed(IMAGE, name, null));
    assert.ok(typeof result === 'string' && result.startsWith(`${name}, byte 0: the file is missing`), name);
  }
  const none = new Map([[SLOTS, IMAGE.get(SLOTS)!]]);
  assert.match(textOf(open(none)), /0000000003\.wal, byte 0: the file is missing: .+ durable up to byte/);
  assert.deepEqual(open(changed(IMAGE, path(4), null)), WHOLE);
});

test('segments that changed places, or come from another log, are refused', () => {
  const swapped = new Map(IMAGE).set(path(1), IMAGE.get(path(2))!).set(path(2), IMAGE.get(path(1))!);
  assert.match(textOf(open(swapped)), /0000000001\.wal, byte 0: the file was made as 0000000002\.wal/);
  const other = new WalBench({ seed: 99, segmentBytes: 2_048 });
  other.append(entries(1, 30));
  other.rest();
  const mixed = new Map(IMAGE).set(path(2), other.disk.image().get(path(2))!);
  assert.match(textOf(open(mixed)), /a later record in data\/log\/0000000002\.wal says/);
  const alike = new Map(IMAGE).set(path(2), sound(99).get(path(2))!);
  assert.match(textOf(open(alike)), /0000000002\.wal, byte 512: the segment does not continue/);
});

test('a file of another format version is not guessed at', () => {
  const message = open(
    changed(IMAGE, path(1), (bytes) => {
      const header = Buffer.from(bytes.buffer);
      header.writeUInt32LE(9, 8);
      // CRC-32 of the changed header, so that only the version is strange.
      header.writeUInt32LE(crcOf(header.subarray(0, 28)), 28);
      return bytes;
    }),
  );
  assert.match(textOf(message), /written in format 9 by another version of kvraft; this one reads format 1/);
});

test('one unreadable slot is the trace of a crash, two are damage', () => {
  const spoil = (bytes: Uint8Array, at: number): Uint8Array => bytes.fill(7, at, at + 64);
  assert.deepEqual(open(changed(IMAGE, SLOTS, (bytes) => spoil(bytes, 0))), WHOLE);
  assert.deepEqual(open(changed(IMAGE, SLOTS, (bytes) => spoil(bytes, 4_096))), WHOLE);
  const both = changed(IMAGE, SLOTS, (bytes) => spoil(spoil(bytes, 0), 4_096));
  assert.match(textOf(open(both)), /hard-state, byte 0: both hard-state slots are unreadable/);
});

test('a segment that lost all its records is missed even when the slot that speaks of it is unreadable', () => {
  const bench = new WalBench({ segmentBytes: 2_048 });
  for (let index = 1; index <= 16; index++) bench.append([entry(index)]);
  bench.until(() => bench.disk.image().has(path(3)));
  const image = bench.disk.image();
  const emptied = changed(image, path(2), (bytes) => bytes.fill(0, 512));
  assert.match(textOf(open(emptied)), /0000000002\.wal, byte 512: .+hard-state says/);
  const unreadable = [0, 4_096].map((at) =>
    open(changed(emptied, SLOTS, (bytes) => bytes.fill(7, at, at + 64))),
  );
  assert.ok(
    unreadable.some((result) => /no records, though .+0000000003\.wal was made/.test(textOf(result))),
  );
});

for (const [what, slot, message] of [
  ['a newer term', hardState(6), /it speaks of term 6, but the log of term 5/],
  ['another vote', hardState(5, 4), /two votes in term 5: 4 here and 3 in the log/],
] as const) {
  test(`slots with ${what} than the log's belong to another log`, () => {
    const bench = new WalBench();
    bench.append([], hardState(5, 3));
    bench.rest();
    const other = new WalBench();
    other.append([], slot);
    other.rest();
    const mixed = new Map(bench.disk.image()).set(SLOTS, other.disk.image().get(SLOTS)!);
    assert.match(textOf(open(mixed)), message);
  });
}

test('damage to a batch that others follow is found although the log was never marked', () => {
  const bench = new WalBench();
  bench.append(entries(1, 3));
  bench.append([entry(4)]);
  const image = bench.disk.image();
  const result = open(changed(image, path(1), (bytes) => bytes.fill(0, 700, 720)));
  assert.match(textOf(result), /0000000001\.wal, byte \d+: .+a later record in data\/log\/0000000001\.wal/);
});

test('damage to the last batch, before it was marked, looks like a torn tail (the documented limit)', () => {
  const bench = new WalBench();
  bench.append(entries(1, 3));
  bench.rest();
  bench.append([entry(4)]);
  const image = bench.disk.image();
  const used = usedOf(image.get(path(1))!);
  const result = open(changed(image, path(1), (bytes) => bytes.fill(0, used - 4)));
  assert.ok(typeof result !== 'string');
  assert.deepEqual(result.entries, ['1/1', '2/1', '3/1']);
  bench.rest();
  assert.match(
    textOf(open(changed(bench.disk.image(), path(1), (bytes) => bytes.fill(0, used - 4)))),
    /hard-state says/,
  );
});

test('a log that is refused is left as it was', () => {
  const broken = changed(IMAGE, path(2), (bytes) => bytes.fill(0, 600, 700));
  const disk = new SimDisk({ prng: createPrng(1), schedule: () => undefined });
  disk.load(new Map(broken).set(`${FOLDER}/0000000005.wal.tmp`, new Uint8Array(3)));
  const before = disk.image();
  assert.throws(() => readLog(disk.mount(), FOLDER), { code: 'LOG_DAMAGED' });
  assert.throws(() => new WalBench({ image: before }), { code: 'LOG_DAMAGED' });
  assert.deepEqual(disk.image(), before);
});

function crcOf(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
