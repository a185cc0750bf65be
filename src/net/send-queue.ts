import { assert } from '../base/assert.ts';
import { RingQueue } from '../base/ring-queue.ts';

/** Buffers up to this size are copied together; a larger one is worth a place of its own in a gathered write. */
const JOIN_BYTES_MAX = 4_096;

/** The bytes that wait for one socket. */
export class SendQueue {
  readonly #buffers = new RingQueue<Buffer>();
  /** Bytes of the first buffer that were taken already. */
  #taken = 0;
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  push(buffer: Buffer): void {
    this.#buffers.push(buffer);
    this.#bytes += buffer.length;
  }

  /** Takes up to `bytesMax` bytes off the front, in pieces to be written in one go: small ones joined, large ones cut. */
  take(bytesMax: number): Buffer[] {
    const pieces: Buffer[] = [];
    let small: Buffer[] = [];
    const join = (): void => {
      if (small.length > 0) pieces.push(small.length === 1 ? (small[0] as Buffer) : Buffer.concat(small));
      small = [];
    };
    for (let room = bytesMax; room > 0 && this.#bytes > 0;) {
      const piece = this.#shift(room);
      room -= piece.length;
      if (piece.length <= JOIN_BYTES_MAX) small.push(piece);
      else {
        join();
        pieces.push(piece);
      }
    }
    join();
    return pieces;
  }

  #shift(bytesMax: number): Buffer {
    const first = this.#buffers.peek();
    assert(first !== undefined, 'a queue with bytes has a buffer');
    const piece = first.subarray(this.#taken, this.#taken + bytesMax);
    this.#taken += piece.length;
    this.#bytes -= piece.length;
    if (this.#taken === first.length) {
      this.#buffers.shift();
      this.#taken = 0;
    }
    return piece;
  }
}
