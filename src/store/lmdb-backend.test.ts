import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import type { Worker } from 'node:worker_threads';
import { createPrng } from '../base/prng.ts';
import { openLmdbStore } from './lmdb-backend.ts';
import { openReadOnly } from './lmdb-read-only.ts';
import { pointerText } from './pointer.ts';
import {
  at,
  bytes,
  contents,
  flushed,
  installed,
  realClock,
  snapshotOf,
  text,
  type Harness,
} from './store.test-support.ts';
import type { Store } from './store.ts';

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'kvraft-lmdb-'));
after(() => fs.rmSync(root, { recursive: true }));
let folders = 0;
const newFolder = (): string => path.join(root, String(folders++), 'state');

const open = (folder: string): Store => openLmdbStore(folder, { clock: realClock, prng: createPrng(1) });
const close = (store: Store): Promise<Error | null> => new Promise((resolve) => store.close(resolve));
const until: Harness['until'] = async (condition) => {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
};

const flush = (store: Store, index: number, writes: Record<string, string>): Promise<void> =>
  flushed({ until }, store, index, writes);

/** A folder with a state at index 3, closed. */
async function madeFolder(): Promise<string> {
  const folder = newFolder();
  const store = open(folder);
  await flush(store, 3, { ka: 'a', xb: 'b' });
  assert.equal(await close(store), null);
  return folder;
}

test('a value stays as it is while the disk under it changes', async () => {
  const store = open(await madeFolder());
  const small = store.get('ka');
  await flush(store, 4, { ka: 'A'.repeat(50_000) });
  const large = store.get('ka');
  await flush(store, 5, { ka: 'changed', kb: 'B'.repeat(200_000) });
  await flush(store, 6, { ka: 'C'.repeat(50_000), kb: 'gone' });
  assert.equal(text(small), 'a');
  assert.equal(text(large), 'A'.repeat(50_000));
  await close(store);
  assert.equal(text(large), 'A'.repeat(50_000));
});

test('a read that follows the end of a flush in the same turn shows what was written', async () => {
  const folder = await madeFolder();
  let worker: Worker | null = null;
  process.once('worker', (created) => (worker = created));
  const deferred: (() => void)[] = [];
  const clock = { ...realClock, defer: (callback: () => void) => void deferred.push(callback) };
  const store = openLmdbStore(folder, { clock, prng: createPrng(1) });
  await until(() => worker !== null);
  // Two answers come in one turn. Before the first, the main thread reads, and then waits until the second is there.
  (worker as Worker | null)?.prependOnceListener('message', () => {
    assert.equal(text(store.get('xb')), 'b');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
  });
  let seen: string | undefined;
  store.onFlushed = () => {
    seen = text(store.get('ka'));
  };
  const install = store.beginInstall(at(9));
  for (const chunk of snapshotOf(at(9), { kb: 'staged' }).slice(0, 1)) install.write(chunk, () => undefined);
  deferred.shift()?.();
  install.write(snapshotOf(at(9), { kb: 'staged' })[1] ?? assert.fail(), () => undefined);
  store.put('ka', bytes('new'));
  store.advance(at(4));
  store.setLogDurable(4);
  store.flush();
  for (let next = deferred.shift(); next !== undefined; next = deferred.shift()) next();
  await until(() => seen !== undefined);
  assert.equal(seen, 'new');
  await close(store);
});

test('a stopped state can be read by others, and only read', async () => {
  const folder = await madeFolder();
  const state = openReadOnly(folder);
  assert.deepEqual(state.position, at(3));
  assert.deepEqual(contents(state.storage), [
    ['ka', 'a'],
    ['xb', 'b'],
  ]);
  assert.deepEqual(contents(state.storage, { start: '', end: 'z', reverse: true, limit: 1 }), [['xb', 'b']]);
  assert.deepEqual(contents(state.storage, { start: '', end: 'z', limit: 0 }), []);
  assert.equal(text(state.storage.get('ka')), 'a');
  assert.throws(() => state.storage.put('ka', bytes('x')), { code: 'INVALID_ARGUMENT' });
  assert.throws(() => state.storage.delete('ka'), { code: 'INVALID_ARGUMENT' });
  state.close();
  assert.throws(() => openReadOnly(newFolder()), { code: 'STORE_DAMAGED', message: /no state of kvraft/ });
});

test('a state of another version, without its pointer or its data, is refused with its name', async () => {
  const cases: [(folder: string) => void, RegExp][] = [
    [
      (folder) => fs.writeFileSync(`${folder}/CURRENT`, 'kvraft-state 7\nx'),
      /CURRENT is of format 7.*reads format 1/,
    ],
    [(folder) => fs.writeFileSync(`${folder}/CURRENT`, 'something'), /CURRENT is no pointer/],
    [
      (folder) => fs.writeFileSync(`${folder}/CURRENT`, pointerText('state-9')),
      /state-9\/data.mdb.* is missing/,
    ],
    [(folder) => fs.rmSync(`${folder}/state-1/data.mdb`), /state-1\/data.mdb.* is missing/],
    [(folder) => fs.rmSync(`${folder}/CURRENT`), /CURRENT is missing beside .*state-1/],
    [
      (folder) => fs.writeFileSync(`${folder}/state-1/data.mdb`, 'x'.repeat(10_000)),
      /data.mdb, byte 0: this is no page of a state/,
    ],
  ];
  for (const [damage, message] of cases) {
    const folder = await madeFolder();
    damage(folder);
    const files = fs.readdirSync(folder, { recursive: true });
    assert.throws(() => open(folder), { code: 'STORE_DAMAGED', message });
    assert.deepEqual(fs.readdirSync(folder, { recursive: true }), files, 'nothing was removed');
  }
});

test('a data file that was cut anywhere is refused, and does not end the process', async () => {
  const folder = newFolder();
  const store = open(folder);
  const writes = Array.from({ length: 3_000 }, (_, i) => [`k${i}`, 'x'.repeat(200)]);
  await flush(store, 3, Object.fromEntries(writes));
  await flush(store, 4, { kz: 'x'.repeat(50_000) });
  assert.equal(await close(store), null);
  const data = `${folder}/state-1/data.mdb`;
  const whole = fs.readFileSync(data);
  for (const kept of [
    whole.length - 1,
    whole.length - 4_096,
    whole.length - 60_000,
    whole.length >> 1,
    8_192,
  ]) {
    fs.writeFileSync(data, whole.subarray(0, kept));
    const refused = { code: 'STORE_DAMAGED', message: new RegExp(`only ${kept} of \\d+ bytes`) };
    assert.throws(() => open(folder), refused);
    assert.throws(() => openReadOnly(folder), refused);
  }
  fs.writeFileSync(data, whole);
  const reopened = open(folder);
  assert.equal(contents(reopened, { start: 'k', end: 'l' }).length, 3_001);
  await close(reopened);
});

test('a crash while a state is being created is no damage', async () => {
  const folder = await madeFolder();
  for (const dataBytes of [null, 0, 100, 8_192]) {
    const begun = newFolder();
    fs.mkdirSync(`${begun}/state-1`, { recursive: true });
    fs.writeFileSync(`${begun}/CURRENT.state-1`, '');
    if (dataBytes !== null) fs.writeFileSync(`${begun}/state-1/data.mdb`, new Uint8Array(dataBytes));
    const store = open(begun);
    await flush(store, 1, {});
    await close(store);
    assert.deepEqual(fs.readdirSync(begun).sort(), fs.readdirSync(folder).sort());
  }
});

test('after an install the files of the old state and of aborted ones are gone', async () => {
  const folder = await madeFolder();
  const store = open(folder);
  store.beginInstall(at(7)).abort();
  const finishing = store.beginInstall(at(8));
  for (const chunk of snapshotOf(at(8), {})) {
    let taken = false;
    finishing.write(chunk, () => (taken = true));
    await until(() => taken);
  }
  finishing.finish(() => assert.fail('aborted'));
  finishing.abort();
  await installed({ until }, store, at(9), snapshotOf(at(9), { ka: 'new' }));
  await until(() => fs.readdirSync(folder).length === 2);
  assert.deepEqual(fs.readdirSync(folder).sort(), ['CURRENT', 'state-4']);
  await close(store);
  for (const name of ['state-5', 'state-12']) fs.mkdirSync(`${folder}/${name}`);
  fs.writeFileSync(`${folder}/CURRENT.state-5`, pointerText('state-5'));
  const reopened = open(folder);
  assert.deepEqual(fs.readdirSync(folder).sort(), ['CURRENT', 'state-4'], 'leftovers go at the opening');
  assert.deepEqual(contents(reopened), [['ka', 'new']]);
  await close(reopened);
});

test('the death of the thread that writes is fatal, and the store can be closed', async () => {
  for (const busy of [false, true]) {
    let worker: Worker | null = null;
    process.once('worker', (created) => (worker = created));
    const store = open(newFolder());
    const fatal: Error[] = [];
    store.onFatal = (error) => fatal.push(error);
    store.onFlushed = () => assert.fail('nothing is flushed by a dead thread');
    if (busy) {
      store.advance(at(1));
      store.setLogDurable(1);
      store.flush();
    }
    await until(() => worker !== null);
    await (worker as Worker | null)?.terminate();
    await until(() => fatal.length > 0);
    assert.equal(fatal.length, 1);
    assert.match(fatal[0]?.message ?? '', /thread that writes the state died/);
    assert.equal(await close(store), null);
  }
});
