import { crc32 } from 'node:zlib';
import { KvraftError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { readRecords, recordBytes, writeRecord } from './batch-format.ts';
import { POSITION_KEY } from './keys.ts';
import type { Position, StateKey } from './store.ts';

/*
 * A snapshot on its way to another server: a stream of frames, which may be cut anywhere. A frame is the length
 * of its payload (u32), the CRC-32 of the payload (u32), the payload; the payload's first byte is its kind:
 *
 *   1 header   magic "kvsn", format (u32), index, term, stamp (f64 each); the first frame, once
 *   2 entries  as in batch-format.ts, keys ascending over all frames
 *   3 end      number of entries (f64), CRC-32 over the payloads of all frames before (u32); the last, once
 *
 * Numbers are little-endian. A stream that does not end with an end frame that fits is refused.
 */

const HEADER = 1;
const ENTRIES = 2;
const END = 3;

const MAGIC = 0x6e73_766b;
const FORMAT = 1;
const FRAME_HEADER_BYTES = 8;
const HEADER_PAYLOAD_BYTES = 33;
const END_PAYLOAD_BYTES = 13;
/** One entry of the largest size, beside a chunk of others. */
const PAYLOAD_BYTES_MAX = limits.frameBytesMax;

/** Turns a state into the frames of a snapshot, one a call. */
export class SnapshotEncoder {
  readonly #position: Position;
  readonly #entries: Iterator<[StateKey, Uint8Array]>;
  readonly #chunkBytes: number;
  #started = false;
  #ended = false;
  #count = 0;
  #crc = 0;

  constructor(position: Position, entries: Iterator<[StateKey, Uint8Array]>, chunkBytes: number) {
    this.#position = position;
    this.#entries = entries;
    this.#chunkBytes = chunkBytes;
  }

  /** The next frame of about `chunkBytes` (larger for a large value); null after the last. */
  next(): Uint8Array | null {
    if (this.#ended) return null;
    if (!this.#started) {
      this.#started = true;
      return this.#header();
    }
    const records: [StateKey, Uint8Array][] = [];
    let bytes = 0;
    while (bytes < this.#chunkBytes) {
      const step = this.#entries.next();
      if (step.done === true) break;
      records.push(step.value);
      bytes += recordBytes(...step.value);
    }
    if (records.length === 0) return this.#end();
    this.#count += records.length;
    const frame = newFrame(ENTRIES, 1 + bytes);
    let offset = FRAME_HEADER_BYTES + 1;
    for (const [key, value] of records) offset = writeRecord(frame, offset, key, value);
    return this.#seal(frame);
  }

  #header(): Uint8Array {
    const frame = newFrame(HEADER, HEADER_PAYLOAD_BYTES);
    frame.writeUInt32LE(MAGIC, 9);
    frame.writeUInt32LE(FORMAT, 13);
    frame.writeDoubleLE(this.#position.index, 17);
    frame.writeDoubleLE(this.#position.term, 25);
    frame.writeDoubleLE(this.#position.stampMs, 33);
    return this.#seal(frame);
  }

  #end(): Uint8Array {
    this.#ended = true;
    const frame = newFrame(END, END_PAYLOAD_BYTES);
    frame.writeDoubleLE(this.#count, 9);
    frame.writeUInt32LE(this.#crc, 17);
    return this.#seal(frame);
  }

  #seal(frame: Buffer): Uint8Array {
    const payload = frame.subarray(FRAME_HEADER_BYTES);
    frame.writeUInt32LE(crc32(payload), 4);
    this.#crc = crc32(payload, this.#crc);
    return frame;
  }
}

function newFrame(kind: number, payloadBytes: number): Buffer {
  const frame = Buffer.allocUnsafeSlow(FRAME_HEADER_BYTES + payloadBytes);
  frame.writeUInt32LE(payloadBytes, 0);
  frame[FRAME_HEADER_BYTES] = kind;
  return frame;
}

/** Takes the bytes of a snapshot as they come, cut anywhere, and checks them. */
export class SnapshotDecoder {
  readonly #position: Position;
  readonly #frameHeader = Buffer.alloc(FRAME_HEADER_BYTES);
  #frameHeaderBytes = 0;
  /** The frame that is being received, in memory of its own. */
  #payload: Buffer<ArrayBuffer> | null = null;
  #payloadBytes = 0;
  #started = false;
  #complete = false;
  #count = 0;
  #crc = 0;
  #lastKey: StateKey = '';

  /** The snapshot must be of this position. */
  constructor(position: Position) {
    this.#position = position;
  }

  /** Whether the end frame has come, and fitted. */
  get complete(): boolean {
    return this.#complete;
  }

  /**
   * Returns the entries, encoded as in batch-format.ts, of the frames that these bytes completed; each array has a
   * buffer of its own. Throws `PROTOCOL` for anything that is not the next part of the snapshot.
   */
  push(chunk: Uint8Array): Uint8Array<ArrayBuffer>[] {
    const ready: Uint8Array<ArrayBuffer>[] = [];
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#complete) throw damaged('bytes behind its end');
      if (this.#payload === null) offset += this.#takeFrameHeader(chunk.subarray(offset));
      else offset += this.#takePayload(this.#payload, chunk.subarray(offset));
      if (this.#payload === null || this.#payloadBytes < this.#payload.length) continue;
      const entries = this.#takeFrame(this.#payload);
      if (entries !== null) ready.push(entries);
      this.#payload = null;
      this.#frameHeaderBytes = 0;
    }
    return ready;
  }

  #takeFrameHeader(bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, FRAME_HEADER_BYTES - this.#frameHeaderBytes);
    this.#frameHeader.set(bytes.subarray(0, taken), this.#frameHeaderBytes);
    this.#frameHeaderBytes += taken;
    if (this.#frameHeaderBytes < FRAME_HEADER_BYTES) return taken;
    const length = this.#frameHeader.readUInt32LE(0);
    if (length === 0 || length > PAYLOAD_BYTES_MAX) throw damaged(`a frame of ${length} bytes`);
    this.#payload = Buffer.from(new ArrayBuffer(length));
    this.#payloadBytes = 0;
    return taken;
  }

  #takePayload(payload: Buffer, bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, payload.length - this.#payloadBytes);
    payload.set(bytes.subarray(0, taken), this.#payloadBytes);
    this.#payloadBytes += taken;
    return taken;
  }

  #takeFrame(payload: Buffer<ArrayBuffer>): Uint8Array<ArrayBuffer> | null {
    if (crc32(payload) !== this.#frameHeader.readUInt32LE(4)) throw damaged('a wrong checksum');
    const kind = payload[0];
    if (kind === HEADER) this.#takeHeader(payload);
    else if (!this.#started) throw damaged('no header');
    else if (kind === END) this.#takeEnd(payload);
    else if (kind === ENTRIES) this.#checkEntries(payload.subarray(1));
    else throw damaged(`a frame of kind ${kind}`);
    this.#crc = crc32(payload, this.#crc);
    return kind === ENTRIES ? payload.subarray(1) : null;
  }

  #takeHeader(payload: Buffer): void {
    if (this.#started) throw damaged('a second header');
    if (payload.length !== HEADER_PAYLOAD_BYTES || payload.readUInt32LE(1) !== MAGIC)
      throw damaged('no header');
    const format = payload.readUInt32LE(5);
    if (format !== FORMAT) throw damaged(`format ${format}, and this version of kvraft reads ${FORMAT}`);
    const { index, term, stampMs } = this.#position;
    const fits =
      payload.readDoubleLE(9) === index &&
      payload.readDoubleLE(17) === term &&
      payload.readDoubleLE(25) === stampMs;
    if (!fits) throw damaged('another position than the one that was announced');
    this.#started = true;
  }

  #checkEntries(records: Uint8Array): void {
    readRecords(records, (key, value) => {
      if (value === null || key <= this.#lastKey || key === POSITION_KEY) throw damaged('misplaced entries');
      this.#lastKey = key;
      this.#count++;
    });
  }

  #takeEnd(payload: Buffer): void {
    const fits =
      payload.length === END_PAYLOAD_BYTES &&
      payload.readDoubleLE(1) === this.#count &&
      payload.readUInt32LE(9) === this.#crc;
    if (!fits) throw damaged('an end that does not fit what came before');
    this.#complete = true;
  }
}

const damaged = (what: string): KvraftError =>
  new KvraftError('PROTOCOL', `the snapshot is damaged: ${what}`, { retryable: true });
