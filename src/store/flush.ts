import type { Clock, Timer } from '../base/clock.ts';
import { recordBytes, writeRecord } from './batch-format.ts';
import { isOutOfSpace, type BackendWrite, type StoreBackend } from './backend.ts';
import type { Entry, Layered } from './byte-map.ts';
import type { Generation } from './generation.ts';
import type { Position, StateKey } from './store.ts';

/**
 * Work on the event loop at a time, a fraction of a millisecond, and the rest after it: requests have the loop for most
 * of the time. But what is written meanwhile must not come faster than what is flushed.
 */
const SLICE_COST = 96 * 1024;
const SLICE_REST_MS = 1;
const FLUSHED_PER_WRITTEN = 2;
/** What an entry costs beside its bytes, in the time that so many bytes take. */
const ENTRY_COST_BYTES = 128;
const BUFFER_BYTES = 1024 * 1024;
const RETRY_AFTER_MS = 1_000;

/** What it costs to encode an entry, in bytes. */
export const flushCost = (key: StateKey, value: Layered): number =>
  ENTRY_COST_BYTES + recordBytes(key, value);

export interface FlushOptions {
  readonly backend: StoreBackend;
  readonly clock: Clock;
  readonly generation: Generation;
  /** The cost of all that was ever written to the store. */
  readonly writtenCost: () => number;
  /** What the state speaks of once the generation is in it. */
  readonly position: Position;
  /** Called for every entry on its way to the backend, again if it is tried again. */
  readonly onEntry: (entry: Entry) => void;
  readonly onFlushed: () => void;
  /** The disk is full: the flush is tried again by itself. */
  readonly onFull: () => void;
  readonly onFatal: (error: Error) => void;
}

/**
 * Brings one frozen generation to the backend: waits until the log has its last entry, encodes it slice by slice,
 * has it written, and tries again while the disk is full.
 *
 * Entries are taken as they lie in memory, without a look for each, and what is encoded is handed on at once: many
 * megabytes that wait here would have the garbage collector run for nothing.
 */
export class Flush {
  readonly #options: FlushOptions;
  #state: 'waiting for the log' | 'encoding' | 'writing' | 'waiting for space' | 'ended' =
    'waiting for the log';
  #entries: Iterator<Entry> | null = null;
  #batch: BackendWrite | null = null;
  #buffer: Buffer<ArrayBuffer> = NO_BUFFER;
  #used = 0;
  /** `writtenCost` when the last slice began. */
  #writtenBefore = 0;
  #hurries = false;
  #retry: Timer | null = null;

  constructor(options: FlushOptions) {
    this.#options = options;
  }

  get generation(): Generation {
    return this.#options.generation;
  }

  /** Whether it ends by itself soon: neither the log nor the disk holds it up. */
  get isUnderWay(): boolean {
    return this.#state === 'encoding' || this.#state === 'writing';
  }

  /** Tells how far the local log is durable: the state on disk must never run ahead of it. */
  setLogDurable(index: number): void {
    if (this.#state === 'waiting for the log' && this.#options.position.index <= index) this.#begin();
  }

  /** Nothing is called back any more. What the backend is writing is not stopped. */
  cancel(): void {
    this.#state = 'ended';
    this.#retry?.cancel();
  }

  #begin(): void {
    this.#state = 'encoding';
    this.#entries = this.#options.generation.entries();
    this.#batch = this.#options.backend.beginWrite();
    this.#writtenBefore = this.#options.writtenCost();
    this.#options.clock.defer(() => this.#encodeSlice());
  }

  /** Nothing else wants the event loop: there is no rest any more. */
  hurry(): void {
    this.#hurries = true;
  }

  #encodeSlice(): void {
    if (this.#state !== 'encoding' || this.#entries === null || this.#batch === null) return;
    const written = this.#options.writtenCost();
    const enough = Math.max(SLICE_COST, FLUSHED_PER_WRITTEN * (written - this.#writtenBefore));
    this.#writtenBefore = written;
    for (let cost = 0; cost < enough;) {
      const step = this.#entries.next();
      if (step.done === true) return this.#commit(this.#batch);
      cost += this.#encode(step.value, this.#batch);
    }
    const { clock } = this.#options;
    if (this.#hurries) clock.defer(() => this.#encodeSlice());
    else clock.setTimer(SLICE_REST_MS, () => this.#encodeSlice());
  }

  #encode(entry: Entry, batch: BackendWrite): number {
    const { key, value } = entry;
    const bytes = recordBytes(key, value);
    if (this.#used + bytes > this.#buffer.length) {
      this.#endBuffer(batch);
      const expected = Math.min(BUFFER_BYTES, this.#options.generation.bytes);
      this.#buffer = Buffer.from(new ArrayBuffer(Math.max(expected, bytes)));
    }
    this.#used = writeRecord(this.#buffer, this.#used, key, value);
    this.#options.onEntry(entry);
    return flushCost(key, value);
  }

  #endBuffer(batch: BackendWrite): void {
    if (this.#used > 0) batch.add(this.#buffer.subarray(0, this.#used));
    this.#buffer = NO_BUFFER;
    this.#used = 0;
  }

  #commit(batch: BackendWrite): void {
    const { position, onFlushed, onFull, onFatal } = this.#options;
    this.#endBuffer(batch);
    this.#batch = null;
    this.#entries = null;
    this.#state = 'writing';
    batch.commit(position, (error) => {
      if (this.#state !== 'writing') return;
      if (error === null) {
        this.#state = 'ended';
        onFlushed();
      } else if (isOutOfSpace(error)) {
        this.#retryLater();
        onFull();
      } else {
        this.#state = 'ended';
        onFatal(error);
      }
    });
  }

  #retryLater(): void {
    this.#state = 'waiting for space';
    this.#retry = this.#options.clock.setTimer(RETRY_AFTER_MS, () => {
      if (this.#state === 'waiting for space') this.#begin();
    });
  }
}

const NO_BUFFER = Buffer.from(new ArrayBuffer(0));
