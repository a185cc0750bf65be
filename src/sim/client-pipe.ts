import type { ClientStream, StreamHandler } from '../client/dial.ts';
import type { ConnectionStream } from '../listeners/client-connection.ts';
import type { AcceptedConnection } from '../listeners/rpc-service.ts';
import type { SimNetwork } from './network.ts';
import { PipeLine } from './pipe-line.ts';
import { PipeServerEnd } from './pipe-server-end.ts';
import type { SimProcess } from './process.ts';
import type { Scheduling } from './scheduler.ts';

/** A server as a client's connection finds it. */
export interface PipeServer {
  readonly id: number;
  /** Null while it is down: connections are refused. */
  readonly process: SimProcess | null;
  /** Serves a connection that has come; null when the server takes none now. */
  accept(stream: ConnectionStream): AcceptedConnection | null;
  /** Calls back once when the process is gone; returns how to take that back. */
  onEnd(callback: () => void): () => void;
}

/** Where a client runs. */
export interface PipeClient {
  /** What partitions call its machine: no server's id. */
  readonly id: number;
  readonly process: SimProcess;
}

const refused = (): Error => Object.assign(new Error('connection refused'), { code: 'ECONNREFUSED' });
const reset = (): Error => Object.assign(new Error('connection reset'), { code: 'ECONNRESET' });

/** The client's end of a connection to a simulated server. */
export class ClientPipe implements ClientStream {
  readonly #client: PipeClient;
  readonly #server: PipeServer;
  readonly #handler: StreamHandler;
  readonly #toServer: PipeLine;
  readonly #toClient: PipeLine;
  #isClosed = false;
  /** The server's process that the connection came to, and the end there once it was taken. */
  #acceptor: SimProcess | null = null;
  #serverEnd: PipeServerEnd | null = null;

  /** Starts to connect. */
  constructor(
    network: SimNetwork,
    scheduler: Scheduling,
    client: PipeClient,
    server: PipeServer,
    handler: StreamHandler,
  ) {
    this.#client = client;
    this.#server = server;
    this.#handler = handler;
    this.#toServer = new PipeLine(network, scheduler, client.id, server.id);
    this.#toClient = new PipeLine(network, scheduler, server.id, client.id);
    this.#toServer.enter(() => this.#knock());
  }

  write(bytes: Uint8Array): void {
    const chunk = Buffer.from(bytes);
    this.#toServer.enter(() => this.#acceptor?.after(0, () => this.#serverEnd?.receive(chunk)));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#toServer.enter(() => this.#acceptor?.after(0, () => this.#serverEnd?.close()));
    this.#client.process.after(0, () => this.#end(null));
  }

  /** The wish to connect has come to the server. */
  #knock(): void {
    const { process } = this.#server;
    if (process === null) return this.#tell(() => this.#end(refused()));
    this.#acceptor = process;
    process.after(0, () => {
      const end = new PipeServerEnd(this.#server, process, {
        send: (chunk, left) => {
          this.#tell(() => {
            left();
            if (!this.#isClosed) this.#handler.received(chunk);
          });
        },
        finish: () => this.#tell(() => this.#end(null)),
        break: () => this.#tell(() => this.#end(reset())),
      });
      if (!end.open()) return;
      this.#serverEnd = end;
      this.#tell(() => {
        if (!this.#isClosed) this.#handler.opened();
      });
    });
  }

  #tell(callback: () => void): void {
    this.#toClient.enter(() => this.#client.process.after(0, callback));
  }

  #end(error: Error | null): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#handler.closed(error);
  }
}
