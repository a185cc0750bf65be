import { crc32 } from 'node:zlib';
import type { Prng } from '../base/prng.ts';
import { generationOf, serverOf, type MemberId } from '../raft/types.ts';
import type { PeerIdentity, PeerMessage, Transport, TransportHandler } from '../net/transport.ts';
import type { SimProcess } from './process.ts';
import type { Scheduling } from './scheduler.ts';

/** Faults of the network of one world. Chances are per message. */
export interface NetworkFaults {
  readonly delayMsMin: number;
  readonly delayMsMax: number;
  readonly loss: number;
  readonly repetition: number;
  /** Whether messages between two servers may overtake one another. */
  readonly reordering: boolean;
  /** Some messages take this much longer. */
  readonly slowness: number;
  readonly slowMsMax: number;
}

/** What was done to messages. */
export interface NetworkCounts {
  sent: number;
  lost: number;
  repeated: number;
  slowed: number;
  /** Sent into a partition. */
  cut: number;
  bytes: number;
}

/** The wire format, so that what arrives is what a real server would have received. */
export interface WireFormat {
  encode(message: PeerMessage): Uint8Array;
  decode(bytes: Uint8Array): PeerMessage;
}

const RECONNECT_MS = 20;
const INTRODUCE_EVERY_MS = 100;

/** The network of a simulated cluster. Servers are known by their configured ids. */
export class SimNetwork {
  readonly #scheduler: Scheduling;
  readonly #prng: Prng;
  readonly #format: WireFormat;
  readonly #endpoints = new Map<number, SimTransport>();
  /** Ordered pairs `from>to` that nothing passes. */
  readonly #cut = new Set<string>();
  /** How much longer messages between ordered pairs take. */
  readonly #slow = new Map<string, number>();
  /** When the last message of a pair arrives, where order is kept. */
  readonly #lastArrivalMs = new Map<string, number>();
  readonly counts: NetworkCounts = { sent: 0, lost: 0, repeated: 0, slowed: 0, cut: 0, bytes: 0 };
  faults: NetworkFaults;
  /** Sees every message at the moment of its arrival, with the checksum of its bytes. */
  onDelivery: (from: number, to: number, message: PeerMessage, checksum: number) => void = () => undefined;

  constructor(scheduler: Scheduling, prng: Prng, format: WireFormat, faults: NetworkFaults) {
    this.#scheduler = scheduler;
    this.#prng = prng;
    this.#format = format;
    this.faults = faults;
  }

  /** The transport of one life of a server. */
  attach(serverId: number, process: SimProcess): SimTransport {
    const transport = new SimTransport(this, serverId, process);
    this.#endpoints.set(serverId, transport);
    return transport;
  }

  /** The process of the server is gone; the others see their connections break. */
  detach(serverId: number): void {
    this.#endpoints.delete(serverId);
    for (const [id, other] of this.#endpoints) {
      other.process.after(this.delayMs(), () => other.broken(serverId, false));
      other.process.after(RECONNECT_MS + this.delayMs(), () => {
        if (!this.#endpoints.has(serverId) && !this.isCut(id, serverId)) other.broken(serverId, true);
      });
    }
  }

  /** Nothing passes from one to the other any more, in this direction. */
  cut(from: number, to: number): void {
    this.#cut.add(`${from}>${to}`);
  }

  /** Undoes `cut`. */
  join(from: number, to: number): void {
    this.#cut.delete(`${from}>${to}`);
  }

  isCut(from: number, to: number): boolean {
    return this.#cut.has(`${from}>${to}`);
  }

  /** What is sent from one to the other takes longer by this, from now on; 0: no longer. */
  slowDown(from: number, to: number, ms: number): void {
    this.#slow.set(`${from}>${to}`, ms);
  }

  /** Only servers of the same group reach one another; those of no group reach nobody. */
  partition(...groups: readonly (readonly number[])[]): void {
    this.heal();
    const ids = [...new Set([...this.#endpoints.keys(), ...groups.flat()])];
    for (const from of ids) {
      for (const to of ids) {
        if (from !== to && !groups.some((group) => group.includes(from) && group.includes(to)))
          this.cut(from, to);
      }
    }
  }

  heal(): void {
    this.#cut.clear();
    this.#slow.clear();
  }

  send(from: SimTransport, to: MemberId, message: PeerMessage): void {
    const bytes = this.#format.encode(message);
    this.counts.sent++;
    this.counts.bytes += bytes.length;
    if (this.isCut(from.serverId, serverOf(to))) {
      this.counts.cut++;
      return;
    }
    if (this.#prng.chance(this.faults.loss)) {
      this.counts.lost++;
      return;
    }
    const identity = from.identity();
    this.#deliver(from, to, identity, bytes);
    if (this.#prng.chance(this.faults.repetition)) {
      this.counts.repeated++;
      this.#deliver(from, to, identity, bytes);
    }
  }

  /**
   * Nobody sends to a rebuilt server before it is a member, nor do new ones before they have met: they make connections,
   * again and again, as all do over TCP.
   */
  introduce(from: SimTransport): void {
    for (const [id, other] of this.#endpoints) {
      if (id === from.serverId || this.isCut(id, from.serverId) || this.isCut(from.serverId, id)) continue;
      other.process.after(this.delayMs(), () => {
        if (!other.admits(from.identity(), from)) return;
        from.process.after(this.delayMs(), () => from.admits(other.identity(), other));
      });
    }
    if (from.isNew) from.process.after(INTRODUCE_EVERY_MS, () => this.introduce(from));
  }

  #deliver(source: SimTransport, to: MemberId, sender: PeerIdentity, bytes: Uint8Array): void {
    const from = source.serverId;
    const pair = `${from}>${serverOf(to)}`;
    let atMs = this.#scheduler.nowMs + this.delayMs() + (this.#slow.get(pair) ?? 0);
    if (this.#prng.chance(this.faults.slowness)) {
      this.counts.slowed++;
      atMs += this.#prng.float() * this.faults.slowMsMax;
    }
    if (!this.faults.reordering) {
      atMs = Math.max(atMs, this.#lastArrivalMs.get(pair) ?? 0);
      this.#lastArrivalMs.set(pair, atMs);
    }
    // Connections end with a process: nothing that was sent to it reaches the next one.
    const receiver = this.#endpoints.get(serverOf(to));
    this.#scheduler.schedule(atMs - this.#scheduler.nowMs, () => {
      if (receiver === undefined || this.isCut(from, serverOf(to))) return;
      receiver.process.enter(() => {
        const message = this.#format.decode(new Uint8Array(bytes));
        this.onDelivery(from, serverOf(to), message, crc32(bytes));
        receiver.receive(to, sender, message, source);
      });
    });
  }

  /** Draws whether something that is sent now gets lost. */
  loses(): boolean {
    return this.#prng.chance(this.faults.loss);
  }

  /** Draws how long something that is sent now is under way. */
  delayMs(): number {
    const { delayMsMin, delayMsMax } = this.faults;
    return delayMsMin + this.#prng.float() * (delayMsMax - delayMsMin);
  }
}

/** One server's end of the simulated network, for one life of its process. */
export class SimTransport implements Transport {
  readonly serverId: number;
  readonly process: SimProcess;
  readonly #network: SimNetwork;
  /** Sees every message as it leaves. */
  onSend: (message: PeerMessage) => void = () => undefined;
  #handler: TransportHandler | null = null;
  /** What each server introduced itself as, and whether it was admitted. */
  readonly #peers = new Map<number, { readonly name: string; readonly admitted: boolean }>();

  constructor(network: SimNetwork, serverId: number, process: SimProcess) {
    this.#network = network;
    this.serverId = serverId;
    this.process = process;
  }

  start(handler: TransportHandler): void {
    this.#handler = handler;
    if (this.isNew) this.#network.introduce(this);
  }

  send(to: MemberId, message: PeerMessage): void {
    if (!this.process.alive) return;
    this.onSend(message);
    this.#network.send(this, to, message);
  }

  connected(serverId: number): boolean {
    return this.#peers.get(serverId)?.admitted ?? false;
  }

  close(done: () => void): void {
    this.#handler = null;
    this.process.after(0, done);
  }

  /** Whether others may not know yet that they have something to say to it. */
  get isNew(): boolean {
    const { member, clusterId } = this.identity();
    return clusterId === '' || generationOf(member) > 0;
  }

  /** Who this end says it is. */
  identity(): PeerIdentity {
    return this.#handler?.identity() ?? { clusterId: '', member: this.serverId, incarnation: '' };
  }

  /** A message has arrived. */
  receive(to: MemberId, sender: PeerIdentity, message: PeerMessage, source: SimTransport): void {
    const handler = this.#handler;
    if (handler === null || to !== handler.identity().member) return;
    if (this.admits(sender, source)) handler.onMessage(sender.member, message);
  }

  /** Two ends that are new to each other, or others than before, check each other first. */
  admits(sender: PeerIdentity, source: SimTransport): boolean {
    const handler = this.#handler;
    if (handler === null) return false;
    const server = serverOf(sender.member);
    const name = `${sender.member}/${sender.incarnation}/${sender.clusterId}`;
    let peer = this.#peers.get(server);
    if (peer?.name !== name) {
      // What a process that is gone has sent is no introduction: the next one of its server comes by the same name.
      if (!source.process.alive) return false;
      peer = { name, admitted: source.#welcomes(handler.identity()) && handler.admit(sender) === null };
      this.#peers.set(server, peer);
      if (peer.admitted) handler.onConnected(sender.member);
    }
    return peer.admitted;
  }

  /** Whether the process at this end, if it is still there, talks with one that introduces itself so. */
  #welcomes(peer: PeerIdentity): boolean {
    let isWelcome = false;
    // In its own process: what admitting does to its disk may end it.
    this.process.run(() => {
      isWelcome = this.#handler?.admit(peer) === null;
    });
    return isWelcome && this.process.alive;
  }

  broken(serverId: number, refused: boolean): void {
    this.#peers.delete(serverId);
    this.#handler?.onDisconnected(serverId, refused);
  }
}
