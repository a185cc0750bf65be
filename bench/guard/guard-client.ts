import type { ClientConnection, ConnectionStream } from '#dist/listeners/client-connection.js';

/** How long replies take to the client and its next requests back. */
const ROUND_TRIP_MS = 0.1;

/** A client at the other end of a connection: for every reply it sends the next request. */
export class GuardClient implements ConnectionStream {
  readonly unsentBytes = 0;
  readonly #depth: number;
  readonly #request: (number: number) => Buffer;
  readonly #repliesIn: (bytes: Uint8Array) => number;
  readonly #later: (delayMs: number, callback: () => void) => unknown;
  #connection: ClientConnection | null = null;
  #sent = 0;
  #due = 0;
  replies = 0;
  /** Writes of the server to this client. */
  writes = 0;

  constructor(
    depth: number,
    request: (number: number) => Buffer,
    repliesIn: (bytes: Uint8Array) => number,
    later: (delayMs: number, callback: () => void) => unknown,
  ) {
    this.#depth = depth;
    this.#request = request;
    this.#repliesIn = repliesIn;
    this.#later = later;
  }

  start(connection: ClientConnection): void {
    this.#connection = connection;
    this.#send(this.#depth);
  }

  write(bytes: Uint8Array): void {
    this.writes++;
    const replies = this.#repliesIn(bytes);
    this.replies += replies;
    this.#send(replies);
  }

  #send(requests: number): void {
    if (this.#due === 0) {
      this.#later(ROUND_TRIP_MS, () => {
        const chunk = Buffer.concat(Array.from({ length: this.#due }, () => this.#request(this.#sent++)));
        this.#due = 0;
        this.#connection?.received(chunk);
      });
    }
    this.#due += requests;
  }

  // None of these happens to a client that reads everything and keeps to the limits.

  pause(): void {
    throw new Error('the server does not read any more');
  }

  resume(): void {
    throw new Error('the server had not stopped reading');
  }

  end(): void {
    throw new Error('the server ended the connection');
  }

  destroy(): void {
    throw new Error('the server dropped the connection');
  }
}
