import type { MessagePort } from 'node:worker_threads';
import { nodeClock } from '../base/node-clock.ts';
import type { ClientStream, StreamHandler } from '../client/dial.ts';
import { transferable, type PortMessage } from './port-messages.ts';

/** The client's end of a connection over a message port. */
export class PortClientStream implements ClientStream {
  readonly #port: MessagePort;
  readonly #handler: StreamHandler;
  #isClosed = false;
  #takenBytes = 0;

  constructor(port: MessagePort, handler: StreamHandler) {
    this.#port = port;
    this.#handler = handler;
    port.on('message', (message: PortMessage) => this.#received(message));
    // The thread at the other end is gone, or has dropped the connection.
    port.on('close', () => this.#closed(new Error('the server closed the connection')));
  }

  write(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    const chunk = transferable(bytes);
    this.#port.postMessage({ type: 'chunk', bytes: chunk } satisfies PortMessage, [chunk.buffer]);
  }

  close(): void {
    if (this.#isClosed) return;
    nodeClock.defer(() => this.#closed(null));
    this.#port.close();
  }

  #received(message: PortMessage): void {
    if (this.#isClosed) return;
    switch (message.type) {
      case 'opened':
        return this.#handler.opened();
      case 'chunk': {
        const { buffer, byteOffset, byteLength } = message.bytes;
        this.#acknowledge(byteLength);
        return this.#handler.received(Buffer.from(buffer, byteOffset, byteLength));
      }
      case 'end':
        this.#closed(null);
        return this.#port.close();
      case 'taken':
    }
  }

  /** Once a turn for all chunks of the turn. */
  #acknowledge(bytes: number): void {
    this.#takenBytes += bytes;
    if (this.#takenBytes > bytes) return;
    nodeClock.defer(() => {
      const message: PortMessage = { type: 'taken', bytes: this.#takenBytes };
      this.#takenBytes = 0;
      if (!this.#isClosed) this.#port.postMessage(message);
    });
  }

  #closed(error: Error | null): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#handler.closed(error);
  }
}
