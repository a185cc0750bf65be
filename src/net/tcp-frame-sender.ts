import { queueBytesMax, type Channel } from './channel.ts';
import { EMPTY_FRAME } from '../base/frame.ts';
import { netLimits } from './net-limits.ts';
import { protocolError } from '../base/protocol-error.ts';
import { SendQueue } from './send-queue.ts';
import type { TransportCounters } from './tcp-context.ts';
import type { FramedSocket } from './tcp-framed-socket.ts';

/** What a sender needs of its socket. */
export type SenderSocket = Pick<FramedSocket, 'write' | 'destroy'>;

/**
 * The sending side of a connection that stands: what waits, what the socket has, and whether anything still gets
 * through. All that comes back are the signs of life that it asks for, once a second.
 */
export class FrameSender {
  readonly #socket: SenderSocket;
  readonly #queueBytesMax: number;
  readonly #counters: TransportCounters;
  readonly #queue = new SendQueue();
  /** Bytes handed to the socket, and those of them that the system took, since the beginning. */
  #writtenBytes = 0;
  #takenBytes = 0;
  /** Bytes up to and with the question for a sign of life; null while none is awaited. */
  #askedAtByte: number | null = null;
  /** Ticks since something last got through. */
  #silentTicks = 0;

  constructor(socket: SenderSocket, channel: Channel, counters: TransportCounters) {
    this.#socket = socket;
    this.#queueBytesMax = queueBytesMax[channel];
    this.#counters = counters;
  }

  get hasRoom(): boolean {
    return this.#queue.bytes < this.#queueBytesMax;
  }

  /** Bytes that wait here and in the socket. */
  get unsentBytes(): number {
    return this.#queue.bytes + this.#writtenBytes - this.#takenBytes;
  }

  /** Queues a frame, in parts; `flush` sends it. */
  push(parts: readonly Buffer[]): void {
    for (const part of parts) this.#queue.push(part);
  }

  /** Hands the socket what waits, as far as the system keeps up. */
  flush(): void {
    for (;;) {
      const room = netLimits.socketBytesMax - (this.#writtenBytes - this.#takenBytes);
      const pieces = this.#queue.take(Math.min(room, netLimits.writeBytesMax));
      if (pieces.length === 0) return;
      const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
      this.#writtenBytes += bytes;
      this.#counters.bytesSent += bytes;
      this.#socket.write(pieces, () => this.#onTaken(bytes));
    }
  }

  /** Called once a second: asks for a sign of life, and gives the connection up when there is none for too long. */
  tick(): void {
    if (this.#askedAtByte === null) {
      this.#queue.push(EMPTY_FRAME);
      this.#askedAtByte = this.#writtenBytes + this.#queue.bytes;
      this.#silentTicks = 0;
      this.flush();
    } else if (++this.#silentTicks > netLimits.silentTicksMax) {
      this.#socket.destroy(protocolError('nothing gets through to the server'));
    }
  }

  onFrame(payload: Buffer): void {
    if (payload.length > 0 || this.#askedAtByte === null) {
      return this.#socket.destroy(protocolError('the server spoke on a connection that it only listens on'));
    }
    this.#askedAtByte = null;
  }

  #onTaken(bytes: number): void {
    this.#takenBytes += bytes;
    // Once the question is out, only the answer proves anything: the system takes bytes for a dead peer, too.
    if (this.#askedAtByte !== null && this.#takenBytes < this.#askedAtByte) this.#silentTicks = 0;
    this.flush();
  }
}
