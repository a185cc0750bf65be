import type { Socket } from 'node:net';
import { KvraftError } from '../base/errors.ts';
import { serverOf } from '../raft/types.ts';
import { channels, frameBytesMax, type Channel } from './channel.ts';
import {
  decodeHello,
  encodeRefusal,
  encodeWelcome,
  otherVersionReason,
  refusalOfHello,
  type PeerHello,
} from './handshake.ts';
import { netLimits } from './net-limits.ts';
import { decoded } from '../base/protocol-error.ts';
import type { TcpContext } from './tcp-context.ts';
import { FramedSocket } from './tcp-framed-socket.ts';
import { AdminConversation, PeerConversation, type OnAdmin } from './tcp-incoming.ts';

export interface AcceptorOptions {
  readonly context: TcpContext;
  readonly onAdmin: OnAdmin | null;
  /** A server introduced itself and was admitted: it is up. */
  readonly onPeer: (serverId: number) => void;
}

interface Guest {
  readonly socket: FramedSocket;
  readonly remote: string;
  onFrame: (payload: Buffer) => void;
  /** Who it turned out to be; null until it has introduced itself. */
  name: string | null;
  ticks: number;
}

const keyOf = (serverId: number, channel: Channel): string => `${serverId} ${channel}`;

/** What others connect to: every connection introduces itself, and is a peer, the command line, or turned away. */
export class Acceptor {
  readonly #options: AcceptorOptions;
  /** Not introduced yet, or turned away and about to close; the oldest first. */
  readonly #pending = new Set<Guest>();
  readonly #admins = new Map<Guest, AdminConversation>();
  /** By server and channel. */
  readonly #peers = new Map<string, Guest>();

  constructor(options: AcceptorOptions) {
    this.#options = options;
  }

  onSocket(socket: Socket): void {
    const guest: Guest = {
      socket: new FramedSocket(socket, netLimits.helloBytesMax, {
        onFrame: (payload) => guest.onFrame(payload),
        onClose: (error) => this.#onClose(guest, error),
      }),
      remote: socket.remoteAddress ?? 'nowhere',
      onFrame: (payload) => this.#onHello(guest, payload),
      name: null,
      ticks: 0,
    };
    this.#pending.add(guest);
    // An honest guest is through in no time: it is the oldest that only holds a place.
    const [oldest] = this.#pending;
    if (this.#pending.size > netLimits.pendingHandshakesMax && oldest !== undefined) this.#evict(oldest);
  }

  /** Called once a second. */
  tick(): void {
    for (const guest of this.#pending) {
      if (++guest.ticks > netLimits.handshakeTicksMax) this.#evict(guest);
    }
    for (const conversation of this.#admins.values()) conversation.tick();
  }

  /** Hangs up on a server that is not in the configuration any more. */
  dismiss(serverId: number): void {
    for (const channel of channels) this.#peers.get(keyOf(serverId, channel))?.socket.destroy(null);
  }

  close(): void {
    const guests = [...this.#pending, ...this.#admins.keys(), ...this.#peers.values()];
    for (const guest of guests) guest.socket.destroy(null);
  }

  #evict(guest: Guest): void {
    this.#pending.delete(guest);
    guest.socket.destroy(null);
  }

  #onHello(guest: Guest, payload: Buffer): void {
    const hello = decoded(() => decodeHello(payload));
    if (hello instanceof KvraftError) return guest.socket.destroy(hello);
    switch (hello.kind) {
      case 'admin':
        return this.#admitAdmin(guest);
      case 'other-version':
        return this.#turnAway(guest, 'a server', 'strangers', otherVersionReason(hello.version));
      default:
        return this.#judge(guest, hello);
    }
  }

  #judge(guest: Guest, hello: PeerHello): void {
    const { context } = this.#options;
    const serverId = serverOf(hello.identity.member);
    const refusal = refusalOfHello(hello, context.handler, context.knows);
    if (refusal === null) return this.#admitPeer(guest, hello, serverId);
    const subject = context.knows(serverId) ? `from server ${serverId}` : 'strangers';
    this.#turnAway(guest, `server ${serverId}`, subject, refusal);
  }

  #turnAway(guest: Guest, name: string, subject: string, reason: string): void {
    const { logger, reasons } = this.#options.context;
    guest.name = name;
    const level = reasons.isNews(subject, reason) ? 'warn' : 'debug';
    logger[level]({ remote: guest.remote }, `refused ${name} that called from ${guest.remote}: ${reason}`);
    guest.socket.end(encodeRefusal(reason));
  }

  #admitPeer(guest: Guest, hello: PeerHello, serverId: number): void {
    const { context, onPeer } = this.#options;
    const key = keyOf(serverId, hello.kind);
    // The newer connection is the one that the peer uses: the older is what a crash or a cut cable left behind.
    this.#peers.get(key)?.socket.destroy(null);
    this.#pending.delete(guest);
    this.#peers.set(key, guest);
    guest.name = `server ${serverId}`;
    guest.socket.frameBytesMax = frameBytesMax[hello.kind];
    const conversation = new PeerConversation(context, guest.socket, hello);
    guest.onFrame = (payload) => conversation.onFrame(payload);
    guest.socket.write([encodeWelcome(context.handler.identity())]);
    context.reasons.settle(`from server ${serverId}`);
    onPeer(serverId);
  }

  #admitAdmin(guest: Guest): void {
    const { context, onAdmin } = this.#options;
    const name = 'the command line';
    if (onAdmin === null) return this.#turnAway(guest, name, 'admin', 'this server takes no requests here');
    if (this.#admins.size >= netLimits.adminConnectionsMax) {
      return this.#turnAway(guest, name, 'admin', 'too many requests at once: try again');
    }
    const conversation = new AdminConversation(context, guest.socket, onAdmin);
    this.#pending.delete(guest);
    this.#admins.set(guest, conversation);
    guest.name = name;
    guest.socket.frameBytesMax = netLimits.adminRequestBytesMax;
    guest.onFrame = (payload) => conversation.onFrame(payload);
    guest.socket.write([encodeWelcome(context.handler.identity())]);
  }

  #onClose(guest: Guest, error: Error | null): void {
    this.#pending.delete(guest);
    this.#admins.delete(guest);
    for (const [key, peer] of this.#peers) if (peer === guest) this.#peers.delete(key);
    const { counters, logger, reasons } = this.#options.context;
    const name = guest.name ?? 'a stranger';
    const reason = error?.message ?? 'it ended';
    if (guest.name === null) counters.strangers++;
    const isFault = error instanceof KvraftError && error.code === 'PROTOCOL' && guest.name !== null;
    if (isFault) counters.protocolErrors++;
    const level = isFault && reasons.isNews(`frames of ${name}`, reason) ? 'warn' : 'debug';
    logger[level](
      { remote: guest.remote },
      `closed the connection of ${name} from ${guest.remote}: ${reason}`,
    );
  }
}
