import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { KvraftError, messageOf } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Admission } from './admission.ts';
import type { ClientConnection, ConnectionStream } from './client-connection.ts';
import type { Listener } from './listener.ts';

export interface SocketListenerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Shared by all listeners of the server. */
  readonly admission: Admission;
  /** 0: any free one. */
  readonly port: number;
  /** The address to listen at; all of the machine's when left out. */
  readonly host?: string;
  /** Makes the logic of a connection. */
  readonly connect: (stream: ConnectionStream) => ClientConnection;
  /** What a client is told that the server has no room for; its connection ends with it. */
  readonly refusal: Uint8Array;
}

/** How long a connection that was ended may take to send its last replies and to be closed by its client, too. */
const closingMsMax = 5_000;

/** The same when the server stops: a client that neither reads nor closes does not hold it up. */
const stoppingMsMax = 1_000;

/** Refused clients that are told so at a time; more are just closed. */
const refusedMax = 1_000;

/** A client that vanished without a word is found out after about this time. */
const keepAliveDelayMs = 60_000;

/** Connections the kernel holds until they are accepted. */
const backlog = 1_024;

/** Serves clients on one port: owns the sockets, and leaves what is said on them to the connections. */
export class SocketListener implements Listener {
  readonly #options: SocketListenerOptions;
  readonly #server: Server;
  readonly #connections = new Map<Socket, ClientConnection>();
  /** Connections beyond the limit, which are told so and closed. */
  readonly #refused = new Set<Socket>();
  #port = 0;
  /** The port is free, and all sockets are closed. */
  #isClosed = false;
  #onClosed = (): void => undefined;

  constructor(options: SocketListenerOptions) {
    this.#options = options;
    const server = createServer({
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: keepAliveDelayMs,
    });
    server.on('connection', (socket) => this.#accept(socket));
    this.#server = server;
  }

  /** Connections of this listener. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Where it listens, once it does. */
  get port(): number {
    return this.#port;
  }

  /** Resolves once clients can connect. Rejects with INVALID_CONFIG if the port cannot be had. */
  start(): Promise<void> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => {
        const message = `cannot listen for clients on port ${port}: ${messageOf(error)}`;
        reject(new KvraftError('INVALID_CONFIG', message, { cause: error }));
      };
      this.#server.once('error', fail);
      this.#server.listen({ port, backlog, ...(host === undefined ? {} : { host }) }, () => {
        this.#server.off('error', fail);
        this.#server.on('error', (error) => {
          this.#options.logger.warn({ port: this.#port, error: messageOf(error) }, 'cannot accept a client');
        });
        this.#port = (this.#server.address() as AddressInfo).port;
        resolve();
      });
    });
  }

  /**
   * Takes no new connections and requests, answers the requests that were received, and calls back when all
   * connections are closed: `stoppingMsMax` from now at the latest.
   */
  stop(done: () => void): void {
    const patience = this.#options.clock.setTimer(stoppingMsMax, () => {
      for (const socket of [...this.#connections.keys(), ...this.#refused]) socket.destroy();
    });
    this.#onClosed = () => {
      patience.cancel();
      done();
    };
    this.#server.close(() => {
      this.#isClosed = true;
      this.#checkClosed();
    });
    for (const connection of this.#connections.values()) connection.stop();
  }

  #checkClosed(): void {
    if (!this.#isClosed || this.#connections.size > 0) return;
    this.#onClosed();
    this.#onClosed = () => undefined;
  }

  #accept(socket: Socket): void {
    const stream = new SocketStream(socket, this.#options.clock);
    const connection = this.#options.connect(stream);
    // A client that breaks off is no fault of the server's; `close` follows.
    socket.on('error', () => undefined);
    if (!this.#options.admission.join(connection)) {
      this.#refuse(socket, stream);
      return;
    }
    this.#connections.set(socket, connection);
    stream.onSent = () => connection.drained();
    socket.on('data', (chunk) => connection.received(chunk));
    socket.on('end', () => connection.ended());
    socket.on('close', () => {
      this.#connections.delete(socket);
      this.#options.admission.leave(connection);
      connection.closed();
      this.#checkClosed();
    });
  }

  #refuse(socket: Socket, stream: SocketStream): void {
    if (this.#refused.size >= refusedMax) {
      socket.destroy();
      return;
    }
    this.#refused.add(socket);
    socket.on('close', () => this.#refused.delete(socket));
    stream.write(this.#options.refusal);
    stream.end();
  }
}

/** A socket as the logic of a connection uses it. */
class SocketStream implements ConnectionStream {
  /** Some of what was written has left, or never will. */
  onSent = (): void => undefined;
  readonly #socket: Socket;
  readonly #clock: Clock;

  constructor(socket: Socket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
  }

  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes, this.#sent);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /**
   * Goes on reading, and drops what it reads: a socket that is closed with input unread is reset, and the client
   * might lose the last replies.
   */
  end(): void {
    this.#socket.resume();
    this.#socket.end(() => {
      if (this.#socket.destroyed) return;
      const patience = this.#clock.setTimer(closingMsMax, () => this.destroy());
      this.#socket.once('close', () => patience.cancel());
    });
  }

  destroy(): void {
    this.#socket.destroy();
  }

  readonly #sent = (): void => this.onSent();
}
