import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPrng } from '../base/prng.ts';
import { FakeBackend } from './fake-backend.test-support.ts';
import { makeStore } from './overlay-store.test-support.ts';
import { OverlayStore } from './overlay-store.ts';
import { at, bytes, contents, snapshotOf, text, virtualTime } from './store.test-support.ts';

test('what was applied is frozen once it is larger than the threshold, at the end of an entry', () => {
  const { backend, scheduler, store, fill, finish, flushes } = makeStore();
  store.setLogDurable(100);
  fill(0, 50);
  store.advance(at(1));
  scheduler.runFor(10);
  assert.equal(backend.pending, null);
  fill(50, 150);
  scheduler.runFor(10);
  assert.equal(backend.pending, null, 'in the midst of an entry nothing is frozen');
  store.advance(at(2));
  fill(150, 160);
  finish();
  assert.deepEqual(backend.position, at(2));
  assert.deepEqual(flushes, [2]);
  assert.equal([...backend.range({ start: 'k', end: 'l' })].length, 150);
  assert.equal(contents(store).length, 160);
});

test('what is little is flushed once nothing came after it for a second', () => {
  const { backend, scheduler, store, fill, finish } = makeStore();
  store.setLogDurable(100);
  fill(0, 1);
  store.advance(at(1));
  scheduler.runFor(900);
  fill(1, 2);
  store.advance(at(2));
  scheduler.runFor(1_000);
  assert.equal(backend.pending, null);
  scheduler.runFor(100);
  finish();
  assert.deepEqual(backend.position, at(2));
  scheduler.runFor(60_000);
  assert.equal(backend.pending, null, 'where nothing is new, nothing is flushed');
});

test('what is little is flushed within thirty seconds, though more comes all the time, and at another moment each time', () => {
  const { backend, scheduler, store, fill, flushes } = makeStore();
  store.setLogDurable(10_000);
  let sinceMs = 0;
  const waits: number[] = [];
  for (let i = 1; waits.length < 20; i++) {
    fill(0, 1);
    store.advance(at(i));
    scheduler.runFor(100);
    if (backend.pending !== null) {
      waits.push(scheduler.nowMs - sinceMs);
      sinceMs = scheduler.nowMs;
      backend.pending.finish(null);
    }
  }
  assert.equal(flushes.length, 20);
  assert.ok(
    waits.every((waitMs) => waitMs >= 18_000 && waitMs <= 30_200),
    waits.join(' '),
  );
  assert.ok(new Set(waits).size > 10);
});

test('servers that apply the same flush at other moments, of their bytes as of their time', () => {
  const filledAt = [1, 2, 3, 4, 5, 6].map((seed) => {
    const backend = new FakeBackend();
    const { scheduler, startLife } = virtualTime();
    const store = new OverlayStore(backend, {
      clock: startLife(),
      prng: createPrng(seed),
      flushBytes: 100_000,
    });
    store.setLogDurable(10_000);
    let index = 0;
    for (; backend.pending === null; index++) {
      store.put(`k${index}`, bytes('x'.repeat(30)));
      store.advance(at(index + 1));
      scheduler.runFor(1);
    }
    return index;
  });
  assert.ok(new Set(filledAt).size >= 5, filledAt.join(' '));
});

test('state that is kept in memory is put into the storage before a generation is frozen', () => {
  const { backend, store, finish } = makeStore();
  store.beforeFreeze = () => {
    store.put('s', bytes(`at ${store.position.index}`));
    return true;
  };
  store.setLogDurable(100);
  store.advance(at(4));
  store.flush();
  store.advance(at(5));
  finish();
  assert.deepEqual(backend.position, at(4));
  assert.equal(text(backend.get('s')), 'at 4');
});

test('much state that is kept in memory is put into the storage piece by piece, and frozen as of the last piece', () => {
  const { backend, scheduler, store, finish } = makeStore(8_000);
  const limits = new Set<number>();
  let calls = 0;
  store.beforeFreeze = (bytesMax) => {
    limits.add(bytesMax);
    store.put(`s${++calls}`, bytes('piece'));
    if (calls < 4) return false;
    store.put('s', bytes(`at ${store.position.index}`));
    return true;
  };
  store.setLogDurable(100);
  store.advance(at(4));
  store.flush();
  store.flush();
  assert.equal(calls, 1, 'one piece at a time');
  for (let index = 5; calls < 4; index++) {
    store.put('k', bytes(`${index}`));
    store.advance(at(index));
    scheduler.runFor(1);
  }
  const { index } = store.position;
  store.put('k', bytes('later'));
  store.advance(at(index + 1));
  finish();
  assert.deepEqual(backend.position, at(index));
  assert.equal(text(backend.get('s')), `at ${index}`);
  assert.equal(text(backend.get('k')), `${index}`);
  for (const piece of ['s1', 's2', 's3', 's4']) assert.equal(text(backend.get(piece)), 'piece');
  assert.deepEqual([...limits], [1_000]);
});

test('a snapshot that is installed while a generation is being frozen takes its place', async () => {
  const { backend, scheduler, store } = makeStore();
  let calls = 0;
  store.beforeFreeze = () => ++calls > 3;
  store.setLogDurable(100);
  const install = store.beginInstall(at(9));
  for (const chunk of snapshotOf(at(9), {})) {
    install.write(chunk, () => undefined);
    scheduler.runFor(1);
  }
  install.finish(() => undefined);
  store.advance(at(4));
  store.flush();
  install.commit();
  scheduler.runFor(60_000);
  assert.equal(calls, 1);
  assert.equal(backend.pending, null);
});

test('however much is written in a turn, it is saved, frozen and flushed as fast', () => {
  for (const valueBytes of [20, 300, 16_000]) {
    const { backend, scheduler, store, flushes } = makeStore(1_000_000);
    // What was written and not saved, like the changes that watches resume from.
    let unsaved = 0;
    store.beforeFreeze = (bytesMax) => {
      const piece = Math.min(unsaved, bytesMax);
      unsaved -= piece;
      store.put(`s${scheduler.nowMs}`, new Uint8Array(piece));
      return unsaved === 0;
    };
    store.setLogDurable(1e9);
    let index = 0;
    for (let turn = 0; turn < 100; turn++) {
      for (let bytes = 0; bytes < 400_000; bytes += valueBytes + 10) {
        store.put(`k${index % 50_000}`, new Uint8Array(valueBytes));
        unsaved = Math.min(unsaved + valueBytes, 1_500_000);
        store.advance(at(++index));
      }
      scheduler.runFor(1);
      backend.pending?.finish(null);
      assert.ok(store.unflushedBytes < 10_000_000, `${store.unflushedBytes} in turn ${turn}`);
    }
    assert.ok(flushes.length > 5, `${flushes.length} flushes of values of ${valueBytes} bytes`);
  }
});

test('a store that is closed while a generation is being frozen has it on disk before', () => {
  const { backend, scheduler, store } = makeStore();
  const limits: number[] = [];
  store.beforeFreeze = (bytesMax) => {
    limits.push(bytesMax);
    store.put('s', bytes(`piece ${limits.length}`));
    return limits.length === 2;
  };
  store.setLogDurable(100);
  store.put('k', bytes('value'));
  store.advance(at(4));
  store.flush();
  let closed = false;
  store.close(() => (closed = true));
  assert.equal(limits[1], Infinity);
  scheduler.runFor(10);
  assert.equal(closed, false);
  backend.pending?.finish(null);
  assert.equal(closed, true);
  assert.deepEqual(backend.position, at(4));
  assert.equal(text(backend.get('s')), 'piece 2');
});
