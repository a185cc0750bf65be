import { randomInt } from 'node:crypto';
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads';
import { KvraftError, messageOf } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { createPrng } from '../base/prng.ts';
import { nodeClock } from '../base/node-clock.ts';
import type { Dial } from '../client/dial.ts';
import type { Client, ConnectOptions } from '../client/index.ts';
import { openClient } from '../client/open-client.ts';
import type { ServerStatus } from '../server/status.ts';
import { PortClientStream } from './port-client-stream.ts';
import { errorOf, type HostMessage, type WorkerMessage, type WorkerSetup } from './worker-messages.ts';

/** A stop that takes longer has lost its patience: the log makes up for it at the next start. */
const STOP_MS_MAX = 5_000;
const PRNG_SEED_MAX = 2 ** 48 - 1;

/** A member of a cluster that runs in a thread of this program. */
export interface EmbeddedServer extends AsyncDisposable {
  /** Its id in the configuration. */
  readonly id: number;
  /**
   * Resolves when `close` is done; rejects with a `KvraftError` when the server ended by itself, because its disk
   * failed or its data is damaged. Whoever does not handle that ends the program: a member that is gone must not
   * go unnoticed.
   */
  readonly closed: Promise<void>;
  /**
   * A client that talks to this server, without a port; the server forwards what is another's to do. It has a session of
   * its own, like any other client, and is closed with the server.
   */
  client(options?: EmbeddedClientOptions): Promise<Client>;
  /** How it is doing. Rejects with the error that it ended with, or with `STOPPED`. */
  status(): Promise<ServerStatus>;
  /** Hands leadership over, finishes what is in flight, closes everything. May be called again. */
  close(): Promise<void>;
}

export type EmbeddedClientOptions = Pick<ConnectOptions, 'signal' | 'timeout' | 'connectTimeout'>;

/** The one address that there is for the client of an embedded server. */
const HERE = { host: 'embedded', port: 1 };

interface Pending {
  readonly resolve: (status: ServerStatus) => void;
  readonly reject: (error: Error) => void;
}

/** The program's end of a server in a worker thread. */
export class WorkerServer implements EmbeddedServer {
  readonly id: number;
  readonly closed: Promise<void>;
  /** Resolves once the server listens; rejects with why it could not start. */
  readonly started: Promise<void>;
  readonly #worker: Worker;
  readonly #logger: Logger | null;
  readonly #stopMsMax: number;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #isStarted = false;
  #isClosing = false;
  /** Why it does not answer any more. */
  #ended: KvraftError | null = null;
  /** What the thread said before it ended. */
  #reason: KvraftError | null = null;
  readonly #clients = new Set<Client>();
  #readLogs = 0;
  #onStarted = (_error: KvraftError | null): void => undefined;
  #onClosed = (_error: KvraftError | null): void => undefined;

  constructor(thread: URL, setup: WorkerSetup, logger: Logger | null, stopMsMax = STOP_MS_MAX) {
    this.id = setup.serverId;
    this.#logger = logger;
    this.#stopMsMax = stopMsMax;
    this.started = new Promise((resolve, reject) => {
      this.#onStarted = (error) => (error === null ? resolve() : reject(error));
    });
    this.closed = new Promise((resolve, reject) => {
      this.#onClosed = (error) => (error === null ? resolve() : reject(error));
    });
    // Nothing of what the program was started with (loaders, inspectors, test runners) is for this thread.
    this.#worker = new Worker(thread, {
      workerData: setup,
      execArgv: [],
      name: `kvraft-server-${setup.serverId}`,
    });
    this.#worker.on('message', (message: WorkerMessage) => this.#received(message));
    this.#worker.on('error', (error) => {
      this.#reason ??= new KvraftError(
        'INTERNAL',
        `the thread of server ${this.id} died: ${messageOf(error)}`,
        {
          outcome: 'unknown',
          cause: error,
        },
      );
    });
    this.#worker.on('exit', (code) => this.#exited(code));
  }

  async client(options: EmbeddedClientOptions = {}): Promise<Client> {
    if (this.#ended !== null || this.#isClosing) throw this.#ended ?? stopped(this.id);
    const prng = createPrng(randomInt(PRNG_SEED_MAX));
    const client = await openClient(
      { ...options, servers: [HERE], learnServers: false },
      { clock: nodeClock, prng, dial: this.#dial },
    );
    this.#clients.add(client);
    return client;
  }

  status(): Promise<ServerStatus> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== null || this.#isClosing) return reject(this.#ended ?? stopped(this.id));
      this.#lastId++;
      this.#pending.set(this.#lastId, { resolve, reject });
      this.#tell({ type: 'status', id: this.#lastId });
    });
  }

  async close(): Promise<void> {
    if (this.#ended === null && !this.#isClosing) {
      this.#isClosing = true;
      this.#tell({ type: 'stop' });
      const patience = nodeClock.setTimer(this.#stopMsMax, () => void this.#worker.terminate());
      await this.closed.finally(() => patience.cancel());
      return;
    }
    // One that ended by itself has said so through `closed`; there is nothing left to close.
    await this.closed.catch(() => undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Ends the thread without a word. */
  terminate(): void {
    this.#isClosing = true;
    void this.#worker.terminate();
  }

  #tell(message: HostMessage, transfer: MessagePort[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  readonly #dial: Dial = (_address, handler) => {
    const { port1, port2 } = new MessageChannel();
    const stream = new PortClientStream(port1, handler);
    this.#tell({ type: 'connect', port: port2 }, [port2]);
    return stream;
  };

  #received(message: WorkerMessage): void {
    switch (message.type) {
      case 'started':
        this.#isStarted = true;
        return this.#onStarted(null);
      case 'status':
        this.#pending.get(message.id)?.resolve(message.status);
        this.#pending.delete(message.id);
        return;
      case 'log':
        this.#acknowledgeLog();
        return this.#logger?.[message.level](message.fields, message.message);
      case 'failed':
        this.#reason ??= errorOf(message.error);
        return;
      case 'stopped':
    }
  }

  /** Once a turn, not once a line. */
  #acknowledgeLog(): void {
    if (this.#readLogs++ > 0) return;
    nodeClock.defer(() => {
      this.#tell({ type: 'logs-read', count: this.#readLogs });
      this.#readLogs = 0;
    });
  }

  #exited(code: number): void {
    const died = new KvraftError('INTERNAL', `the thread of server ${this.id} ended with code ${code}`, {
      outcome: 'unknown',
    });
    const failure = this.#reason ?? (this.#isClosing ? null : died);
    const ended = failure ?? stopped(this.id);
    this.#ended = ended;
    for (const client of this.#clients) void client.close();
    for (const { reject } of this.#pending.values()) reject(ended);
    this.#pending.clear();
    this.#onStarted(ended);
    // Who waits for the start is told there.
    this.#onClosed(this.#isStarted ? failure : null);
  }
}

const stopped = (id: number): KvraftError => new KvraftError('STOPPED', `server ${id} was closed`);
