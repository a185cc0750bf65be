import { once } from 'node:events';
import { createServer, type AddressInfo, type Server as NetServer, type Socket } from 'node:net';
import type { TextDialect } from '../wire/text-dialects.ts';
import { TextParser } from '../wire/text-parser.ts';
import type { TextRequest } from '../wire/text-requests.ts';
import type { Fault } from './faults.test-support.ts';
import { ModelStore, type LogEntry, type ModelRequest } from './model-store.test-support.ts';
import type { Control, Server } from './system.ts';

const electionMs = 30;
const pollMs = 10;

/** One server of the model: its port, its own copy of the state, and its connections. */
class ModelServer {
  readonly id: number;
  readonly sockets = new Set<Socket>();
  port = 0;
  listener: NetServer | null = null;
  isPaused = false;
  /** It does not know yet that another server leads. */
  believesUntilMs = 0;
  wasRestarted = false;
  store: ModelStore;
  /** How many entries of the log its copy holds. */
  applied = 0;

  constructor(id: number, fault: Fault | null) {
    this.id = id;
    this.store = new ModelStore(fault);
  }
}

/**
 * A cluster in one process that plays by the rules, or breaks one of them. Its servers share a log; each has a copy of
 * the state that is brought up to date when it comes to lead.
 */
export class ModelCluster implements Control {
  readonly dialect: TextDialect;
  readonly fault: Fault | null;
  readonly #servers: readonly ModelServer[];
  #log: LogEntry[] = [];
  #leader: ModelServer | null = null;
  #deaths: string[] = [];
  #writes = 0;
  #forgetsVersion = false;

  private constructor(size: number, dialect: TextDialect, fault: Fault | null) {
    this.dialect = dialect;
    this.fault = fault;
    this.#servers = Array.from({ length: size }, (_, id) => new ModelServer(id, fault));
  }

  static async create(size: number, dialect: TextDialect, fault: Fault | null = null): Promise<ModelCluster> {
    const cluster = new ModelCluster(size, dialect, fault);
    for (const server of cluster.#servers) await cluster.#listen(server);
    cluster.#elect();
    return cluster;
  }

  get servers(): readonly Server[] {
    return this.#servers.map(({ id, port }) => ({ id, host: '127.0.0.1', port }));
  }

  get running(): readonly number[] {
    return this.#servers.filter(({ listener }) => listener !== null).map(({ id }) => id);
  }

  takeDeaths(): readonly string[] {
    const deaths = this.#deaths;
    this.#deaths = [];
    return deaths;
  }

  start(id: number): void {
    const server = this.#server(id);
    void this.#listen(server).then(() => this.#membershipChanged());
  }

  kill(id: number): Promise<void> {
    const server = this.#server(id);
    const { listener } = server;
    if (listener === null) return Promise.resolve();
    server.listener = null;
    server.isPaused = false;
    server.wasRestarted = true;
    for (const socket of server.sockets) socket.destroy();
    if (this.running.length === 0 && this.fault === 'forgets everything when all are down') this.#log = [];
    if (this.running.length === 0 && this.fault === 'gives versions again after a restart') {
      this.#forgetsVersion = true;
    }
    this.#membershipChanged();
    return new Promise((resolve) => listener.close(() => resolve()));
  }

  pause(id: number): void {
    this.#server(id).isPaused = true;
    this.#membershipChanged();
  }

  resume(id: number): void {
    const server = this.#server(id);
    if (!server.isPaused) return;
    server.isPaused = false;
    if (this.fault === 'reads as a leader that was replaced')
      server.believesUntilMs = performance.now() + 300;
    this.#membershipChanged();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.running.map((id) => this.kill(id)));
  }

  #server(id: number): ModelServer {
    const server = this.#servers[id];
    if (server === undefined) throw new Error(`no server ${id}`);
    return server;
  }

  async #listen(server: ModelServer): Promise<void> {
    if (server.listener !== null) return;
    const listener = createServer({ allowHalfOpen: true }, (socket) => {
      // A connection that breaks off ends its loop.
      this.#serve(server, socket).catch((error: unknown) => {
        if (!(error instanceof Error && 'code' in error)) throw error;
      });
    });
    server.listener = listener;
    if (this.fault !== 'does not catch up') {
      server.store = new ModelStore(this.fault);
      server.applied = 0;
    }
    listener.listen(server.port, '127.0.0.1');
    await once(listener, 'listening');
    server.port = (listener.address() as AddressInfo).port;
  }

  // Who leads.

  #membershipChanged(): void {
    const up = this.#servers.filter(({ listener, isPaused }) => listener !== null && !isPaused);
    const hasMajority = up.length * 2 > this.#servers.length || this.fault === 'answers without a majority';
    if (!hasMajority && this.fault === 'ends when a majority is missing') {
      for (const { id } of up) {
        this.#deaths.push(`server ${id} ended`);
        void this.kill(id);
      }
    }
    if (this.#leader !== null && up.includes(this.#leader) && hasMajority) return;
    if (this.#leader !== null) {
      if (this.fault === 'loses the last write with its leader') this.#log.pop();
      if (this.fault === 'brings expired keys back')
        this.#log = this.#log.map((entry) => ({ ...entry, nowMs: performance.now() }));
    }
    this.#leader = null;
    setTimeout(() => this.#elect(), electionMs);
  }

  #elect(): void {
    if (this.#leader !== null) return;
    const up = this.#servers.filter(({ listener, isPaused }) => listener !== null && !isPaused);
    if (up.length * 2 <= this.#servers.length && this.fault !== 'answers without a majority') return;
    const candidates = this.fault === 'elects nobody else' ? up.filter(({ id }) => id === 0) : up;
    this.#leader = candidates[this.#log.length % Math.max(1, candidates.length)] ?? null;
    if (this.#leader === null) return;
    if (this.fault !== 'does not catch up' || !this.#leader.wasRestarted) this.#sync(this.#leader);
  }

  #sync(server: ModelServer): void {
    for (; server.applied < this.#log.length; server.applied++) {
      const entry = this.#log[server.applied];
      if (entry !== undefined) server.store.apply(entry, this.dialect);
    }
  }

  // What it answers.

  async #serve(server: ModelServer, socket: Socket): Promise<void> {
    server.sockets.add(socket);
    socket.on('close', () => server.sockets.delete(socket));
    socket.on('error', () => undefined);
    let parser = new TextParser();
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      if (this.fault === 'takes each packet for whole requests') parser = new TextParser();
      if (this.fault === 'crashes on noise' && chunk.includes(0xff)) return this.#crash(server);
      const requests: TextRequest[] = [];
      parser.parse(Buffer.from(chunk), requests);
      if (parser.closed && this.fault === 'reads values as commands') {
        parser = new TextParser();
        parser.parse(Buffer.from(chunk.subarray(chunk.indexOf('\n') + 1)), requests);
      }
      const replies: Buffer[] = [];
      for (const request of requests) {
        if (request.kind === 'error' && this.fault === 'hangs after a malformed line') {
          await new Promise((resolve) => socket.once('close', resolve));
        }
        const reply = await this.#answer(server, request);
        if (server.listener === null) return;
        const isSilent = 'noreply' in request && request.noreply && this.fault !== 'answers noreply';
        if (!isSilent) replies.push(reply);
      }
      if (this.fault === 'answers out of order') replies.reverse();
      socket.write(Buffer.concat(replies));
      if (parser.closed) break;
    }
    socket.end();
  }

  #crash(server: ModelServer): void {
    this.#deaths.push(`server ${server.id} ended`);
    void this.kill(server.id);
  }

  async #answer(server: ModelServer, request: TextRequest): Promise<Buffer> {
    if (request.kind === 'error') return line(this.dialect.malformed);
    for (;;) {
      const reply = server.isPaused ? null : await this.#tryAnswer(server, request);
      if (reply !== null) return reply;
      await sleep(pollMs);
      if (server.listener === null) return Buffer.alloc(0);
    }
  }

  /** Null while nobody leads. */
  async #tryAnswer(server: ModelServer, request: ModelRequest): Promise<Buffer | null> {
    const { fault, dialect } = this;
    const leader = server.believesUntilMs > performance.now() ? server : this.#leader;
    if (leader === null) return null;
    const isRead = request.kind === 'get' || request.kind === 'getm';
    if (isRead && fault === 'reads its own copy') return server.store.answer(request, dialect);
    const noreply = 'noreply' in request && request.noreply;
    if (dialect.redirect !== null && leader !== server) {
      const wrong =
        fault === 'redirects to itself'
          ? server
          : fault === 'redirects to anybody'
            ? this.#servers.at(-1)
            : leader;
      const told = wrong ?? leader;
      const reply = line(dialect.redirect({ id: told.id, host: '127.0.0.1', port: told.port }));
      if (fault === 'does what it redirects') this.#execute(leader, request);
      if (!noreply) return reply;
      if (fault === 'redirects noreply') return reply;
    }
    if (fault === 'lets two win' && leader.store.permits(request, dialect)) {
      await sleep(2);
      return this.#execute(leader, request, true);
    }
    if (noreply && fault === 'drops noreply') return Buffer.alloc(0);
    if (isRead) return leader.store.answer(request, dialect);
    if (fault === 'loses a write' && ++this.#writes % 7 === 0) return line('OK 1000000');
    return this.#execute(leader, request);
  }

  #execute(leader: ModelServer, request: ModelRequest, isForced = false): Buffer {
    const entry: LogEntry = { request, isForced, nowMs: performance.now() };
    this.#log.push(entry);
    if (this.#forgetsVersion) leader.store.forgetVersion();
    this.#forgetsVersion = false;
    leader.applied++;
    return leader.store.apply(entry, this.dialect);
  }
}

const line = (text: string): Buffer => Buffer.from(`${text}\r\n`, 'latin1');
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
