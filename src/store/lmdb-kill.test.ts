import assert from 'node:assert/strict';
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { createPrng } from '../base/prng.ts';
import { openLmdbStore } from './lmdb-backend.ts';
import { writesAt } from './lmdb-child.test-support.ts';
import { openReadOnly } from './lmdb-read-only.ts';
import { at, contents, realClock, text } from './store.test-support.ts';
import type { StateKey } from './store.ts';

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'kvraft-kill-'));
after(() => fs.rmSync(root, { recursive: true }));

const CHILD = fileURLToPath(new URL('lmdb-child.test-support.js', import.meta.url));
const prng = createPrng(1);

/** Resolves with the index of the last message once `count` of them have come. */
function messages(from: ChildProcess | Worker, count: number): Promise<number> {
  let seen = 0;
  return new Promise((resolve) => {
    const listener = (index: number): void => {
      seen++;
      if (seen === count) resolve(index);
    };
    if (from instanceof Worker) from.on('message', listener);
    else from.on('message', listener as (message: unknown) => void);
  });
}

/** The state at an index, worked out anew. */
function stateAt(index: number): [StateKey, string][] {
  const state = new Map<StateKey, string>();
  for (let i = 1; i <= index; i++) {
    for (const [key, value] of writesAt(i)) {
      if (value === null) state.delete(key);
      else state.set(key, text(value) ?? '');
    }
  }
  return [...state].sort(([a], [b]) => (a < b ? -1 : 1));
}

function checkState(folder: string, durableIndex: number): void {
  const state = openReadOnly(folder);
  const { index } = state.position;
  assert.ok(index >= durableIndex, `${index} is at least ${durableIndex}, which was reported`);
  assert.deepEqual(state.position, at(index));
  assert.deepEqual(contents(state.storage), stateAt(index));
  state.close();
}

test('a process that is killed while it flushes leaves the state of exactly one position', async () => {
  const folder = path.join(root, 'killed');
  let durableIndex = 0;
  for (let life = 0; life < 4; life++) {
    const child = fork(CHILD, [folder, 'for ever']);
    child.on('message', (index) => (durableIndex = index as number));
    await messages(child, 3);
    // Anywhere within the next flushes.
    await new Promise((resolve) => setTimeout(resolve, prng.below(60)));
    child.kill('SIGKILL');
    await once(child, 'exit');
    checkState(folder, durableIndex);
  }
});

test('a process that exits while it flushes does not wait for anything', async () => {
  for (let life = 0; life < 3; life++) {
    const folder = path.join(root, `exit-${life}`);
    const child = fork(CHILD, [folder, 'exit']);
    assert.deepEqual(await once(child, 'exit'), [7, null]);
    checkState(folder, 500);
  }
});

test('the store works in a worker thread, and the thread can be terminated while it flushes', async () => {
  const folder = path.join(root, 'thread');
  let durableIndex = 0;
  for (let life = 0; life < 3; life++) {
    const thread = new Worker(CHILD, { workerData: [folder, 'for ever'] });
    thread.on('message', (index) => (durableIndex = index as number));
    await messages(thread, 2);
    await new Promise((resolve) => setTimeout(resolve, prng.below(40)));
    await thread.terminate();
    const store = openLmdbStore(folder, { clock: realClock, prng: createPrng(1) });
    const { index } = store.position;
    assert.ok(index >= durableIndex);
    assert.deepEqual(contents(store), stateAt(index));
    await new Promise((resolve) => store.close(resolve));
  }
});

test('neither a closed store nor an idle one keeps a process alive', async () => {
  for (const [mode, index] of [
    ['close', 1],
    ['leave', 1],
    ['idle', 0],
  ] as const) {
    const folder = path.join(root, mode);
    const child = fork(CHILD, [folder, mode]);
    assert.deepEqual(await once(child, 'exit'), [0, null]);
    checkPosition(folder, index);
  }
});

test('a disk that is full in earnest holds the flush up, and what was flushed before stays', async () => {
  const folder = path.join(root, 'full');
  // A limit on the size of files, in blocks of 512 or 1,024 bytes, stands for the end of the disk.
  const shell = spawn(
    'sh',
    ['-c', 'ulimit -f 2000; exec "$0" "$@"', process.execPath, CHILD, folder, 'full'],
    {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    },
  );
  const [durableIndex] = (await once(shell, 'message')) as [number];
  shell.kill('SIGKILL');
  await once(shell, 'exit');
  assert.ok(durableIndex > 0);
  checkPosition(folder, durableIndex);
});

function checkPosition(folder: string, index: number): void {
  const state = openReadOnly(folder);
  assert.equal(state.position.index, index);
  state.close();
}
