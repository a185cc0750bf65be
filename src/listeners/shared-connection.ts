import { RPC_PREAMBLE } from '../wire/rpc-handshake.ts';
import type { ClientConnection, ConnectionStream } from './client-connection.ts';

/** Makes the logic of a connection. */
export type Connect = (stream: ConnectionStream) => ClientConnection;

/**
 * A connection to a port that serves a text protocol and RPC: the first byte tells which one the client speaks, as no
 * request in text begins with RPC's.
 */
export class SharedConnection implements ClientConnection {
  readonly #stream: ConnectionStream;
  readonly #text: Connect;
  readonly #rpc: Connect;
  /** Null before the first byte. */
  #connection: ClientConnection | null = null;

  constructor(stream: ConnectionStream, text: Connect, rpc: Connect) {
    this.#stream = stream;
    this.#text = text;
    this.#rpc = rpc;
  }

  received(chunk: Buffer): void {
    const connect = chunk[0] === RPC_PREAMBLE[0] ? this.#rpc : this.#text;
    this.#connection ??= connect(this.#stream);
    this.#connection.received(chunk);
  }

  ended(): void {
    if (this.#connection === null) this.#stream.end();
    else this.#connection.ended();
  }

  drained(): void {
    this.#connection?.drained();
  }

  closed(): void {
    this.#connection?.closed();
  }

  stop(): void {
    if (this.#connection === null) this.#stream.end();
    else this.#connection.stop();
  }

  pressureChanged(): void {
    this.#connection?.pressureChanged();
  }

  roomAgain(): void {
    this.#connection?.roomAgain();
  }

  shed(sinceMs: number, unreadSinceMs: number): void {
    this.#connection?.shed(sinceMs, unreadSinceMs);
  }
}
