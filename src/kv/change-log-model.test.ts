import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Prng } from '../base/prng.ts';
import { createPrng } from '../base/prng.ts';
import { parseSortableNumber } from './binary.ts';
import type { ChangeEvent } from './change-log.ts';
import { ChangeLog } from './change-log.ts';
import type { ChangeType } from './change-segment.ts';
import { decodeSegment } from './change-segment.ts';
import { MemoryStorage } from './memory-storage.ts';
import { decodeRecord, encodeRecord } from './records.ts';

interface ModelEvent {
  readonly version: number;
  readonly type: ChangeType;
  readonly key: string;
  readonly record: Buffer | null;
}

/** What the log is to do, with an array. */
class Model {
  events: ModelEvent[] = [];
  compactedThrough = 0;
  last = 0;

  get bytes(): number {
    return this.events.reduce((sum, { key, record }) => sum + 64 + key.length + (record?.length ?? 0), 0);
  }

  append(event: ModelEvent, bytesMax: number): void {
    this.last++;
    this.events.push(event);
    while (this.bytes > bytesMax) {
      this.events.shift();
      this.compactedThrough++;
    }
  }

  read(from: number, limit: number): ChangeEvent[] | 'compacted' {
    if (from <= this.compactedThrough) return 'compacted';
    const events = this.events.filter(({ version }) => version >= from).slice(0, limit);
    return events.map(({ version, key, type, record }) => ({
      version,
      key,
      type,
      record: record === null ? null : decodeRecord(record),
    }));
  }

  copy(): Model {
    const copy = new Model();
    copy.events = [...this.events];
    copy.compactedThrough = this.compactedThrough;
    copy.last = this.last;
    return copy;
  }
}

/** Counts the events that are put, segment by segment. */
class CountingStorage extends MemoryStorage {
  readonly written: number[] = [];

  override put(key: string, value: Uint8Array): void {
    const first = parseSortableNumber(key, 1);
    const events = decodeSegment(value);
    assert(events !== null && events.length > 0);
    assert.equal(this.get(key), undefined, 'a segment is not written twice');
    this.written.push(...events.map((_, i) => first + i));
    super.put(key, value);
  }
}

function randomEvent(prng: Prng, version: number, valueBytes: number): ModelEvent {
  const types = ['put', 'put', 'put', 'delete', 'expire', 'flush'] as const;
  const type = types[prng.below(types.length)] ?? 'put';
  const characters =
    type === 'flush' ? [] : Array.from({ length: 1 + prng.below(60) }, () => prng.below(256));
  const key = String.fromCharCode(...characters);
  if (type !== 'put') return { version, type, key, record: null };
  const value = Buffer.alloc(prng.below(valueBytes + 1), prng.below(256));
  const record = { version, flags: 1, expiresAtMs: prng.below(9), lease: prng.below(9), value };
  return { version, type, key, record: Buffer.from(encodeRecord(record)) };
}

/** One run: appends, saves, crashes that lose what came after the last save, and reads, against the model. */
function run(seed: number): void {
  const prng = createPrng(seed);
  const pick = <T>(values: readonly [T, ...T[]]): T => values[prng.below(values.length)] ?? values[0];
  const bytesMax = pick([2_000, 60_000, 400_000]);
  let storage = new CountingStorage();
  let log = new ChangeLog(storage, bytesMax);
  let model = new Model();
  let saved = { storage: new MemoryStorage(), model: model.copy() };
  const held: { readonly read: unknown; readonly expected: unknown }[] = [];

  const append = (): void => {
    const valueBytes = pick([0, 10, 300, 2_000, 20_000, 70_000, 150_000]);
    for (let left = 1 + prng.below(valueBytes > 2_000 ? 5 : 60); left > 0; left--) {
      const event = randomEvent(prng, model.last + 1, valueBytes);
      model.append(event, bytesMax);
      const record = event.record === null ? null : Buffer.from(event.record);
      log.append(event.version, event.type, event.key, record);
      record?.fill(0xaa);
    }
  };
  const save = (): void => {
    storage.written.length = 0;
    while (!log.save(pick([1, 3_000, 100_000, Infinity]))) if (prng.chance(0.5)) append();
    const isNew = ({ version }: ModelEvent): boolean => version > saved.model.last;
    assert.deepEqual(
      storage.written.filter((version) => version > model.compactedThrough),
      model.events.filter(isNew).map(({ version }) => version),
    );
    for (const [key, segment] of storage.range({ start: 'c', end: 'd' })) {
      const last = parseSortableNumber(key, 1) + (decodeSegment(segment)?.length ?? 0) - 1;
      assert(last > model.compactedThrough, 'a segment whose last event is gone is removed');
    }
    saved = { storage: storage.copy(), model: model.copy() };
  };
  const crash = (): void => {
    storage = new CountingStorage();
    for (const [key, segment] of saved.storage.range({ start: 'c', end: 'd' })) storage.put(key, segment);
    log = new ChangeLog(storage, bytesMax);
    model = saved.model.copy();
    log.load(model.compactedThrough, model.last);
  };

  for (let step = 0; step < 40; step++) {
    pick([append, append, append, save, save, crash])();
    assert.equal(log.compactedThrough, model.compactedThrough);
    assert.equal(log.bytes, model.bytes);
    const from = model.compactedThrough + prng.below(model.last - model.compactedThrough + 3);
    const limit = pick([0, 1, 2, 20, Infinity]);
    const read = log.read(from, limit);
    const expected = model.read(from, limit);
    assert.deepEqual(read, expected);
    if (prng.chance(0.3)) held.push({ read, expected });
  }
  for (const { read, expected } of held) assert.deepEqual(read, expected, 'what was read does not change');
}

test('the log does what an array of its events would, whenever it is saved and loaded', () => {
  for (let seed = 1; seed <= (process.env.KVRAFT_TEST_FULL === undefined ? 60 : 2_000); seed++) {
    try {
      run(seed);
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
});
