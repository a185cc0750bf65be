import { crc32 } from 'node:zlib';
import { readUint32 } from './binary.ts';
import { Mixer } from './mixer.ts';
import { RECORD_HEADER_BYTES } from './records.ts';
import type { OpResult } from './replies.ts';
import { statusCode } from './replies.ts';

/** What a session's own share is made of. */
export interface HashedSession {
  readonly id: number;
  readonly lastActivityMs: number;
  readonly lowest: number;
}

/** What one part of the state adds to the sums. */
export interface Share {
  readonly a: number;
  readonly b: number;
}

/** Every kind of share starts from a word of its own, so that none can stand for another. */
const TAG = { record: 1, session: 2, reply: 3, entry: 4, counters: 5 } as const;

/**
 * A digest of the whole state as a sum, in two lanes of 32 bits, of one share for each record, session, recorded
 * reply and lease. A sum does not depend on order and is kept up by subtracting a share and adding
 * another, so it costs the same however large the state. It shows replicas that came apart and disks that decayed;
 * it is no defence against somebody who looks for collisions.
 */
export class StateHash {
  #a = 0;
  #b = 0;
  readonly #mixer = new Mixer();

  /** The two lanes, to be kept with the state. */
  get sums(): readonly [number, number] {
    return [this.#a >>> 0, this.#b >>> 0];
  }

  restore([a, b]: readonly [number, number]): void {
    this.#a = a | 0;
    this.#b = b | 0;
  }

  /** The key's record `old` became `next`; undefined where there is none. */
  replaceRecord(key: string, old: Uint8Array | undefined, next: Uint8Array | undefined): void {
    const mixer = this.#mixer;
    mixer.start(TAG.record);
    mixer.text(key);
    const { a, b } = mixer;
    if (old !== undefined) {
      mixRecord(mixer, old);
      this.#subtract();
      mixer.a = a;
      mixer.b = b;
    }
    if (next !== undefined) {
      mixRecord(mixer, next);
      this.#add();
    }
  }

  addSession(session: HashedSession): void {
    this.#mixSession(session);
    this.#add();
  }

  removeSession(session: HashedSession): void {
    this.#mixSession(session);
    this.#subtract();
  }

  /** A recorded reply's share: to be added, and kept until it is to be removed. */
  shareOfReply(session: number, number: number, results: readonly OpResult[]): Share {
    const mixer = this.#mixer;
    this.#mixReply(session, number, results);
    mixer.finish();
    return { a: mixer.a, b: mixer.b };
  }

  add({ a, b }: Share): void {
    this.#a = (this.#a + a) | 0;
    this.#b = (this.#b + b) | 0;
  }

  remove({ a, b }: Share): void {
    this.#a = (this.#a - a) | 0;
    this.#b = (this.#b - b) | 0;
  }

  /** For state that stands in the storage as it is hashed: leases. */
  addEntry(key: string, value: Uint8Array): void {
    this.#mixEntry(key, value);
    this.#add();
  }

  removeEntry(key: string, value: Uint8Array): void {
    this.#mixEntry(key, value);
    this.#subtract();
  }

  /** The digest of everything, as 16 hexadecimal digits. */
  digest(counters: readonly number[]): string {
    const mixer = this.#mixer;
    mixer.start(TAG.counters);
    for (const counter of counters) mixer.long(counter);
    mixer.finish();
    return hex(this.#a + mixer.a) + hex(this.#b + mixer.b);
  }

  #mixSession({ id, lastActivityMs, lowest }: HashedSession): void {
    const mixer = this.#mixer;
    mixer.start(TAG.session);
    mixer.long(id);
    mixer.long(lastActivityMs);
    mixer.long(lowest);
  }

  #mixReply(session: number, number: number, results: readonly OpResult[]): void {
    const mixer = this.#mixer;
    mixer.start(TAG.reply);
    mixer.long(session);
    mixer.long(number);
    mixer.word(results.length);
    for (const { status, version, value, flags = 0, lease = 0, expiresAtMs, marks = 0 } of results) {
      mixer.word(statusCode(status));
      mixer.long(version);
      if (lease !== 0) mixer.long(lease);
      if (expiresAtMs !== undefined) {
        mixer.long(expiresAtMs);
        mixer.word(marks);
      }
      if (value === undefined) continue;
      mixer.word(crc32(value));
      mixer.word(value.length);
      mixer.word(flags);
    }
  }

  #mixEntry(key: string, value: Uint8Array): void {
    const mixer = this.#mixer;
    mixer.start(TAG.entry);
    mixer.text(key);
    mixer.word(value.length);
    for (const byte of value) mixer.word(byte);
  }

  #add(): void {
    this.#mixer.finish();
    this.add(this.#mixer);
  }

  #subtract(): void {
    this.#mixer.finish();
    this.remove(this.#mixer);
  }
}

/** Every field of the header, the value's checksum among them, and the length. */
function mixRecord(mixer: Mixer, record: Uint8Array): void {
  for (let at = 0; at < RECORD_HEADER_BYTES; at += 4) mixer.word(readUint32(record, at));
  mixer.word(record.length);
}

const hex = (lane: number): string => (lane >>> 0).toString(16).padStart(8, '0');
