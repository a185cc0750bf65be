import fs from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { messageOf } from '../base/errors.ts';
import { readRecords } from './batch-format.ts';
import type { Layered } from './byte-map.ts';
import { POSITION_KEY } from './keys.ts';
import { openEnv, type Env } from './lmdb-env.ts';
import type { WriterAnswer, WriterRequest } from './lmdb-messages.ts';
import type { StateKey } from './store.ts';

/*
 * The thread that writes. Even handing a batch over to LMDB takes long, and must not hold up the thread that
 * serves requests. Requests are done one after the other.
 *
 * Each batch is queued as a whole and then written by native code (`env.batch`), not by `transactionSync`: that
 * holds a lock while JavaScript runs, and a process that exits, or a program that terminates its worker threads,
 * in that moment would wait for the lock for ever. Both ways make the same system calls: data, fdatasync, and the
 * meta page through a file opened with O_DSYNC; only then is the batch visible, and the promise resolved.
 */

/** A staged state is written in transactions of about this size, not in one a piece. */
const STAGE_BYTES = 8 * 1024 * 1024;
/** A batch of this size is garbage that is worth a collection. */
const LARGE_BATCH_BYTES = 4 * 1024 * 1024;

interface OpenEnv {
  readonly env: Env;
  /** The last write failed: the environment may be broken for good. */
  suspect: boolean;
}

const port = parentPort;
assert(port !== null, 'runs as a worker thread');
// The library prints why a write failed; here that is in the answer, and a full disk is retried every second.
console.error = () => undefined;
const envs = new Map<string, OpenEnv>();
/** By the folder of their environment: what the next transaction is to write. */
const batches = new Map<string, Uint8Array[]>();
/** The requests so far, one after the other. */
let last = Promise.resolve();

port.on('message', (request: WriterRequest) => {
  last = last.then(() => perform(request));
});

async function perform(request: WriterRequest): Promise<void> {
  switch (request.type) {
    case 'begin':
      batches.set(request.folder, []);
      return;
    case 'collect':
      batchOf(request.folder).push(request.records);
      return;
    case 'stage':
      return answer(request.id, stage(request.folder, request.records));
    case 'write': {
      const bytes = bytesOf(batchOf(request.folder));
      await answer(request.id, write(request.folder, request.position));
      // Nothing else in this thread would have it collected before the next one.
      if (bytes >= LARGE_BATCH_BYTES) globalThis.gc?.();
      return;
    }
    case 'release':
      return answer(request.id, release(request.folder));
    case 'remove':
      return answer(request.id, remove(request.folder));
    case 'stop':
      return stop();
  }
}

function answer(id: number, done: Promise<void>): Promise<void> {
  const reply = (failure: WriterAnswer['failure']): void => {
    const message: WriterAnswer = { id, failure };
    port?.postMessage(message);
  };
  return done.then(
    () => reply(null),
    (error: unknown) => reply({ message: messageOf(error), code: codeOf(error) }),
  );
}

async function stop(): Promise<void> {
  for (const folder of envs.keys()) await release(folder);
  port?.close();
}

function opened(folder: string): OpenEnv {
  let open = envs.get(folder);
  if (open === undefined) {
    open = { env: openEnv(folder, false), suspect: false };
    envs.set(folder, open);
  }
  return open;
}

function batchOf(folder: string): Uint8Array[] {
  let batch = batches.get(folder);
  if (batch === undefined) {
    batch = [];
    batches.set(folder, batch);
  }
  return batch;
}

async function release(folder: string): Promise<void> {
  const open = envs.get(folder);
  envs.delete(folder);
  batches.delete(folder);
  await open?.env.close();
}

async function remove(folder: string): Promise<void> {
  await release(folder);
  fs.rmSync(folder, { recursive: true, force: true });
}

async function stage(folder: string, records: Uint8Array): Promise<void> {
  const batch = batchOf(folder);
  batch.push(records);
  if (bytesOf(batch) >= STAGE_BYTES) await write(folder, null);
}

/** What was collected or staged, and the position, in one transaction. Durable when it resolves. */
async function write(folder: string, position: Uint8Array | null): Promise<void> {
  const open = opened(folder);
  const { env } = open;
  // A failed write of the meta page breaks an environment; the next batch would wait for ever, this throws.
  if (open.suspect) env.transactionSync(() => undefined);
  open.suspect = true;
  const entries = entriesOf(batchOf(folder));
  // In the order of the keys a page is looked for once and written once, and a disk is read in one direction.
  const keys = [...entries.keys()].sort();
  await env
    .batch(() => {
      // Within a batch these promises say nothing: the batch as a whole resolves or fails.
      for (const key of keys) {
        const value = entries.get(key);
        if (value instanceof Uint8Array) void env.put(key, value);
        else void env.remove(key);
      }
      if (position !== null) void env.put(POSITION_KEY, position);
    })
    .catch(throwCause);
  open.suspect = false;
  batches.delete(folder);
}

const bytesOf = (batch: readonly Uint8Array[]): number => batch.reduce((sum, { length }) => sum + length, 0);

function entriesOf(batch: readonly Uint8Array[]): Map<StateKey, Layered> {
  const entries = new Map<StateKey, Layered>();
  for (const records of batch) readRecords(records, (key, value) => void entries.set(key, value));
  return entries;
}

/** The library says that a commit failed, and why in a promise beside it. */
async function throwCause(error: unknown): Promise<never> {
  if (error instanceof Error && 'commitError' in error) await error.commitError;
  throw error;
}

function codeOf(error: unknown): string | number | null {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : null;
  return typeof code === 'string' || typeof code === 'number' ? code : null;
}
