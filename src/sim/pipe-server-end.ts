import { RingQueue } from '../base/ring-queue.ts';
import type { ConnectionStream } from '../listeners/client-connection.ts';
import type { AcceptedConnection } from '../listeners/rpc-service.ts';
import type { PipeServer } from './client-pipe.ts';
import type { SimProcess } from './process.ts';

/** The way to the client. */
export interface WayToClient {
  /** Calls `left` when the bytes are there. */
  send(chunk: Buffer, left: () => void): void;
  /** The server ended the connection, after everything that it sent. */
  finish(): void;
  /** The server dropped it, or is gone. */
  break(): void;
}

/** The end of a client's connection in the process of a simulated server. */
export class PipeServerEnd implements ConnectionStream {
  readonly #server: PipeServer;
  readonly #process: SimProcess;
  readonly #way: WayToClient;
  /** What has come while the server did not read. */
  readonly #unread = new RingQueue<Buffer>();
  #accepted: AcceptedConnection | null = null;
  #isPaused = false;
  #isOver = false;
  #forgetEnd = (): void => undefined;
  unsentBytes = 0;

  constructor(server: PipeServer, process: SimProcess, way: WayToClient) {
    this.#server = server;
    this.#process = process;
    this.#way = way;
  }

  /** Whether the server serves the connection; the client is told when not. Runs in the server's process. */
  open(): boolean {
    this.#accepted = this.#server.accept(this);
    if (this.#accepted === null) this.#way.break();
    else this.#forgetEnd = this.#server.onEnd(() => this.#break());
    return this.#accepted !== null;
  }

  receive(chunk: Buffer): void {
    this.#unread.push(chunk);
    this.#read();
  }

  /** The client is gone, or nobody serves it any more. */
  close(): void {
    const accepted = this.#accepted;
    this.#accepted = null;
    this.#isOver = true;
    this.#unread.clear();
    this.#forgetEnd();
    accepted?.connection.closed();
    accepted?.release();
  }

  // What the logic of the connection asks for.

  write(bytes: Uint8Array): void {
    if (this.#isOver) return;
    const chunk = Buffer.from(bytes);
    this.unsentBytes += chunk.length;
    this.#way.send(chunk, () => {
      this.unsentBytes -= chunk.length;
      this.#process.after(0, () => this.#accepted?.connection.drained());
    });
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#process.after(0, () => this.#read());
  }

  end(): void {
    if (this.#isOver) return;
    this.#way.finish();
    this.#isOver = true;
    this.#process.after(0, () => this.close());
  }

  destroy(): void {
    if (this.#isOver) return;
    this.#break();
    this.#process.after(0, () => this.close());
  }

  #read(): void {
    while (!this.#isPaused && this.#accepted !== null) {
      const chunk = this.#unread.shift();
      if (chunk === undefined) return;
      this.#accepted.connection.received(chunk);
    }
  }

  #break(): void {
    if (!this.#isOver) this.#way.break();
    this.#isOver = true;
  }
}
