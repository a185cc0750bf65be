import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { Comparison, stepArbitrary } from './comparison.test-support.ts';
import { testInstalls } from './installs.test-support.ts';
import {
  at,
  bytes,
  contents,
  drain,
  flushed,
  installed,
  snapshotOf,
  text,
  type Harness,
} from './store.test-support.ts';

/** The behaviour that every backend shows under the overlay. */
export function testConformance(name: string, makeHarness: () => Harness, randomRuns: number): void {
  const harnesses: Harness[] = [];
  const makeOne = (): Harness => {
    const harness = makeHarness();
    harnesses.push(harness);
    return harness;
  };
  after(async () => {
    for (const harness of harnesses) await harness.dispose();
  });

  test(`${name}: behaves as a plain map does, over all layers and over crashes`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(stepArbitrary, { minLength: 20, maxLength: 80 }), async (steps) => {
        const harness = makeOne();
        const comparison = new Comparison(harness);
        for (const step of steps) await comparison.take(step);
        await comparison.crash();
        comparison.check();
      }),
      { seed: 11, numRuns: randomRuns },
    );
  });

  testFlushing(name, makeOne);
  testSnapshots(name, makeOne);
  testInstalls(name, makeOne);
}

function testFlushing(name: string, makeOne: () => Harness): void {
  test(`${name}: a new store is empty and stands at zero`, () => {
    const store = makeOne().open({});
    assert.deepEqual(store.position, { index: 0, term: 0, stampMs: 0 });
    assert.deepEqual(store.durablePosition, store.position);
    assert.deepEqual(contents(store), []);
    assert.equal(store.unflushedBytes, 0);
    assert.equal(store.installedIndex, 0);
    assert.equal(store.outOfSpace, false);
  });

  test(`${name}: a crash loses what was applied after the last flush, and nothing else`, async () => {
    const harness = makeOne();
    const store = harness.open({});
    await flushed(harness, store, 7, { kb: 'two', ka: 'one', kc: 'three' });
    store.put('kd', bytes('lost'));
    store.delete('ka');
    store.advance(at(8));
    assert.deepEqual(contents(store), [
      ['kb', 'two'],
      ['kc', 'three'],
      ['kd', 'lost'],
    ]);
    await harness.crash();
    const reopened = harness.open({});
    assert.deepEqual(reopened.position, at(7));
    assert.deepEqual(reopened.durablePosition, at(7));
    assert.deepEqual(contents(reopened), [
      ['ka', 'one'],
      ['kb', 'two'],
      ['kc', 'three'],
    ]);
  });

  test(`${name}: a position alone is flushed, too`, async () => {
    const harness = makeOne();
    await flushed(harness, harness.open({}), 3, {});
    await harness.crash();
    assert.deepEqual(harness.open({}).position, at(3));
  });

  test(`${name}: close waits for the flush under way and starts none`, async () => {
    const harness = makeOne();
    const store = harness.open({});
    store.put('ka', bytes('flushed'));
    store.advance(at(1));
    store.setLogDurable(2);
    store.flush();
    store.put('ka', bytes('lost'));
    store.advance(at(2));
    let closed: Error | null | undefined;
    store.close((error) => (closed = error));
    await harness.until(() => closed !== undefined);
    assert.equal(closed, null);
    const reopened = harness.open({});
    assert.deepEqual(reopened.position, at(1));
    assert.equal(text(reopened.get('ka')), 'flushed');
  });

  test(`${name}: values of all sizes come back from disk`, async () => {
    const harness = makeOne();
    const store = harness.open({});
    const sizes = [0, 1, 4_000, 16_384, 16_385, 40_000, 3_000_000];
    const value = (size: number): string => Buffer.alloc(size, `${size}-`).toString('latin1');
    await flushed(harness, store, 1, Object.fromEntries(sizes.map((size) => [`k${size}`, value(size)])));
    await harness.crash();
    const reopened = harness.open({});
    const kept = sizes.map((size) => reopened.get(`k${size}`));
    const walked = new Map(reopened.range({ start: 'k', end: 'l' }));
    for (const [i, size] of sizes.entries()) {
      assert.equal(text(kept[i]), value(size));
      assert.equal(text(walked.get(`k${size}`)), value(size));
    }
  });

  test(`${name}: ranges on disk include their start and exclude their end, both ways`, async () => {
    const harness = makeOne();
    const store = harness.open({});
    const keys = ['ka', 'kb', 'kb\0', 'kc', 'ke'];
    await flushed(harness, store, 1, Object.fromEntries(keys.map((key) => [key, key])));
    const bounds = ['', 'k', ...keys, 'kd', 'l', '\u0100'];
    for (const start of bounds) {
      for (const end of bounds) {
        const expected = keys.filter((key) => key >= start && key < end);
        assert.deepEqual(
          Array.from(store.range({ start, end }), ([key]) => key),
          expected,
        );
        const reversed = Array.from(store.range({ start, end, reverse: true }), ([key]) => key);
        assert.deepEqual(reversed, expected.reverse());
      }
    }
  });

  test(`${name}: keys of all lengths come back from disk in byte order`, async () => {
    const harness = makeOne();
    const store = harness.open({});
    const keys = [1, 2, 511, 512, 1_899, 1_900].flatMap((length) =>
      length === 1 ? ['k'] : ['\x7f', '\x80', '\xff'].map((last) => `k${last.padStart(length - 1, 'p')}`),
    );
    await flushed(harness, store, 1, Object.fromEntries(keys.map((key) => [key, key])));
    await harness.crash();
    const walked = contents(harness.open({}), { start: 'k', end: 'l' });
    const byteOrder = (a: string, b: string): number =>
      Buffer.compare(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1'));
    assert.deepEqual(
      walked,
      keys.toSorted(byteOrder).map((key) => [key, key]),
    );
  });
}

function testSnapshots(name: string, makeOne: () => Harness): void {
  test(`${name}: a snapshot shows one state, whatever is written meanwhile`, async () => {
    const harness = makeOne();
    const store = harness.open({});
    const writes = Object.fromEntries(
      Array.from({ length: 3_000 }, (_, i) => [`k${i}`, `value ${i}`.repeat(20)]),
    );
    await flushed(harness, store, 5, writes);
    const expected = contents(store);
    store.put('kunflushed', bytes('is not in it'));
    const snapshot = store.openSnapshot();
    assert.deepEqual(snapshot.position, at(5));
    const chunks = [snapshot.next(), snapshot.next()];
    store.delete('k0');
    await flushed(harness, store, 6, { k1: 'changed', k2999: 'changed', z: 'new' });
    chunks.push(...drain(snapshot));
    snapshot.close();
    const other = makeOne();
    const copy = other.open({});
    await installed(
      other,
      copy,
      at(5),
      chunks.filter((chunk) => chunk !== null),
    );
    assert.deepEqual(contents(copy), expected);
  });

  test(`${name}: snapshots end: when closed, when held too long, when the state goes`, async () => {
    const harness = makeOne();
    const store = harness.open({ snapshotMsMax: 20 });
    await flushed(harness, store, 1, { ka: '1' });
    const snapshots = Array.from({ length: 8 }, () => store.openSnapshot());
    assert.throws(() => store.openSnapshot(), { code: 'OVERLOADED', retryable: true });
    const [first, second] = snapshots;
    first?.close();
    first?.close();
    assert.throws(() => first?.next(), { code: 'TIMEOUT' });
    let passed = false;
    harness.clock.setTimer(25, () => (passed = true));
    await harness.until(() => passed);
    assert.throws(() => second?.next(), { code: 'TIMEOUT', message: /held for more than 20 ms/ });
    const last = store.openSnapshot();
    await installed(harness, store, at(2), snapshotOf(at(2), {}));
    assert.throws(() => last.next(), { code: 'TIMEOUT' });
  });
}
