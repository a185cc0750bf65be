import { assert } from '../base/assert.ts';
import type { StateKey } from './store.ts';

/** A value, or null: deleted, whatever lies below. */
export type Layered = Uint8Array | null;

export interface Entry {
  readonly key: StateKey;
  readonly hash: number;
  readonly value: Layered;
}

/** Places in a chunk are counted in units of 8 bytes, and stand in the low bits of a reference to an entry. */
const UNIT_BITS = 3;
const UNITS_BITS = 15;
const UNITS_MASK = 2 ** UNITS_BITS - 1;
const CHUNK_BYTES = 2 ** (UNITS_BITS + UNIT_BITS);
/** More than a gigabyte of large entries, and as much that was replaced. */
const PLACES = 2 ** (32 - UNITS_BITS);
const CHUNK_BYTES_MIN = 4 * 1024;
/** A larger entry has a chunk of its own. */
const SHARED_ENTRY_BYTES_MAX = CHUNK_BYTES / 8;

/** The head of an entry, in words of 32 bits: hash, length of the value, length of the key; then key and value. */
const HEAD_BYTES = 12;
/** In place of the value's length: the value is null. */
const DELETED = -1;
/** A bit beside the key's length: another entry took the place of this one, or none. */
const REPLACED = 2 ** 16;

const SLOTS_AT_START = 64;

interface Chunk {
  readonly buffer: ArrayBuffer;
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  used: number;
}

/**
 * A hash map from keys to bytes that keeps both outside of the JavaScript heap: nothing of it is ever marked or moved by
 * the garbage collector, and a look takes two or three misses of the processor's caches. Entries are appended to
 * chunks; a table with open addressing and linear probing finds them by the hash of their keys.
 *
 * What is written stays as it is: views that were given out remain valid as long as somebody keeps them. So a
 * value that was replaced takes room until the chunk that it lies in is retired.
 */
export class ByteMap {
  /** Two words a slot: the hash and the reference, 0 where the slot is free. */
  #table = new Int32Array(2 * SLOTS_AT_START);
  #mask = SLOTS_AT_START - 1;
  /** By the high bits of references; the first place is never used, so that no reference is 0. */
  readonly #chunks: (Chunk | null)[] = [null];
  readonly #freePlaces: number[] = [];
  /** Places of chunks, oldest first; the last one is being filled. */
  readonly #order: number[] = [];
  #size = 0;
  #usedBytes = 0;
  #liveBytes = 0;
  /** The slot that was found last: what is read and then written is looked for once. */
  #lastKey: StateKey | null = null;
  #lastSlot = -1;

  get size(): number {
    return this.#size;
  }

  /** Bytes of all entries, of those that were replaced, too, as long as they take room. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Bytes of the entries that are there. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** A view of the value; undefined where nothing is said of the key. `hash` is the key's. */
  get(key: StateKey, hash: number): Layered | undefined {
    const slot = this.#find(key, hash);
    if (slot < 0) return undefined;
    const reference = this.#table[slot + 1] as number;
    const chunk = this.#chunkOf(reference);
    const at = startOf(reference);
    const length = chunk.words[(at >> 2) + 1] as number;
    if (length === DELETED) return null;
    return new Uint8Array(chunk.buffer, at + HEAD_BYTES + (chunk.words[(at >> 2) + 2] as number), length);
  }

  /** Says of the key that it has a copy of this value, or that it is deleted. Returns whether it is new here. */
  put(key: StateKey, hash: number, value: Layered): boolean {
    const found = this.#find(key, hash);
    const reference = this.#append(key, hash, value);
    if (found >= 0) {
      this.#replaced(this.#table[found + 1] as number);
      this.#table[found + 1] = reference;
      return false;
    }
    if (2 * ++this.#size > this.#mask) this.#grow();
    this.#lastKey = key;
    this.#lastSlot = this.#insert(hash, reference);
    return true;
  }

  /** Says nothing of the key any more. Returns whether something was said. */
  remove(key: StateKey, hash: number): boolean {
    const slot = this.#find(key, hash);
    if (slot < 0) return false;
    this.#replaced(this.#table[slot + 1] as number);
    this.#free(slot);
    return true;
  }

  /**
   * Gives up the room of the oldest chunk. What is still valid of it is appended anew (`keep`) or forgotten.
   * False where there is only the chunk that is being filled.
   */
  retireOldest(keep: boolean): boolean {
    if (this.#order.length < 2) return false;
    const place = this.#order.shift() as number;
    const chunk = this.#chunks[place] as Chunk;
    if (keep && chunk.bytes.length > CHUNK_BYTES && isValid(chunk, 0)) {
      // One large entry: it is as good as new where it is.
      this.#order.splice(-1, 0, place);
      return true;
    }
    for (let at = 0; at < chunk.used;) {
      const bytes = entryBytesAt(chunk, at);
      if (isValid(chunk, at)) {
        const slot = this.#slotOf(chunk.words[at >> 2] as number, referenceTo(place, at));
        this.#liveBytes -= bytes;
        if (keep) this.#table[slot + 1] = this.#copy(chunk.bytes.subarray(at, at + bytes));
        else this.#free(slot);
      }
      at += bytes;
    }
    this.#usedBytes -= chunk.used;
    this.#chunks[place] = null;
    this.#freePlaces.push(place);
    return true;
  }

  /** All entries, in the order in which they lie in memory. Nothing may be written while the walk is under way. */
  *entries(): Generator<Entry, undefined> {
    for (const place of this.#order) {
      const chunk = this.#chunks[place] as Chunk;
      const { buffer, words } = chunk;
      const text = Buffer.from(buffer);
      for (let at = 0; at < chunk.used; at += entryBytesAt(chunk, at)) {
        if (!isValid(chunk, at)) continue;
        const keyAt = at + HEAD_BYTES;
        const valueAt = keyAt + (words[(at >> 2) + 2] as number);
        const length = words[(at >> 2) + 1] as number;
        yield {
          key: text.toString('latin1', keyAt, valueAt),
          hash: words[at >> 2] as number,
          value: length === DELETED ? null : new Uint8Array(buffer, valueAt, length),
        };
      }
    }
    return undefined;
  }

  /** The keys whose first characters have one of these codes, in no order. */
  keys(firstCodes: ReadonlySet<number>): StateKey[] {
    const keys: StateKey[] = [];
    for (const place of this.#order) {
      const chunk = this.#chunks[place] as Chunk;
      const text = Buffer.from(chunk.buffer);
      for (let at = 0; at < chunk.used; at += entryBytesAt(chunk, at)) {
        const keyAt = at + HEAD_BYTES;
        if (!isValid(chunk, at) || !firstCodes.has(chunk.bytes[keyAt] as number)) continue;
        keys.push(text.toString('latin1', keyAt, keyAt + (chunk.words[(at >> 2) + 2] as number)));
      }
    }
    return keys;
  }

  /** The place in the table where the key's slot begins, or -1. */
  #find(key: StateKey, hash: number): number {
    if (key === this.#lastKey) return this.#lastSlot;
    const table = this.#table;
    let slot = hash & this.#mask;
    let found = -1;
    for (;;) {
      const reference = table[2 * slot + 1] as number;
      if (reference === 0) break;
      if (table[2 * slot] === hash && this.#isKey(reference, key)) {
        found = 2 * slot;
        break;
      }
      slot = (slot + 1) & this.#mask;
    }
    this.#lastKey = key;
    this.#lastSlot = found;
    return found;
  }

  #isKey(reference: number, key: StateKey): boolean {
    const { bytes, words } = this.#chunkOf(reference);
    const at = startOf(reference);
    if (words[(at >> 2) + 2] !== key.length) return false;
    for (let i = 0; i < key.length; i++) {
      if (bytes[at + HEAD_BYTES + i] !== key.charCodeAt(i)) return false;
    }
    return true;
  }

  /** The slot of a valid entry. */
  #slotOf(hash: number, reference: number): number {
    let slot = hash & this.#mask;
    while (this.#table[2 * slot + 1] !== reference) slot = (slot + 1) & this.#mask;
    return 2 * slot;
  }

  #insert(hash: number, reference: number): number {
    const table = this.#table;
    let slot = hash & this.#mask;
    while (table[2 * slot + 1] !== 0) slot = (slot + 1) & this.#mask;
    table[2 * slot] = hash;
    table[2 * slot + 1] = reference;
    return 2 * slot;
  }

  /** Frees a slot, and moves up those behind it that would not be found any more (Knuth, volume 3, 6.4, algorithm R). */
  #free(place: number): void {
    const table = this.#table;
    const mask = this.#mask;
    this.#size--;
    this.#forgetLast();
    let hole = place >> 1;
    for (let slot = (hole + 1) & mask; table[2 * slot + 1] !== 0; slot = (slot + 1) & mask) {
      const home = (table[2 * slot] as number) & mask;
      // It stays where its home lies behind the hole.
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      table[2 * hole] = table[2 * slot] as number;
      table[2 * hole + 1] = table[2 * slot + 1] as number;
      hole = slot;
    }
    table[2 * hole + 1] = 0;
  }

  #grow(): void {
    const old = this.#table;
    this.#table = new Int32Array(2 * old.length);
    this.#mask = old.length - 1;
    for (let at = 0; at < old.length; at += 2) {
      if (old[at + 1] !== 0) this.#insert(old[at] as number, old[at + 1] as number);
    }
  }

  #forgetLast(): void {
    this.#lastKey = null;
    this.#lastSlot = -1;
  }

  #append(key: StateKey, hash: number, value: Layered): number {
    const bytes = entryBytes(key.length, value === null ? DELETED : value.length);
    const place = this.#reserve(bytes);
    const chunk = this.#chunks[place] as Chunk;
    const at = chunk.used;
    const word = at >> 2;
    chunk.words[word] = hash;
    chunk.words[word + 1] = value === null ? DELETED : value.length;
    chunk.words[word + 2] = key.length;
    const keyAt = at + HEAD_BYTES;
    for (let i = 0; i < key.length; i++) chunk.bytes[keyAt + i] = key.charCodeAt(i);
    if (value !== null) chunk.bytes.set(value, keyAt + key.length);
    return this.#take(place, bytes);
  }

  #copy(entry: Uint8Array): number {
    const place = this.#reserve(entry.length);
    const chunk = this.#chunks[place] as Chunk;
    chunk.bytes.set(entry, chunk.used);
    return this.#take(place, entry.length);
  }

  #take(place: number, bytes: number): number {
    const chunk = this.#chunks[place] as Chunk;
    const reference = referenceTo(place, chunk.used);
    chunk.used += bytes;
    this.#usedBytes += bytes;
    this.#liveBytes += bytes;
    return reference;
  }

  /** The place of a chunk that has room for so many bytes. */
  #reserve(bytes: number): number {
    const last = this.#order.at(-1);
    const chunk = last === undefined ? null : (this.#chunks[last] as Chunk | null);
    if (last !== undefined && chunk !== null && chunk.used + bytes <= chunk.bytes.length) return last;
    const place = this.#freePlaces.pop() ?? this.#chunks.length;
    assert(place < PLACES, 'references reach all chunks');
    if (bytes > SHARED_ENTRY_BYTES_MAX) {
      this.#chunks[place] = chunkOf(bytes);
      // Before the one that is being filled, which goes on being filled.
      this.#order.splice(-1, 0, place);
    } else {
      // Small maps have small chunks, so that what they hold for nothing is a part of what they hold.
      const share = Math.max(CHUNK_BYTES_MIN, Math.min(CHUNK_BYTES, this.#liveBytes / 4) & ~7);
      this.#chunks[place] = chunkOf(Math.max(bytes, share));
      this.#order.push(place);
    }
    return place;
  }

  #chunkOf(reference: number): Chunk {
    return this.#chunks[placeOf(reference)] as Chunk;
  }

  #replaced(reference: number): void {
    const chunk = this.#chunkOf(reference);
    const at = startOf(reference);
    this.#liveBytes -= entryBytesAt(chunk, at);
    chunk.words[(at >> 2) + 2] = (chunk.words[(at >> 2) + 2] as number) | REPLACED;
  }
}

function chunkOf(bytes: number): Chunk {
  const { buffer } = Buffer.allocUnsafeSlow(bytes);
  return { buffer, bytes: new Uint8Array(buffer), words: new Int32Array(buffer), used: 0 };
}

/** Exported for tests: a map with as many chunks takes gigabytes. */
export const referenceTo = (place: number, at: number): number => (place << UNITS_BITS) | (at >> UNIT_BITS);

export const placeOf = (reference: number): number => reference >>> UNITS_BITS;

export const startOf = (reference: number): number => (reference & UNITS_MASK) << UNIT_BITS;

const isValid = ({ words }: Chunk, at: number): boolean =>
  ((words[(at >> 2) + 2] as number) & REPLACED) === 0;

const entryBytesAt = ({ words }: Chunk, at: number): number =>
  entryBytes((words[(at >> 2) + 2] as number) & ~REPLACED, words[(at >> 2) + 1] as number);

/** Bytes of an entry, up to where the next one may begin. */
const entryBytes = (keyBytes: number, valueBytes: number): number =>
  (HEAD_BYTES + keyBytes + Math.max(0, valueBytes) + 7) & ~7;
