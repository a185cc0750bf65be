import { Worker } from 'node:worker_threads';
import { KvraftError, messageOf } from '../base/errors.ts';
import { diskError, type Done } from './backend.ts';
import type { WriterAnswer, WriterFailure, WriterRequest } from './lmdb-messages.ts';

interface Pending {
  readonly what: string;
  readonly done: Done;
}

/** A request that is answered. */
type Request<R extends WriterRequest = WriterRequest> = R extends { readonly id: number }
  ? Omit<R, 'id'>
  : never;
type Notice = Extract<WriterRequest, { type: 'begin' | 'collect' }>;

/** The main thread's end of the thread that writes. Keeps the process alive only while something is to be done. */
export class LmdbWriter {
  readonly #worker: Worker;
  readonly #onDeath: (error: Error) => void;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #stopped: (() => void) | null = null;
  #dead = false;

  /** `onDeath` is called once, when the thread ends without being told to. */
  constructor(onDeath: (error: Error) => void) {
    this.#onDeath = onDeath;
    this.#worker = new Worker(new URL('lmdb-worker.js', import.meta.url), { name: 'kvraft-store' });
    this.#worker.on('message', (answer: WriterAnswer) => this.#answered(answer));
    this.#worker.on('error', (error) => this.#died(messageOf(error)));
    this.#worker.on('exit', (code) => this.#exited(code));
    // Last: to listen for messages is to wait for them.
    this.#worker.unref();
  }

  /** Sends a request; the buffers in `transfer` are gone afterwards. `what` begins the message of an error. */
  request(request: Request, transfer: ArrayBuffer[], what: string, done: Done): number {
    this.#lastId++;
    const id = this.#lastId;
    this.#pending.set(id, { what, done });
    this.#worker.ref();
    this.#worker.postMessage({ ...request, id }, transfer);
    return id;
  }

  /** Sends what has no answer; the buffers in `transfer` are gone afterwards. */
  notify(notice: Notice, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(notice, transfer);
  }

  /** The request is done all the same, but nobody waits for it. */
  forget(id: number): void {
    const pending = this.#pending.get(id);
    if (pending !== undefined) this.#pending.set(id, { ...pending, done: () => undefined });
  }

  /** Lets the thread finish what it was asked, and end. */
  stop(stopped: () => void): void {
    if (this.#dead) return queueMicrotask(stopped);
    this.#stopped = stopped;
    this.#worker.ref();
    const stop: WriterRequest = { type: 'stop' };
    this.#worker.postMessage(stop);
  }

  #answered({ id, failure }: WriterAnswer): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (this.#pending.size === 0 && this.#stopped === null) this.#worker.unref();
    if (pending !== undefined) pending.done(failure === null ? null : errorOf(failure, pending.what));
  }

  #exited(code: number): void {
    if (this.#stopped === null) return this.#died(`it ended with code ${code}`);
    this.#dead = true;
    this.#stopped();
  }

  #died(reason: string): void {
    if (this.#dead) return;
    this.#dead = true;
    this.#pending.clear();
    this.#onDeath(new KvraftError('INTERNAL', `the thread that writes the state died: ${reason}`));
  }
}

function errorOf({ message, code }: WriterFailure, what: string): KvraftError {
  return diskError(Object.assign(new Error(message), { code }), what);
}
