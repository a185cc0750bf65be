import { connect, type Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import type { TextDialect } from '../wire/text-dialects.ts';
import { ReplyReader, type Reply } from './reply.ts';

/** A reply, or that none came in time, or that the connection ended. */
export type Answer = Reply | { readonly kind: 'silence' } | { readonly kind: 'closed' };

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Nobody takes connections at an address. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

/** One TCP connection to a server: bytes out, replies in. */
export class Connection {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #reader: ReplyReader;
  readonly #replies: Reply[] = [];
  #closed = false;
  #wake = (): void => undefined;

  private constructor(socket: Socket, clock: Clock, dialect: TextDialect) {
    this.#socket = socket;
    this.#clock = clock;
    this.#reader = new ReplyReader(dialect);
    socket.setNoDelay(true);
    socket.on('data', (chunk) => {
      this.#replies.push(...this.#reader.push(chunk));
      this.#wake();
    });
    const ended = (): void => {
      this.#closed = true;
      this.#wake();
    };
    socket.on('end', ended);
    socket.on('error', ended);
    socket.on('close', ended);
  }

  /** Rejects with `Unreachable`. */
  static open(
    { host, port }: Address,
    clock: Clock,
    dialect: TextDialect,
    timeoutMs: number,
  ): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, allowHalfOpen: true });
      const fail = (why: string): void => {
        socket.destroy();
        reject(new Unreachable(`cannot connect to ${host}:${port}: ${why}`));
      };
      const patience = clock.setTimer(timeoutMs, () => fail(`nothing within ${timeoutMs} ms`));
      socket.once('error', (error) => {
        patience.cancel();
        fail(error.message);
      });
      socket.once('connect', () => {
        patience.cancel();
        socket.removeAllListeners('error');
        resolve(new Connection(socket, clock, dialect));
      });
    });
  }

  /** The server has ended the connection, and everything that it sent was taken. */
  get isOver(): boolean {
    return this.#closed && this.#replies.length === 0;
  }

  /** What came behind the last whole reply. */
  get rest(): Buffer {
    return this.#reader.rest;
  }

  /** Resolves once the bytes are with the network, or the connection is gone. */
  send(bytes: Buffer | string): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.destroyed || !this.#socket.writable) return resolve();
      this.#socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, () => resolve());
    });
  }

  /** Sends nothing more; replies may still come. */
  end(): void {
    this.#socket.end();
  }

  /** The next reply; silence if none comes within `timeoutMs`. */
  answer(timeoutMs: number): Promise<Answer> {
    const reply = this.#replies.shift();
    if (reply !== undefined) return Promise.resolve(reply);
    if (this.#closed) return Promise.resolve({ kind: 'closed' });
    return new Promise((resolve) => {
      const settle = (answer: Answer): void => {
        this.#wake = () => undefined;
        patience.cancel();
        resolve(answer);
      };
      const patience = this.#clock.setTimer(timeoutMs, () => settle({ kind: 'silence' }));
      this.#wake = () => {
        const next = this.#replies.shift();
        if (next !== undefined) settle(next);
        else if (this.#closed) settle({ kind: 'closed' });
      };
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Breaks the connection off, so that the server sees a reset. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }
}
