import fs from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { messageOf } from '../base/errors.ts';
import { readRecords } from './batch-format.ts';
import { POSITION_KEY } from './keys.ts';
import { openEnv, type Env } from './lmdb-env.ts';
import type { WriterAnswer, WriterRequest } from './lmdb-messages.ts';

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

interface OpenEnv {
  readonly env: Env;
  staged: Uint8Array[];
  stagedBytes: number;
  /** The last write failed: the environment may be broken for good. */
  suspect: boolean;
}

type Request = Exclude<WriterRequest, { type: 'stop' }>;

const port = parentPort;
assert(port !== null, 'runs as a worker thread');
// The library prints why a write failed; here that is in the answer, and a full disk is retried every second.
console.error = () => undefined;
const envs = new Map<string, OpenEnv>();
/** The requests so far, one after the other. */
let last = Promise.resolve();

port.on('message', (request: WriterRequest) => {
  last = last.then(() => (request.type === 'stop' ? stop() : answer(request)));
});

function answer(request: Request): Promise<void> {
  const reply = (failure: WriterAnswer['failure']): void => {
    const message: WriterAnswer = { id: request.id, failure };
    port?.postMessage(message);
  };
  return perform(request).then(
    () => reply(null),
    (error: unknown) => reply({ message: messageOf(error), code: codeOf(error) }),
  );
}

async function perform(request: Request): Promise<void> {
  switch (request.type) {
    case 'write':
      return write(opened(request.folder), request.batch, request.position);
    case 'stage':
      return stage(opened(request.folder), request.records);
    case 'release':
      return release(request.folder);
    case 'remove':
      await release(request.folder);
      fs.rmSync(request.folder, { recursive: true, force: true });
  }
}

async function stop(): Promise<void> {
  for (const folder of envs.keys()) await release(folder);
  port?.close();
}

function opened(folder: string): OpenEnv {
  let open = envs.get(folder);
  if (open === undefined) {
    open = { env: openEnv(folder, false), staged: [], stagedBytes: 0, suspect: false };
    envs.set(folder, open);
  }
  return open;
}

async function release(folder: string): Promise<void> {
  const open = envs.get(folder);
  envs.delete(folder);
  await open?.env.close();
}

async function stage(open: OpenEnv, records: Uint8Array): Promise<void> {
  open.staged.push(records);
  open.stagedBytes += records.length;
  if (open.stagedBytes >= STAGE_BYTES) await write(open, [], null);
}

/** What was staged, the batch and the position, in one transaction. Durable when it resolves. */
async function write(
  open: OpenEnv,
  batch: readonly Uint8Array[],
  position: Uint8Array | null,
): Promise<void> {
  const { env, staged } = open;
  // A failed write of the meta page breaks an environment; the next batch would wait for ever, this throws.
  if (open.suspect) env.transactionSync(() => undefined);
  open.suspect = true;
  await env
    .batch(() => {
      for (const records of [...staged, ...batch]) putAll(env, records);
      if (position !== null) void env.put(POSITION_KEY, position);
    })
    .catch(throwCause);
  open.suspect = false;
  open.staged = [];
  open.stagedBytes = 0;
}

function putAll(env: Env, records: Uint8Array): void {
  readRecords(records, (key, value) => {
    // Within a batch these promises say nothing: the batch as a whole resolves or fails.
    if (value === null) void env.remove(key);
    else void env.put(key, value);
  });
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
