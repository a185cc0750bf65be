import type { WriteBatch } from './write-batch.ts';

/** Numbers that may be under way at once: far below what the servers keep replies for. */
const DISTANCE_MAX = 1_024;
const OPS_MAX = 64 * 1024;
const BYTES_MAX = 8 * 1024 * 1024;

/** A session in the replicated state, and which of its numbers are under way. */
export class SessionWindow {
  readonly id: number;
  /** How long the servers keep the session without use, by the cluster's time. */
  readonly ttlMs: number;
  /** Ascending. */
  readonly #batches = new Map<number, WriteBatch>();
  #nextNumber = 1;
  #ops = 0;
  #bytes = 0;

  constructor(id: number, ttlMs: number) {
    this.id = id;
    this.ttlMs = ttlMs;
  }

  get isEmpty(): boolean {
    return this.#batches.size === 0;
  }

  get hasRoom(): boolean {
    if (this.isEmpty) return true;
    return this.#nextNumber < this.lowest + DISTANCE_MAX && this.#ops < OPS_MAX && this.#bytes < BYTES_MAX;
  }

  /** The lowest number that is not answered, or the next one to be given. */
  get lowest(): number {
    const [first = this.#nextNumber] = this.#batches.keys();
    return first;
  }

  /** Gives the batch its number. */
  add(batch: WriteBatch): number {
    const number = this.#nextNumber++;
    this.#batches.set(number, batch);
    this.#ops += batch.ops.length;
    this.#bytes += batch.bytes;
    return number;
  }

  /** The batch is answered, or nobody waits for it any more. */
  remove(batch: WriteBatch): void {
    if (!this.#batches.delete(batch.number)) return;
    this.#ops -= batch.ops.length;
    this.#bytes -= batch.bytes;
  }
}
