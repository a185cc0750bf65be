import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import type { Clock, Timer } from '../base/clock.ts';
import type { KvraftError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { createPrng } from '../base/prng.ts';
import { memberId, serverOf, type MemberId } from '../raft/types.ts';
import { FrameDecoder } from '../base/frame.ts';
import { encodeHello, encodeWelcome } from './handshake.ts';
import type { OnAdmin } from './tcp-incoming.ts';
import type { Address } from './tcp-sockets.ts';
import { TcpTransport } from './tcp-transport.ts';
import type { PeerIdentity, PeerMessage, TransportHandler } from './transport.ts';

export const CLUSTER = '0123456789abcdef0123456789abcdef';
const HOST = '127.0.0.1';

/** Time that passes when a test says so; what is deferred runs in the next turn of the event loop. */
export class ManualClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Set<{ readonly atMs: number; readonly callback: () => void }>();

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  defer(callback: () => void): void {
    setImmediate(callback);
  }

  advance(byMs: number): void {
    const endMs = this.#nowMs + byMs;
    for (;;) {
      const due = [...this.#timers]
        .filter((timer) => timer.atMs <= endMs)
        .toSorted((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.#timers.delete(due);
      this.#nowMs = due.atMs;
      due.callback();
    }
    this.#nowMs = endMs;
  }
}

/** Turns of the event loop until the condition holds; the test's own timeout ends a wait in vain. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

export const identityOf = (serverId: number, generation = 0): PeerIdentity => ({
  clusterId: CLUSTER,
  member: memberId(serverId, generation),
  incarnation: '00112233445566aa',
});

export interface TestServerOptions {
  readonly serverId: number;
  readonly clock: Clock;
  readonly identity?: PeerIdentity;
  readonly port?: number;
  readonly onAdmin?: OnAdmin;
}

/** A transport under test with a handler that writes down what it is told. */
export class TestServer implements TransportHandler {
  readonly serverId: number;
  readonly transport: TcpTransport;
  readonly received: { from: MemberId; message: PeerMessage }[] = [];
  readonly connections: MemberId[] = [];
  readonly disconnections: [number, boolean][] = [];
  readonly log: { level: string; text: string }[] = [];
  refuses: (peer: PeerIdentity) => string | null = () => null;
  readonly #identity: PeerIdentity;

  constructor(options: TestServerOptions) {
    const { serverId, clock, onAdmin } = options;
    this.serverId = serverId;
    this.#identity = options.identity ?? identityOf(serverId);
    const write =
      (level: string) =>
      (_fields: object, text: string): void => {
        this.log.push({ level, text });
      };
    const logger: Logger = {
      debug: write('debug'),
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
    };
    this.transport = new TcpTransport({
      serverId,
      listen: { host: HOST, port: options.port ?? 0 },
      peers: new Map(),
      clock,
      prng: createPrng(serverId),
      logger,
      ...(onAdmin === undefined ? {} : { onAdmin }),
    });
  }

  get address(): Address {
    return { host: HOST, port: this.transport.port };
  }

  get member(): MemberId {
    return this.#identity.member;
  }

  get warnings(): string[] {
    return this.log.filter(({ level }) => level === 'warn').map(({ text }) => text);
  }

  listen(): Promise<KvraftError | null> {
    return new Promise((resolve) => this.transport.listen(resolve));
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.transport.close(resolve));
  }

  send(to: MemberId, ...messages: readonly PeerMessage[]): void {
    for (const message of messages) this.transport.send(to, message);
  }

  identity(): PeerIdentity {
    return this.#identity;
  }

  admit(peer: PeerIdentity): string | null {
    return this.refuses(peer);
  }

  onMessage(from: MemberId, message: PeerMessage): void {
    this.received.push({ from, message });
  }

  onConnected(peer: MemberId): void {
    this.connections.push(peer);
  }

  onDisconnected(serverId: number, refused: boolean): void {
    this.disconnections.push([serverId, refused]);
  }
}

/** A server that listens, is started, knows the given peers, and is closed after the test. */
export async function startServer(
  t: TestContext,
  options: TestServerOptions,
  peers: readonly (readonly [number, Address])[] = [],
): Promise<TestServer> {
  const server = new TestServer(options);
  const error = await server.listen();
  if (error !== null) throw error;
  t.after(() => server.close());
  server.transport.setPeers(new Map(peers));
  server.transport.start(server);
  return server;
}

/** Servers 0, 1, … that know and have reached one another on both channels. */
export async function startServers(t: TestContext, clock: Clock, count: number): Promise<TestServer[]> {
  const servers: TestServer[] = [];
  for (let serverId = 0; serverId < count; serverId++)
    servers.push(await startServer(t, { serverId, clock }));
  const peers = new Map(servers.map((server) => [server.serverId, server.address]));
  for (const server of servers) server.transport.setPeers(peers);
  await until(() => servers.every((server) => standing(server) === 2 * (count - 1)));
  return servers;
}

/** Connections for sending that were made so far, of both channels. */
export const standing = (server: TestServer): number =>
  server.log.filter(({ text }) => text.startsWith('connected to a server')).length;

/** One end of a connection that does what a test tells it, frames or not. */
export class RawPeer {
  readonly payloads: Buffer[] = [];
  readonly socket: Socket;
  closed = false;

  constructor(t: TestContext, socket: Socket) {
    this.socket = socket;
    const decoder = new FrameDecoder(64 * 1024 * 1024);
    socket.on('data', (chunk: Buffer) => {
      decoder.push(chunk);
      for (let payload = decoder.next(); payload !== null; payload = decoder.next())
        this.payloads.push(payload);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => (this.closed = true));
    t.after(() => socket.destroy());
  }

  static async dial(t: TestContext, { host, port }: Address): Promise<RawPeer> {
    const socket = connect({ host, port, noDelay: true });
    const peer = new RawPeer(t, socket);
    await once(socket, 'connect');
    return peer;
  }

  /** Calls as the given server and waits for the answer. */
  static async greet(
    t: TestContext,
    target: TestServer,
    identity: PeerIdentity,
    kind: 'control' | 'bulk' = 'control',
  ): Promise<RawPeer> {
    const peer = await RawPeer.dial(t, target.address);
    peer.socket.write(encodeHello({ kind, identity, expectServer: target.serverId }));
    await until(() => peer.payloads.length === 1 || peer.closed);
    return peer;
  }
}

export interface RawServer {
  readonly address: Address;
  readonly guests: RawPeer[];
}

/** Something that listens and does with its guests what the test says. */
export async function listenRaw(t: TestContext, onGuest: (guest: RawPeer) => void): Promise<RawServer> {
  const guests: RawPeer[] = [];
  const server: Server = createServer((socket) => {
    const guest = new RawPeer(t, socket);
    guests.push(guest);
    onGuest(guest);
  });
  server.listen(0, HOST);
  await once(server, 'listening');
  t.after(() => server.close());
  return { address: { host: HOST, port: (server.address() as AddressInfo).port }, guests };
}

/** A peer that says welcome to everybody and then does not read any more. */
export const welcomeAndStall =
  (identity: PeerIdentity) =>
  (guest: RawPeer): void => {
    guest.socket.once('data', () => {
      guest.socket.pause();
      guest.socket.write(encodeWelcome(identity));
    });
  };

export const heartbeat = (from: MemberId, to: MemberId, readRound = 0): PeerMessage => ({
  type: 'Heartbeat',
  from,
  to,
  term: 1,
  leaderCommit: 0,
  readRound,
});

/** An AppendEntries with one entry. */
export const append = (
  from: MemberId,
  to: MemberId,
  index: number,
  data = Buffer.of(index),
): PeerMessage => ({
  type: 'AppendEntries',
  from,
  to,
  term: 1,
  prevLogIndex: index - 1,
  prevLogTerm: index === 1 ? 0 : 1,
  entries: [{ index, term: 1, type: 'normal', stampMs: 0, data }],
  leaderCommit: 0,
});

/** The order of what was received from one server: read rounds of heartbeats, indexes of entries. */
export const orderOf = (
  server: TestServer,
  fromServer: number,
  type: 'Heartbeat' | 'AppendEntries',
): number[] =>
  server.received
    .filter(({ from, message }) => serverOf(from) === fromServer && message.type === type)
    .map(({ message }) =>
      message.type === 'Heartbeat'
        ? message.readRound
        : message.type === 'AppendEntries'
          ? (message.entries[0]?.index ?? 0)
          : -1,
    );
