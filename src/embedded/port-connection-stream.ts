import type { MessagePort } from 'node:worker_threads';
import { RingQueue } from '../base/ring-queue.ts';
import type { ConnectionStream } from '../listeners/client-connection.ts';
import type { AcceptedConnection } from '../listeners/rpc-service.ts';
import { transferable, type PortMessage } from './port-messages.ts';

/** Gives a stream to whoever serves it; null when no more are served. */
type Accept = (stream: ConnectionStream) => AcceptedConnection | null;

/** The server's end of a connection over a message port. */
export class PortConnectionStream implements ConnectionStream {
  readonly #port: MessagePort;
  /** What has come while the connection did not read. */
  readonly #unread = new RingQueue<Buffer>();
  #accepted: AcceptedConnection | null;
  #isPaused = false;
  #isOver = false;
  unsentBytes = 0;

  /** Serves what comes through the port until it is closed. */
  static serve(port: MessagePort, accept: Accept): PortConnectionStream {
    return new PortConnectionStream(port, accept);
  }

  private constructor(port: MessagePort, accept: Accept) {
    this.#port = port;
    this.#accepted = accept(this);
    port.on('message', (message: PortMessage) => this.#received(message));
    port.on('close', () => this.#closed());
    if (this.#accepted === null) port.close();
    else this.#post({ type: 'opened' });
  }

  write(bytes: Uint8Array): void {
    if (this.#isOver) return;
    this.unsentBytes += bytes.length;
    const chunk = transferable(bytes);
    this.#post({ type: 'chunk', bytes: chunk }, [chunk.buffer]);
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    // Never inside the call.
    queueMicrotask(() => this.#read());
  }

  end(): void {
    if (this.#isOver) return;
    // The client closes its end when it has everything.
    this.#isOver = true;
    this.#post({ type: 'end' });
  }

  destroy(): void {
    this.#isOver = true;
    this.#port.close();
  }

  #received(message: PortMessage): void {
    if (message.type === 'taken') {
      this.unsentBytes -= message.bytes;
      this.#accepted?.connection.drained();
    } else if (message.type === 'chunk' && !this.#isOver) {
      const { buffer, byteOffset, byteLength } = message.bytes;
      this.#unread.push(Buffer.from(buffer, byteOffset, byteLength));
      this.#read();
    }
  }

  #read(): void {
    while (!this.#isPaused && this.#accepted !== null) {
      const chunk = this.#unread.shift();
      if (chunk === undefined) return;
      this.#accepted.connection.received(chunk);
    }
  }

  #post(message: PortMessage, transfer: ArrayBuffer[] = []): void {
    this.#port.postMessage(message, transfer);
  }

  #closed(): void {
    const accepted = this.#accepted;
    this.#accepted = null;
    this.#isOver = true;
    this.#unread.clear();
    accepted?.connection.closed();
    accepted?.release();
  }
}
