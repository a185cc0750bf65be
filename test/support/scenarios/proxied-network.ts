import { createPrng, type Prng } from '#dist/base/prng.js';
import type { ProcessCluster } from '../processes.ts';
import { FAIR, Proxy, type Weather } from '../proxy.ts';

/** The network of a cluster of processes: a proxy for every way from a server to another, and one for clients of each. */
export class ProxiedNetwork {
  readonly #ways: ReadonlyMap<string, Proxy>;
  readonly #clients: ReadonlyMap<number, Proxy>;
  readonly #ids: readonly number[];

  private constructor(
    ids: readonly number[],
    ways: ReadonlyMap<string, Proxy>,
    clients: ReadonlyMap<number, Proxy>,
  ) {
    this.#ids = ids;
    this.#ways = ways;
    this.#clients = clients;
  }

  /** Lays the network between servers that have not been started yet. */
  static async between(cluster: ProcessCluster, prng: Prng): Promise<ProxiedNetwork> {
    const fork = (): Prng => createPrng(prng.uint32());
    const ways = new Map<string, Proxy>();
    const clients = new Map<number, Proxy>();
    for (const { Id: to, LogPort, ClientPort } of cluster.servers) {
      clients.set(to, await Proxy.open(ClientPort, fork()));
      for (const from of cluster.ids) {
        if (from !== to) ways.set(`${from}>${to}`, await Proxy.open(LogPort, fork()));
      }
    }
    cluster.routePeers((from, to) => ways.get(`${from}>${to}`)?.port ?? 0);
    return new ProxiedNetwork(cluster.ids, ways, clients);
  }

  /** Where clients reach the server. */
  clientPort(id: number): number {
    return this.#clients.get(id)?.port ?? 0;
  }

  setWeather(weather: Weather): void {
    for (const proxy of [...this.#ways.values(), ...this.#clients.values()]) proxy.weather = weather;
  }

  /** Only servers of the same group reach one another. Clients reach all. */
  partition(...groups: readonly (readonly number[])[]): void {
    for (const from of this.#ids) {
      for (const to of this.#ids) {
        const way = this.#ways.get(`${from}>${to}`);
        if (groups.some((group) => group.includes(from) && group.includes(to))) way?.join();
        else way?.cut();
      }
    }
  }

  /** Everybody reaches everybody, over a good network. */
  heal(): void {
    this.setWeather(FAIR);
    this.partition(this.#ids);
  }

  close(): void {
    for (const proxy of [...this.#ways.values(), ...this.#clients.values()]) proxy.close();
  }
}
