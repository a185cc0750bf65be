import { assert } from '../base/assert.ts';
import { RingQueue } from '../base/ring-queue.ts';
import type { ChangeType } from './change-segment.ts';
import { changeEnd, encodedBytes, writeChange } from './change-segment.ts';

const CHUNK_BYTES = 64 * 1024;
/** A chunk that the next change does not fit into, and of which less is used, is cut to what it holds. */
const FULL_BYTES = (CHUNK_BYTES * 3) / 4;

/** Encoded changes of the versions `first` to `last`. */
export interface Segment {
  readonly first: number;
  readonly last: number;
  /** A view, valid until the next change. */
  readonly bytes: Buffer;
}

/** Changes of the versions `first` to `last`, which stand from `start` to `end`. */
interface Chunk {
  first: number;
  last: number;
  buffer: Buffer;
  start: number;
  end: number;
}

/**
 * Changes of consecutive versions, as bytes in a few large buffers. On a busy server hundreds of thousands are kept for
 * a second or two: as objects they would live just long enough to cost the garbage collector the most. Buffers are
 * used again, so nobody may keep a view of them.
 */
export class ChangeQueue {
  /** The versions of each follow those of the one before. None is empty. */
  readonly #chunks = new RingQueue<Chunk>();
  /** The newest of them, which is being filled; null if there is none. */
  #open: Chunk | null = null;
  /** A buffer of `CHUNK_BYTES` that the next chunk can take. */
  #spare: Buffer | null = null;
  #first: number;
  #last: number;

  /** The first change that comes is of version `first`. */
  constructor(first: number) {
    this.#first = first;
    this.#last = first - 1;
  }

  /** The version of the oldest change, or of the next one if there is none. */
  get first(): number {
    return this.#first;
  }

  /** The version of the newest change, or the one below `first`. */
  get last(): number {
    return this.#last;
  }

  /** Bytes of the buffers, whatever part of them is used. */
  get allocatedBytes(): number {
    let bytes = this.#spare?.length ?? 0;
    for (let i = 0; i < this.#chunks.length; i++) bytes += this.#at(i).buffer.length;
    return bytes;
  }

  /** Copies the change of the next version. Returns how many bytes it is encoded in. */
  push(type: ChangeType, key: string, record: Uint8Array | null): number {
    const bytes = encodedBytes(key, record);
    const chunk =
      this.#open !== null && this.#open.end + bytes <= this.#open.buffer.length
        ? this.#open
        : this.#begin(bytes);
    chunk.end = writeChange(chunk.buffer, chunk.end, type, key, record);
    this.#last++;
    chunk.last = this.#last;
    return bytes;
  }

  /** Drops the oldest change. Returns how many bytes it was encoded in. */
  shift(): number {
    const chunk = this.#chunks.peek();
    assert(chunk !== undefined, 'there is a change to drop');
    const { start } = chunk;
    chunk.start = changeEnd(chunk.buffer, start);
    chunk.first++;
    this.#first++;
    if (chunk.start === chunk.end) {
      this.#chunks.shift();
      if (chunk === this.#open) this.#open = null;
      this.#reuse(chunk.buffer);
    }
    return chunk.start - start;
  }

  /** The changes from version `from` on, or from the oldest on if `from` is gone: at most `limit` changes. */
  *segments(from: number, limit = Infinity): Generator<Segment, undefined> {
    let first = Math.max(from, this.#first);
    const end = Math.min(this.#last + 1, first + limit);
    for (let i = this.#indexOf(first); first < end; i++) {
      const chunk = this.#at(i);
      const last = Math.min(chunk.last, end - 1);
      const startsAt = skip(chunk.buffer, chunk.start, first - chunk.first);
      const endsAt = last === chunk.last ? chunk.end : skip(chunk.buffer, startsAt, last + 1 - first);
      yield { first, last, bytes: chunk.buffer.subarray(startsAt, endsAt) };
      first = last + 1;
    }
  }

  /** Begins a chunk with room for so many bytes. */
  #begin(bytes: number): Chunk {
    if (this.#open !== null && this.#open.end < FULL_BYTES) this.#cut(this.#open);
    let buffer = this.#spare;
    if (bytes > CHUNK_BYTES) buffer = Buffer.allocUnsafeSlow(bytes);
    else this.#spare = null;
    buffer ??= Buffer.allocUnsafeSlow(CHUNK_BYTES);
    this.#open = { first: this.#last + 1, last: this.#last, buffer, start: 0, end: 0 };
    this.#chunks.push(this.#open);
    return this.#open;
  }

  #cut(chunk: Chunk): void {
    const whole = chunk.buffer;
    chunk.buffer = Buffer.allocUnsafeSlow(chunk.end - chunk.start);
    whole.copy(chunk.buffer, 0, chunk.start, chunk.end);
    chunk.start = 0;
    chunk.end = chunk.buffer.length;
    this.#reuse(whole);
  }

  #reuse(buffer: Buffer): void {
    if (buffer.length === CHUNK_BYTES) this.#spare = buffer;
  }

  /** Of the chunk that holds version `version`; the number of chunks if it is still to come. */
  #indexOf(version: number): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#at(middle).last < version) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #at(index: number): Chunk {
    const chunk = this.#chunks.at(index);
    assert(chunk !== undefined, 'a chunk that was counted is there');
    return chunk;
  }
}

/** Where the change begins that comes so many changes behind the one at `at`. */
function skip(buffer: Buffer, at: number, changes: number): number {
  let next = at;
  for (let i = 0; i < changes; i++) next = changeEnd(buffer, next);
  return next;
}
