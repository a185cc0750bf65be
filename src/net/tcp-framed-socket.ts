import type { Socket } from 'node:net';
import type { KvraftError } from '../base/errors.ts';
import { FrameDecoder } from '../base/frame.ts';
import { decoded } from '../base/protocol-error.ts';

export interface FramedSocketEvents {
  /** The payload of a frame. Its bytes are never reused. */
  onFrame(payload: Buffer): void;
  /** The connection is gone, called once and never inside a method; null where nobody is to blame. */
  onClose(error: Error | null): void;
}

/** A socket that speaks frames. A frame that is none ends it. */
export class FramedSocket {
  readonly #socket: Socket;
  readonly #decoder: FrameDecoder;
  readonly #events: FramedSocketEvents;
  #error: Error | null = null;

  constructor(socket: Socket, frameBytesMax: number, events: FramedSocketEvents) {
    this.#socket = socket;
    this.#decoder = new FrameDecoder(frameBytesMax);
    this.#events = events;
    socket.on('data', (chunk) => this.#onData(chunk));
    socket.on('error', (error) => (this.#error ??= error));
    socket.on('close', () => events.onClose(this.#error));
  }

  /** Longest payload that is taken from now on, in bytes. */
  set frameBytesMax(bytes: number) {
    this.#decoder.frameBytesMax = bytes;
  }

  /** Bytes that the system has not taken yet. */
  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  /** Writes all buffers in one go; `done` is called once the system has taken them, and not at all if it never does. */
  write(buffers: readonly Buffer[], done?: () => void): void {
    const last = buffers.length - 1;
    this.#socket.cork();
    for (const [i, buffer] of buffers.entries()) {
      if (i < last || done === undefined) this.#socket.write(buffer);
      else this.#socket.write(buffer, (error) => (error ? undefined : done()));
    }
    this.#socket.uncork();
  }

  /** Says a last thing; the connection closes once it is said. Nothing more is read. */
  end(buffer: Buffer): void {
    this.#socket.removeAllListeners('data');
    this.#socket.resume();
    this.#socket.end(buffer);
  }

  /** Closes at once. `error` is the reason that `onClose` is given. */
  destroy(error: KvraftError | null): void {
    this.#error ??= error;
    this.#socket.destroy();
  }

  #onData(chunk: Buffer): void {
    this.#decoder.push(chunk);
    while (!this.#socket.destroyed && this.#socket.writable) {
      const payload = decoded(() => this.#decoder.next());
      if (payload instanceof Error) return this.destroy(payload);
      if (payload === null) return;
      this.#events.onFrame(payload);
    }
  }
}
