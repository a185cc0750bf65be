import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AssertionError } from '../base/assert.ts';
import { diskFull } from './fake-backend.test-support.ts';
import { makeStore } from './overlay-store.test-support.ts';
import { at, bytes, contents, snapshotOf, text } from './store.test-support.ts';

test('a generation is not written before the log has its last entry', () => {
  const { backend, scheduler, store, finish } = makeStore();
  store.put('ka', bytes('1'));
  store.advance(at(8));
  store.setLogDurable(7);
  store.flush();
  scheduler.runFor(60_000);
  assert.equal(backend.pending, null);
  store.setLogDurable(8);
  finish();
  assert.deepEqual(store.durablePosition, at(8));
});

test('a log that was cut back counts from where it was cut', () => {
  const { backend, scheduler, store } = makeStore();
  store.setLogDurable(10);
  store.setLogDurable(7);
  store.put('ka', bytes('1'));
  store.advance(at(8));
  store.flush();
  scheduler.runFor(60_000);
  assert.equal(backend.pending, null);
});

test('while a flush is under way the next generation grows, and follows at once if it is large', () => {
  const { backend, scheduler, store, fill, finish, flushes } = makeStore();
  store.setLogDurable(100);
  fill(0, 10);
  store.advance(at(1));
  store.flush();
  scheduler.runFor(10);
  fill(10, 1_000);
  store.advance(at(2));
  store.flush();
  assert.deepEqual(backend.pending?.position, at(1), 'one flush at a time');
  finish();
  finish();
  assert.deepEqual(flushes, [1, 2]);
  scheduler.runFor(10);
  assert.equal(backend.pending, null);
});

test('flush does nothing when everything is flushed', () => {
  const { backend, scheduler, store, finish } = makeStore();
  store.setLogDurable(100);
  store.flush();
  store.advance(at(1));
  store.flush();
  finish();
  store.flush();
  scheduler.runFor(10);
  assert.equal(backend.pending, null);
});

test('a full disk loses nothing, is retried every second, and shows in outOfSpace meanwhile', () => {
  const { backend, scheduler, store, fatal, flushes, finish } = makeStore();
  store.setLogDurable(100);
  store.put('ka', bytes('1'));
  store.put('kb', bytes('2'));
  store.advance(at(1));
  store.flush();
  for (let attempt = 0; attempt < 3; attempt++) {
    finish(diskFull());
    assert.equal(store.outOfSpace, true);
    assert.ok(store.unflushedBytes > 0);
    store.put('kb', bytes(`${attempt}`));
    assert.equal(text(store.get('ka')), '1');
    scheduler.runFor(980);
    assert.equal(backend.pending, null);
    scheduler.runFor(20);
  }
  finish();
  assert.equal(store.outOfSpace, false);
  assert.deepEqual(flushes, [1]);
  assert.deepEqual(contents(backend), [
    ['ka', '1'],
    ['kb', '2'],
  ]);
  assert.equal(text(store.get('kb')), '2');
  assert.deepEqual(fatal, []);
});

test('any other failure of the disk is fatal, and is not retried', () => {
  const { backend, scheduler, store, fatal, finish } = makeStore();
  store.setLogDurable(100);
  store.advance(at(1));
  store.flush();
  finish(new Error('broken'));
  scheduler.runFor(60_000);
  assert.equal(backend.pending, null);
  assert.deepEqual(
    fatal.map(({ message }) => message),
    ['broken'],
  );
  assert.equal(store.outOfSpace, false);
});

test('a failure of the backend by itself is fatal', () => {
  const { backend, fatal } = makeStore();
  backend.onFatal(new Error('the writer died'));
  assert.equal(fatal.length, 1);
});

test('unflushed bytes count every key once, and end at zero', () => {
  const { store, finish } = makeStore();
  store.setLogDurable(100);
  assert.equal(store.unflushedBytes, 0);
  store.put('ka', bytes('12345'));
  const one = store.unflushedBytes;
  assert.ok(one >= 7);
  store.put('ka', bytes('1234512345678'));
  assert.equal(store.unflushedBytes, one + 8);
  store.put('kb', bytes('1234512345678'));
  assert.equal(store.unflushedBytes, 2 * (one + 8));
  store.advance(at(1));
  store.flush();
  assert.equal(store.unflushedBytes, 2 * (one + 8), 'what is being flushed counts');
  finish();
  assert.equal(store.unflushedBytes, 0);
  store.delete('ka');
  assert.ok(store.unflushedBytes > 0, 'a deletion counts until it is flushed');
});

test('what was read before is forgotten where it changes, whatever becomes of the flush', () => {
  const { backend, scheduler, store, finish } = makeStore();
  const get = (): string | undefined => text(store.get('k'));
  const write = (value: string | null, index: number): void => {
    if (value === null) store.delete('k');
    else store.put('k', bytes(value));
    store.advance(at(index));
    store.flush();
    scheduler.runFor(10);
  };
  store.setLogDurable(100);
  write('1', 1);
  finish();
  assert.equal(get(), '1');
  write('2', 2);
  assert.equal(get(), '2');
  backend.pending?.finish(diskFull());
  assert.equal(get(), '2', 'the disk does not have it yet');
  scheduler.runFor(1_000);
  finish();
  assert.equal(get(), '2');
  write(null, 3);
  assert.equal(get(), undefined);
  finish();
  assert.equal(get(), undefined);
  assert.equal(backend.get('k'), undefined);
});

test('what lies on the disk is read there once', () => {
  const { backend, store, finish, fill } = makeStore();
  store.setLogDurable(100);
  backend.put('kdisk', bytes('old'));
  assert.equal(text(store.get('kdisk')), 'old');
  fill(0, 10);
  store.advance(at(1));
  store.flush();
  finish();
  const { gets } = backend;
  assert.equal(text(store.get('kdisk')), 'old');
  assert.equal(text(store.get('k000003')), 'x'.repeat(30), 'what was flushed is still at hand');
  assert.equal(backend.gets, gets);
  store.delete('k000003');
  assert.equal(store.get('k000003'), undefined);
});

test('a key that comes and goes between two flushes is never written', () => {
  const { backend, scheduler, store, finish } = makeStore();
  store.setLogDurable(100);
  store.put('kold', bytes('1'));
  store.advance(at(1));
  store.flush();
  finish();
  store.put('kshort', bytes('1'));
  store.delete('kshort');
  store.put('kold', bytes('2'));
  store.delete('kold');
  store.advance(at(2));
  store.flush();
  scheduler.runFor(10);
  assert.deepEqual(backend.pending?.keys, ['kold']);
  const deletion = store.unflushedBytes;
  // The same again, over a generation that is being flushed: the deletion in it has done all that is needed.
  store.put('kold', bytes('3'));
  store.delete('kold');
  assert.equal(store.unflushedBytes, deletion);
  finish();
  assert.deepEqual(contents(store), []);
  assert.deepEqual(contents(backend), []);
});

test('the first key of a namespace is found at once, however many were deleted before it', () => {
  const { backend, scheduler, store, finish } = makeStore(Infinity);
  const key = (i: number): string => `x${String(i).padStart(6, '0')}`;
  const first = (): string | undefined => [...store.range({ start: 'x', end: 'y', limit: 1 })][0]?.[0];
  store.setLogDurable(100);
  for (let i = 0; i < 6_000; i++) store.put(key(i), bytes(''));
  store.advance(at(1));
  store.flush();
  finish();
  for (let i = 0; i < 5_000; i++) {
    assert.equal(first(), key(i));
    store.delete(key(i));
  }
  assert.ok(backend.visited < 4 * 5_000, `${backend.visited} entries were touched`);
  store.put(key(3), bytes('again'));
  assert.equal(first(), key(3), 'a key below shows as soon as it is there');
  store.delete(key(3));
  for (let i = 5_000; i < 6_000; i++) store.delete(key(i));
  assert.equal(first(), undefined);
  store.put(key(9_999), bytes(''));
  assert.equal(first(), key(9_999));
  scheduler.runFor(10);
});

test('a walk over several namespaces does not hide what comes later in the second', () => {
  const { store } = makeStore();
  store.put('kb', bytes(''));
  assert.deepEqual(contents(store, { start: 'c', end: 'l', limit: 1 }), [['kb', '']]);
  store.put('ka', bytes(''));
  assert.deepEqual(contents(store, { start: 'c', end: 'l', limit: 1 }), [['ka', '']]);
});

test('a large generation is encoded in slices, one a turn', () => {
  const { backend, scheduler, store, fill } = makeStore(Infinity);
  store.setLogDurable(100);
  fill(0, 20_000);
  store.advance(at(1));
  store.flush();
  let turns = 0;
  while (backend.pending === null) {
    assert.ok(scheduler.step());
    turns++;
  }
  assert.ok(turns >= 20, `${turns} turns`);
  assert.equal(backend.pending.keys.length, 20_000);
  assert.deepEqual(backend.pending.keys, backend.pending.keys.toSorted(), 'sorted');
});

test('a walk that the storage is written under says so', () => {
  const { store } = makeStore();
  store.put('ka', bytes('1'));
  store.put('kb', bytes('2'));
  assert.throws(() => {
    for (const [key] of store.range({ start: 'k', end: 'l' })) store.delete(key);
  }, AssertionError);
  assert.deepEqual(contents(store), [['kb', '2']]);
});

test('keys that cannot be stored are bugs of the caller', () => {
  const { store } = makeStore();
  for (const key of ['', 'mine', `k${'x'.repeat(1_900)}`]) {
    assert.throws(() => store.put(key, bytes('')), AssertionError);
    assert.throws(() => store.delete(key), AssertionError);
  }
  store.put(`k${'x'.repeat(1_899)}`, bytes(''));
});

test('closing does not wait for the log, nor for room on the disk', () => {
  for (const durable of [0, 1]) {
    const { backend, store, finish } = makeStore();
    store.setLogDurable(durable);
    store.advance(at(1));
    store.flush();
    if (durable === 1) finish(diskFull());
    store.close(() => undefined);
    assert.equal(backend.closed, true);
    assert.equal(backend.pending, null);
  }
});

test('closing ends also when the flush that it waits for fails', () => {
  for (const error of [diskFull(), new Error('broken')]) {
    const { backend, store, finish } = makeStore();
    store.setLogDurable(1);
    store.advance(at(1));
    store.flush();
    store.close(() => undefined);
    assert.equal(backend.closed, false);
    finish(error);
    assert.equal(backend.closed, true);
  }
});

test('closing aborts an install', () => {
  const { backend, store } = makeStore();
  store.beginInstall(at(9));
  store.close(() => undefined);
  assert.deepEqual(backend.installs, ['abort']);
});

test('a switch to a snapshot that fails is fatal, and nobody goes on as if it had worked', () => {
  const { backend, scheduler, store, fatal } = makeStore();
  backend.commitError = new Error('rename failed');
  const install = store.beginInstall(at(9));
  for (const chunk of snapshotOf(at(9), {})) {
    install.write(chunk, () => undefined);
    scheduler.runFor(10);
  }
  install.finish(() => undefined);
  assert.throws(() => install.commit(), { message: 'rename failed' });
  assert.deepEqual(fatal, [backend.commitError]);
  assert.equal(store.position.index, 0);
});

test('after an install nothing is flushed before the new log has it, whatever the old log had', () => {
  const { backend, scheduler, store, finish } = makeStore();
  store.setLogDurable(50);
  const install = store.beginInstall(at(9));
  for (const chunk of snapshotOf(at(9), {})) {
    install.write(chunk, () => undefined);
    scheduler.runFor(1);
  }
  install.finish(() => undefined);
  install.commit();
  store.put('ka', bytes('1'));
  store.advance(at(10));
  store.flush();
  scheduler.runFor(60_000);
  assert.equal(backend.pending, null);
  store.setLogDurable(10);
  finish();
  assert.deepEqual(store.durablePosition, at(10));
});

test('an install is committed only when it is finished, and takes no piece before the last is taken', () => {
  const { store } = makeStore();
  const install = store.beginInstall(at(9));
  const [header] = snapshotOf(at(9), {});
  assert.throws(() => install.commit(), AssertionError);
  install.write(header ?? assert.fail(), () => undefined);
  assert.throws(() => install.write(header ?? assert.fail(), () => undefined), AssertionError);
  assert.throws(() => store.beginInstall(at(10)), AssertionError);
});
