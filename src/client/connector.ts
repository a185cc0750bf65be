import type { Clock, Timer } from '../base/clock.ts';
import { KvraftError } from '../base/errors.ts';
import type { Prng } from '../base/prng.ts';
import type { RpcWelcome } from '../wire/rpc-handshake.ts';
import type { ServerAddress } from './address.ts';
import type { Dial } from './dial.ts';
import { Link, type LinkHandler } from './link.ts';
import { ServerList, type KnownServer } from './server-list.ts';
import { timings } from './timings.ts';

export interface ConnectorOptions {
  readonly servers: readonly ServerAddress[];
  readonly learnServers: boolean;
  /** Empty: of whichever cluster answers first. */
  readonly clusterId: string;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly dial: Dial;
  /** There is a connection that requests are to go to from now on. */
  readonly onLink: (link: Link) => void;
  /** No server that is known will ever take this client, each for the reason in `ServerList`. */
  readonly onRefused: () => void;
}

/**
 * Keeps one connection: to the leader if it is known where that is, else to any server. Stays with the connection it
 * has as long as that answers and its server knows a leader; looks for a better one meanwhile.
 */
export class Connector implements LinkHandler {
  readonly servers: ServerList;
  readonly #options: ConnectorOptions;
  readonly #links = new Set<Link>();
  #clusterId: string;
  /** What servers take, as one of them has said. */
  keyBytesMax = Infinity;
  valueBytesMax = Infinity;
  #current: Link | null = null;
  /** The connection that is being made. */
  #candidate: Link | null = null;
  #retryTimer: Timer | null = null;
  #tickTimer: Timer | null = null;
  #isClosed = false;

  constructor(options: ConnectorOptions) {
    this.#options = options;
    this.#clusterId = options.clusterId;
    this.servers = new ServerList(options.servers, { prng: options.prng, learns: options.learnServers });
  }

  /** Empty before the first server has answered. */
  get clusterId(): string {
    return this.#clusterId;
  }

  /** Where requests go. */
  get link(): Link | null {
    return this.#current;
  }

  start(): void {
    this.#tickTimer = this.#options.clock.setTimer(timings.tickMs, this.#tick);
    this.#connect();
  }

  close(error: KvraftError): void {
    this.#isClosed = true;
    this.#tickTimer?.cancel();
    this.#retryTimer?.cancel();
    for (const link of this.#links) link.close(error);
  }

  /** The current server refused a request because it does not lead. */
  seekLeader(): void {
    const { leader } = this.servers;
    if (this.#candidate !== null || leader === null || leader === this.#current?.server) return;
    if (leader.retryAtMs <= this.#nowMs()) this.#dial(leader);
  }

  // What links tell.

  welcomed(link: Link, welcome: RpcWelcome): void {
    if (this.#isClosed) return;
    const { clusterId, leaderId, serverId, servers } = welcome;
    this.keyBytesMax = welcome.keyBytesMax;
    this.valueBytesMax = welcome.valueBytesMax;
    if (this.#clusterId === '') this.#clusterId = clusterId;
    this.servers.learn(link.server, serverId, servers);
    if (leaderId !== null) this.servers.leaderId = leaderId;
    this.#candidate = null;
    if (this.#isBetter(serverId, leaderId)) return this.#adopt(link);
    if (leaderId === null) {
      const message = 'this server knows no leader either';
      this.servers.failed(
        link.server,
        new KvraftError('UNREACHABLE', message, { retryable: true }),
        this.#nowMs(),
      );
    }
    link.retire();
  }

  leaderHint(leaderId: number): void {
    this.servers.leaderId = leaderId;
  }

  closed(link: Link, error: KvraftError): void {
    this.#links.delete(link);
    if (this.#isClosed) return;
    if (link !== this.#candidate && link !== this.#current) return;
    if (link === this.#current && link.ageMs >= timings.stoodMsMin) this.servers.succeeded(link.server);
    this.servers.failed(link.server, error, this.#nowMs());
    if (link === this.#candidate) {
      this.#candidate = null;
      if (this.#current === null && this.#allRefuse()) this.#options.onRefused();
    } else {
      this.#current = null;
    }
    if (this.#current === null) this.#connect();
  }

  /** Any server is better than none, one that knows a leader than one that does not, and the leader than any. */
  #isBetter(serverId: number, leaderId: number | null): boolean {
    if (this.#current === null) return true;
    return this.#current.leaderlessTicks > 0 ? leaderId !== null : leaderId === serverId;
  }

  #adopt(link: Link): void {
    const former = this.#current;
    this.#current = link;
    this.#options.onLink(link);
    if (former !== null && former.leaderlessTicks > 0) former.close(leaderless());
    else former?.retire();
    // Once after each time without a connection: servers that contradict each other must not have it go to and fro.
    if (former === null) this.seekLeader();
  }

  #allRefuse(): boolean {
    for (const { lastError } of this.servers.all) if (lastError === null || lastError.retryable) return false;
    return true;
  }

  /** Connects to the next server, now or when one may be tried again. */
  readonly #connect = (): void => {
    if (this.#isClosed || this.#candidate !== null) return;
    this.#retryTimer?.cancel();
    const nowMs = this.#nowMs();
    const next = this.servers.next(nowMs, this.#current?.server ?? null);
    if (typeof next !== 'number') this.#dial(next);
    else if (this.#current === null) {
      this.#retryTimer = this.#options.clock.setTimer(Math.max(1, next - nowMs), this.#connect);
    }
  };

  #dial(server: KnownServer): void {
    const { dial, clock } = this.#options;
    const link = new Link({ server, dial, clock, clusterId: this.#clusterId, handler: this });
    this.#candidate = link;
    this.#links.add(link);
  }

  readonly #tick = (): void => {
    const { clock } = this.#options;
    this.#tickTimer = clock.setTimer(timings.tickMs, this.#tick);
    for (const link of this.#links) {
      link.tick();
      const isRetired = link !== this.#current && link !== this.#candidate;
      if (isRetired && link.leaderlessTicks > timings.leaderlessTicksMax) link.close(leaderless());
    }
    const current = this.#current;
    if (current !== null && !current.isIdle && current.leaderlessTicks > timings.leaderlessTicksMax)
      this.#connect();
  };

  #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }
}

/** What a server was asked that knows no leader cannot be answered there: it is asked again elsewhere. */
const leaderless = (): KvraftError =>
  new KvraftError('UNREACHABLE', 'a server that knows no leader was left for another one', {
    retryable: true,
  });
