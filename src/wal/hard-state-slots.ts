import { crc32 } from 'node:zlib';
import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { HardState } from '../raft/types.ts';
import { damaged } from './damage.ts';
import {
  FORMAT_VERSION,
  NOWHERE,
  bufferOf,
  readHardState,
  readUint64,
  writeHardState,
  writeUint64,
  type Place,
} from './format.ts';
import { NO_HARD_STATE } from './log-state.ts';
import type { Done, Vfs, VfsFile } from './vfs.ts';

export const SLOTS_FILE = 'hard-state';
const SLOTS_FILE_NEW = 'hard-state.tmp';
/** Apart by more than any disk writes at once, so that a torn write of one slot leaves the other whole. */
const SLOT_DISTANCE = 4_096;
const SLOTS = 2;
const SLOT_BYTES = 64;
const MAGIC = 'KVRAFTHS';

/** What one slot says. */
export interface Slot {
  /** Counts the saves from 1; the slot with the higher one is the newer. */
  readonly counter: number;
  readonly hardState: HardState;
  /** The log was durable up to here when the slot was written. */
  readonly durable: Place;
}

export function encodeSlot({ counter, hardState, durable }: Slot): Uint8Array {
  const bytes = Buffer.alloc(SLOT_BYTES);
  bytes.write(MAGIC, 0, 'latin1');
  bytes.writeUInt32LE(FORMAT_VERSION, 8);
  writeUint64(bytes, 16, counter);
  writeHardState(bytes, 24, hardState);
  bytes.writeUInt32LE(durable.segment, 48);
  bytes.writeUInt32LE(durable.offset, 52);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, SLOT_BYTES - 4)), SLOT_BYTES - 4);
  return bytes;
}

/** The two slots of a file; in place of one, what is wrong with it. */
export function decodeSlots(file: Uint8Array): (Slot | string)[] {
  return [0, 1].map((number) => {
    const bytes = bufferOf(file).subarray(number * SLOT_DISTANCE, number * SLOT_DISTANCE + SLOT_BYTES);
    if (bytes.length < SLOT_BYTES) return 'the file ends before it';
    if (bytes.toString('latin1', 0, 8) !== MAGIC) return 'no hard state here (wrong magic)';
    if (crc32(bytes.subarray(0, SLOT_BYTES - 4)) !== bytes.readUInt32LE(SLOT_BYTES - 4)) {
      return 'damaged (checksum)';
    }
    const version = bytes.readUInt32LE(8);
    if (version !== FORMAT_VERSION) {
      return `written in format ${version} by another version of kvraft; this one reads format ${FORMAT_VERSION}`;
    }
    return {
      counter: readUint64(bytes, 16),
      hardState: readHardState(bytes, 24),
      durable: { segment: bytes.readUInt32LE(48), offset: bytes.readUInt32LE(52) },
    };
  });
}

/**
 * The newest slot of a folder's file; null when there is no file. One unreadable slot is the trace of a crash
 * while it was written, and what it was to say stands in the log; two are damage.
 */
export function readSlots(vfs: Vfs, folder: string): Slot | null {
  const path = `${folder}/${SLOTS_FILE}`;
  if (!vfs.exists(path)) return null;
  const slots = decodeSlots(vfs.readFile(path));
  const readable = slots.filter((slot): slot is Slot => typeof slot !== 'string');
  const [newest] = readable.sort((a, b) => b.counter - a.counter);
  if (newest === undefined) {
    throw damaged(
      path,
      0,
      `both hard-state slots are unreadable: ${slots.filter((slot) => typeof slot === 'string').join(', ')}`,
    );
  }
  return newest;
}

/**
 * The file with the two slots, which are written in turns. Beside the hard state a slot tells how far the log is
 * durable, so it is also the log's marker: it lies in a file of its own because damage to the last sectors of
 * the log would take a marker there along with what it guards, and because appends need not wait for it.
 */
export class HardStateSlots {
  readonly #file: VfsFile;
  readonly #clock: Clock;
  readonly #queue: { readonly slot: Slot; readonly done: Done }[] = [];
  #last: Slot;
  #busySinceMs: number | null = null;

  /** Opens the file; makes it, durably, where there is none. Blocks; throws on error. */
  constructor(vfs: Vfs, folder: string, clock: Clock, newest: Slot | null) {
    this.#clock = clock;
    const path = `${folder}/${SLOTS_FILE}`;
    this.#last = newest ?? { counter: 0, hardState: NO_HARD_STATE, durable: NOWHERE };
    if (newest === null) {
      this.#file = vfs.open(`${folder}/${SLOTS_FILE_NEW}`, true);
      this.#file.writeSync([new Uint8Array(SLOTS * SLOT_DISTANCE)], 0);
      this.saveNow(NO_HARD_STATE, NOWHERE);
      this.saveNow(NO_HARD_STATE, NOWHERE);
      vfs.rename(`${folder}/${SLOTS_FILE_NEW}`, path);
      vfs.syncFolder(folder);
    } else {
      this.#file = vfs.open(path, false);
      // The slot that was read may not be durable; it must be before the other one is written over.
      this.#file.syncSync();
    }
  }

  /** What was saved last, or is being saved. */
  get last(): Slot {
    return this.#last;
  }

  get bytes(): number {
    return SLOTS * SLOT_DISTANCE;
  }

  /** Since when a save has been under way, on the monotonic clock; null when none is. */
  get busySinceMs(): number | null {
    return this.#busySinceMs;
  }

  /** Writes and syncs, blocking. */
  saveNow(hardState: HardState, durable: Place): void {
    assert(this.#busySinceMs === null, 'one slot is written at a time');
    this.#last = { counter: this.#last.counter + 1, hardState, durable };
    this.#file.writeSync([encodeSlot(this.#last)], positionOf(this.#last));
    this.#file.syncSync();
  }

  /** Writes and syncs in the background; saves take their turns. `done` may tell an error; nothing is saved after one. */
  save(hardState: HardState, durable: Place, done: Done): void {
    this.#last = { counter: this.#last.counter + 1, hardState, durable };
    this.#queue.push({ slot: this.#last, done });
    if (this.#busySinceMs === null) this.#next();
  }

  close(): void {
    this.#file.close();
  }

  #next(): void {
    const save = this.#queue.shift();
    this.#busySinceMs = save === undefined ? null : this.#clock.monotonicMs();
    if (save === undefined) return;
    const { slot, done } = save;
    this.#file.write([encodeSlot(slot)], positionOf(slot), (writeError) => {
      if (writeError !== null) {
        done(writeError);
        return;
      }
      this.#file.sync((syncError) => {
        if (syncError === null) this.#next();
        done(syncError);
      });
    });
  }
}

const positionOf = ({ counter }: Slot): number => (counter % SLOTS) * SLOT_DISTANCE;
