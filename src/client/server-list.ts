import type { KvraftError } from '../base/errors.ts';
import type { Prng } from '../base/prng.ts';
import type { RpcServerAddress } from '../wire/rpc-handshake.ts';
import { addressText, type ServerAddress } from './address.ts';
import { backoffMs } from './backoff.ts';
import { timings } from './timings.ts';

/** A server as the client knows it. */
export interface KnownServer {
  readonly address: ServerAddress;
  /** Its id in the cluster, once somebody has said it. */
  id: number | null;
  /** Named by the application, and so never forgotten. */
  readonly isGiven: boolean;
  failures: number;
  /** Not to be tried again before. */
  retryAtMs: number;
  /** Why the last attempt failed. */
  lastError: KvraftError | null;
}

/** Which servers there are, and which one is to be tried next. */
export class ServerList {
  readonly #prng: Prng;
  readonly #learns: boolean;
  readonly #servers = new Map<string, KnownServer>();
  /** The server that leads, as was last heard. */
  #leaderId: number | null = null;

  constructor(
    given: readonly ServerAddress[],
    { prng, learns }: { readonly prng: Prng; readonly learns: boolean },
  ) {
    this.#prng = prng;
    this.#learns = learns;
    for (const address of given) this.#add(address, null, true);
  }

  get all(): Iterable<KnownServer> {
    return this.#servers.values();
  }

  get leaderId(): number | null {
    return this.#leaderId;
  }

  set leaderId(id: number | null) {
    this.#leaderId = id;
  }

  /** The server that leads, if it is known where it is. */
  get leader(): KnownServer | null {
    if (this.#leaderId === null) return null;
    for (const server of this.#servers.values()) if (server.id === this.#leaderId) return server;
    return null;
  }

  /** A server has said who it is and who else there is: what was learned before is replaced. */
  learn(from: KnownServer, id: number, servers: readonly RpcServerAddress[]): void {
    from.id = id;
    const named = new Map(servers.map((server) => [addressText(server), server]));
    for (const [text, server] of this.#servers) {
      if (server === from) continue;
      const name = named.get(text);
      if (name !== undefined) server.id = name.id;
      else if (!server.isGiven) this.#servers.delete(text);
    }
    if (!this.#learns) return;
    for (const server of servers) {
      if (![...this.#servers.values()].some(({ id }) => id === server.id))
        this.#add(server, server.id, false);
    }
  }

  /**
   * The server to try now: the leader first, then the one that failed least, any of those. Otherwise the time at
   * which there will be one, in milliseconds.
   */
  next(nowMs: number, except: KnownServer | null): KnownServer | number {
    let best: KnownServer[] = [];
    let earliestMs = Infinity;
    for (const server of this.#servers.values()) {
      if (server === except) continue;
      if (server.retryAtMs > nowMs) {
        earliestMs = Math.min(earliestMs, server.retryAtMs);
        continue;
      }
      const failures = best[0]?.failures ?? Infinity;
      if (server.failures < failures) best = [];
      if (server.failures <= failures) best.push(server);
    }
    const leader = this.leader;
    if (leader !== null && best.includes(leader)) return leader;
    return best[this.#prng.below(Math.max(1, best.length))] ?? earliestMs;
  }

  failed(server: KnownServer, error: KvraftError, nowMs: number): void {
    server.failures++;
    server.lastError = error;
    server.retryAtMs = nowMs + (error.retryable ? backoffMs(server.failures, this.#prng) : timings.refusedMs);
    if (server.id !== null && server.id === this.#leaderId) this.#leaderId = null;
  }

  succeeded(server: KnownServer): void {
    server.failures = 0;
    server.retryAtMs = 0;
    server.lastError = null;
  }

  #add({ host, port }: ServerAddress, id: number | null, isGiven: boolean): void {
    const text = addressText({ host, port });
    if (this.#servers.has(text)) return;
    const address = { host, port };
    this.#servers.set(text, { address, id, isGiven, failures: 0, retryAtMs: 0, lastError: null });
  }
}
