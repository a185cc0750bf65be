import { createPrng, type Prng } from '#dist/base/prng.js';
import { ProcessCluster, until } from '../processes.ts';
import { Appenders, type AppendersOptions } from './appenders.ts';
import type { KvClients, KvClientsOptions } from './kv-clients.ts';
import { ProxiedNetwork } from './proxied-network.ts';

/** What clients the scenarios are played with. */
export type ClientsOf = (options: KvClientsOptions) => KvClients;

export interface StageOptions {
  readonly servers: number;
  readonly seed: number;
  readonly clients: ClientsOf;
}

/** A request that finds no majority is over soon. */
const CONFIG = { heartbeatIntervalMs: 50, electionTimeoutMs: 500, requestTimeoutMs: 2_000 };

/** A cluster of real processes behind proxies that a scenario tells what to do. */
export class ProcessStage {
  readonly cluster: ProcessCluster;
  readonly network: ProxiedNetwork;
  readonly clients: KvClients;
  readonly prng: Prng;
  readonly #appenders: Appenders[] = [];

  private constructor(cluster: ProcessCluster, network: ProxiedNetwork, clients: KvClients, prng: Prng) {
    this.cluster = cluster;
    this.network = network;
    this.clients = clients;
    this.prng = prng;
  }

  /** Starts all servers and waits for a leader. */
  static async open({ servers, seed, clients }: StageOptions): Promise<ProcessStage> {
    const prng = createPrng(seed);
    const fork = (): Prng => createPrng(prng.uint32());
    const cluster = await ProcessCluster.create(servers, CONFIG);
    const network = await ProxiedNetwork.between(cluster, fork());
    const portOf = (id: number): number => network.clientPort(id);
    const stage = new ProcessStage(
      cluster,
      network,
      clients({ servers: cluster.ids, portOf, prng: fork() }),
      fork(),
    );
    cluster.startAll();
    await cluster.leader();
    return stage;
  }

  get ids(): readonly number[] {
    return this.cluster.ids;
  }

  /** Sets clients to work, each appending one unique token after the other. */
  async append(options: AppendersOptions): Promise<Appenders> {
    const appenders = new Appenders(`a${this.#appenders.length}`, this.clients, this.prng, options);
    this.#appenders.push(appenders);
    await appenders.start();
    return appenders;
  }

  /** Cuts the network at random, again and again. */
  async repartition(rounds: number): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      const groups: [number[], number[]] = [[], []];
      for (const id of this.ids) groups[this.prng.below(2) as 0 | 1].push(id);
      this.network.partition(...groups);
      await sleep(500 + this.prng.below(1_000));
    }
    this.network.partition(this.ids);
  }

  /** Kills all servers at once, and starts them again one by one. */
  async crashAll(): Promise<void> {
    await this.cluster.kill('SIGKILL', ...this.cluster.running);
    for (const id of this.ids) {
      await sleep(this.prng.below(60));
      this.cluster.start(id);
    }
  }

  /** All is healed; then the servers must come to the same state, and the clients have seen no wrong. */
  async finish(): Promise<void> {
    this.network.heal();
    for (const appenders of this.#appenders) await appenders.stop();
    await this.cluster.up();
    for (const appenders of this.#appenders) await appenders.check();
    await this.cluster.converged();
    this.clients.check();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const appenders of this.#appenders) appenders.abandon();
    this.network.close();
    await this.cluster[Symbol.asyncDispose]();
  }
}

/** How long a fault lasts: nothing is waited for. */
export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export { until };
