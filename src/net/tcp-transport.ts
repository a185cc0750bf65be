import type { Server } from 'node:net';
import { assert } from '../base/assert.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { KvraftError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Prng } from '../base/prng.ts';
import { serverOf, type MemberId } from '../raft/types.ts';
import { channelOf } from './channel.ts';
import { netLimits } from './net-limits.ts';
import { MessageEncoder } from './peer-codec.ts';
import { ReasonLog } from './reason-log.ts';
import { Acceptor } from './tcp-acceptor.ts';
import { newCounters, type TcpContext, type TransportCounters } from './tcp-context.ts';
import type { FrameSender } from './tcp-frame-sender.ts';
import type { OnAdmin } from './tcp-incoming.ts';
import { PeerLinks } from './tcp-peer-links.ts';
import { addressText, dial, openServer, type Address } from './tcp-sockets.ts';
import type { PeerMessage, Transport, TransportHandler } from './transport.ts';

export interface TcpTransportOptions {
  readonly serverId: number;
  /** Without a host, all addresses of this machine; port 0 takes any free one. */
  readonly listen: { readonly host?: string; readonly port: number };
  /** Every server of the configuration; this server's own entry is passed over. */
  readonly peers: ReadonlyMap<number, Address>;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly logger: Logger;
  readonly onAdmin?: OnAdmin;
}

/** Carries messages over two TCP connections to each other server: `docs/peer-protocol.md`. */
export class TcpTransport implements Transport {
  readonly counters: TransportCounters = newCounters();
  readonly #options: TcpTransportOptions;
  readonly #server: Server;
  readonly #encoder = new MessageEncoder();
  readonly #peers = new Map<number, PeerLinks>();
  /** Where something was queued in this turn. */
  readonly #unflushed = new Set<FrameSender>();
  #configured: ReadonlyMap<number, Address>;
  #context: TcpContext | null = null;
  #acceptor: Acceptor | null = null;
  #tickTimer: Timer | null = null;
  #closed = false;

  constructor(options: TcpTransportOptions) {
    this.#options = options;
    this.#configured = options.peers;
    this.#server = openServer((socket) => {
      if (this.#acceptor !== null && !this.#closed) this.#acceptor.onSocket(socket);
      else socket.destroy();
    });
  }

  /**
   * Opens the port, before `start`, so that a server whose port is taken fails before it touches its data. Fails
   * with `INVALID_CONFIG`.
   */
  listen(done: (error: KvraftError | null) => void): void {
    const { listen, logger } = this.#options;
    const name = addressText({ host: listen.host ?? '*', port: listen.port });
    const onError = (error: Error): void => {
      const message = `cannot listen for other servers at ${name}: ${error.message}: check LogPort`;
      done(new KvraftError('INVALID_CONFIG', message, { cause: error }));
    };
    this.#server.once('error', onError);
    this.#server.listen(listen, () => {
      this.#server.off('error', onError);
      this.#server.on('error', (error) =>
        logger.error({ error: error.message }, 'cannot accept connections'),
      );
      done(null);
    });
  }

  /** The port that is listened on; 0 before `listen` is done. */
  get port(): number {
    const address = this.#server.address();
    return address !== null && typeof address === 'object' ? address.port : 0;
  }

  start(handler: TransportHandler): void {
    assert(this.#context === null && !this.#closed, 'a transport is started once');
    const { clock, prng, logger, onAdmin } = this.#options;
    const context: TcpContext = {
      clock,
      prng,
      logger,
      reasons: new ReasonLog(clock),
      counters: this.counters,
      handler,
      dial,
      knows: (serverId) => this.#peers.has(serverId),
    };
    this.#context = context;
    this.#acceptor = new Acceptor({
      context,
      onAdmin: onAdmin ?? null,
      onPeer: (serverId) => this.#peers.get(serverId)?.hurry(),
    });
    this.setPeers(this.#configured);
    this.#tickTimer = clock.setTimer(netLimits.tickMs, this.#tick);
  }

  /**
   * The servers of the configuration from now on. Connections to those that are gone or have another address are
   * closed without `onDisconnected`.
   */
  setPeers(peers: ReadonlyMap<number, Address>): void {
    this.#configured = peers;
    if (this.#context === null || this.#closed) return;
    for (const [serverId, links] of this.#peers) {
      const address = peers.get(serverId);
      if (address?.host === links.address.host && address.port === links.address.port) continue;
      links.close();
      this.#peers.delete(serverId);
      if (address === undefined) this.#acceptor?.dismiss(serverId);
    }
    for (const [serverId, address] of peers) {
      if (serverId === this.#options.serverId || this.#peers.has(serverId)) continue;
      this.#peers.set(serverId, new PeerLinks(this.#context, serverId, address));
    }
  }

  send(to: MemberId, message: PeerMessage): void {
    const sender = this.#peers.get(serverOf(to))?.senderTo(to, channelOf(message));
    if (sender === undefined || sender === null) {
      this.counters.messagesDroppedUnconnected++;
      return;
    }
    if (!sender.hasRoom) {
      this.counters.messagesDroppedFull++;
      return;
    }
    sender.push(this.#encoder.encode(message));
    this.counters.messagesSent++;
    if (this.#unflushed.size === 0) this.#options.clock.defer(this.#flush);
    this.#unflushed.add(sender);
  }

  connected(serverId: number): boolean {
    return this.#peers.get(serverId)?.connected ?? false;
  }

  /** Stops listening, drops what is not sent yet, and closes all connections. The handler is not called any more. */
  close(done: () => void): void {
    this.#closed = true;
    this.#tickTimer?.cancel();
    for (const links of this.#peers.values()) links.close();
    this.#peers.clear();
    this.#acceptor?.close();
    this.#server.close(() => done());
  }

  readonly #flush = (): void => {
    for (const sender of this.#unflushed) sender.flush();
    this.#unflushed.clear();
    this.#encoder.forget();
  };

  readonly #tick = (): void => {
    this.#tickTimer = this.#options.clock.setTimer(netLimits.tickMs, this.#tick);
    for (const links of this.#peers.values()) links.tick();
    this.#acceptor?.tick();
  };
}
