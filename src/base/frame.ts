import { crc32 } from 'node:zlib';
import { assert } from './assert.ts';
import { pack } from './msgpack.ts';
import { protocolError } from './protocol-error.ts';

/** Length of the payload and CRC-32 of the payload, four bytes each, little-endian. */
export const FRAME_HEADER_BYTES = 8;

/** The frame without a payload: asks for, and is, a sign of life. */
export const EMPTY_FRAME: Buffer = Buffer.alloc(FRAME_HEADER_BYTES);

/** What the first piece of an incomplete frame is given room for, at least. */
const PARTIAL_BYTES_MIN = 512;

/** Encodes `value` into one frame. */
export function packFrame(value: unknown): Buffer {
  const frame = pack(value, FRAME_HEADER_BYTES);
  sealFrame(frame, null);
  return frame;
}

/**
 * Fills in the header that `head` begins with. The payload is the rest of `head` and, where there is one, `tail`,
 * which is to be sent right behind it.
 */
export function sealFrame(head: Buffer, tail: Buffer | null): void {
  const payload = head.subarray(FRAME_HEADER_BYTES);
  head.writeUInt32LE(payload.length + (tail?.length ?? 0), 0);
  head.writeUInt32LE(tail === null ? crc32(payload) : crc32(tail, crc32(payload)), 4);
}

/**
 * Cuts a stream of bytes into frames. A frame that came in one piece aliases that piece; any other is put together
 * in a buffer of its own, which grows with the bytes that arrived, whatever length the frame claims. Neither is
 * ever written to again, so what is decoded from a payload may be kept as it is.
 */
export class FrameDecoder {
  /** Longest payload from now on, in bytes. */
  frameBytesMax: number;
  #chunk: Buffer = EMPTY_FRAME.subarray(0, 0);
  #at = 0;
  /** The beginning of an incomplete frame, header included; its first `#filled` bytes count. */
  #partial: Buffer | null = null;
  #filled = 0;

  constructor(frameBytesMax: number) {
    this.frameBytesMax = frameBytesMax;
  }

  /** Bytes that are held of a frame that is not complete. */
  get partialBytes(): number {
    return this.#partial === null ? 0 : this.#filled;
  }

  /** Takes the next bytes, which belong to the decoder from now on. Only when `next` has returned null. */
  push(chunk: Buffer): void {
    assert(this.#at === this.#chunk.length, 'the chunk before is used up');
    this.#chunk = chunk;
    this.#at = 0;
  }

  /** The payload of the next frame, or null until more bytes come. Throws `PROTOCOL` when there is none to come. */
  next(): Buffer | null {
    if (this.#partial === null) {
      const rest = this.#chunk.subarray(this.#at);
      const frameBytes = this.#frameBytes(rest, rest.length);
      if (frameBytes <= rest.length) {
        this.#at += frameBytes;
        return checked(rest.subarray(0, frameBytes));
      }
      if (rest.length === 0) return null;
    }
    const frame = this.#fill();
    return frame === null ? null : checked(frame);
  }

  /** Moves bytes into the partial frame; returns it when it is complete. */
  #fill(): Buffer | null {
    for (;;) {
      const frameBytes = this.#frameBytes(this.#partial ?? EMPTY_FRAME, this.#filled);
      if (this.#filled === frameBytes) break;
      const available = this.#chunk.length - this.#at;
      if (available === 0) return null;
      const count = Math.min(frameBytes - this.#filled, available);
      const partial = this.#reserve(this.#filled + count, frameBytes);
      this.#chunk.copy(partial, this.#filled, this.#at, this.#at + count);
      this.#filled += count;
      this.#at += count;
    }
    const frame = this.#partial?.subarray(0, this.#filled) ?? null;
    this.#partial = null;
    this.#filled = 0;
    return frame;
  }

  /** The partial frame with room for `bytes`: doubled as needed, never larger than the frame. */
  #reserve(bytes: number, frameBytes: number): Buffer {
    if (this.#partial !== null && this.#partial.length >= bytes) return this.#partial;
    const room = Math.max(bytes, Math.min(frameBytes, Math.max(2 * bytes, PARTIAL_BYTES_MIN)));
    const larger = Buffer.allocUnsafeSlow(room);
    this.#partial?.copy(larger, 0, 0, this.#filled);
    this.#partial = larger;
    return larger;
  }

  /** Bytes of the frame that begins in `bytes`, or of its header as long as that is not complete. */
  #frameBytes(bytes: Buffer, length: number): number {
    if (length < FRAME_HEADER_BYTES) return FRAME_HEADER_BYTES;
    const payloadBytes = bytes.readUInt32LE(0);
    if (payloadBytes > this.frameBytesMax) {
      throw protocolError(`a frame of ${payloadBytes} bytes, where ${this.frameBytesMax} are allowed`);
    }
    return FRAME_HEADER_BYTES + payloadBytes;
  }
}

function checked(frame: Buffer): Buffer {
  const payload = frame.subarray(FRAME_HEADER_BYTES);
  if (crc32(payload) !== frame.readUInt32LE(4)) throw protocolError('a frame with a wrong checksum');
  return payload;
}
