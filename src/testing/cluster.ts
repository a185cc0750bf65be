import { randomInt } from 'node:crypto';
import { assert } from '../base/assert.ts';
import { KvraftError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { nodeClock } from '../base/node-clock.ts';
import { createPrng } from '../base/prng.ts';
import type { Dial } from '../client/dial.ts';
import type { Client, ConnectOptions } from '../client/index.ts';
import { openClient } from '../client/open-client.ts';
import { defaultKvOptions } from '../kv/options.ts';
import { ClientPipe } from '../sim/client-pipe.ts';
import { SimFailure } from '../sim/failure.ts';
import { SimNetwork, type NetworkFaults } from '../sim/network.ts';
import { SimProcess } from '../sim/process.ts';
import { simAddress, simServerAt } from '../sim/sim-address.ts';
import type { MachineWorld } from '../sim/machine.ts';
import { SimServer, type ServerEvents } from '../sim/sim-server.ts';
import { peerWireFormat } from '../sim/wire-format.ts';
import { realTime } from './real-time.ts';

const MIB = 1024 * 1024;
const PRNG_SEED_MAX = 2 ** 48 - 1;
/** The machine of the clients, which no partition names. */
const CLIENT = -1;

/** A network and disks that do what they are told, as fast as the event loop turns. */
const NETWORK: NetworkFaults = {
  delayMsMin: 0,
  delayMsMax: 0,
  loss: 0,
  repetition: 0,
  reordering: false,
  slowness: 0,
  slowMsMax: 0,
};

/** Elections are quick, and all data lives in the memory of a test. */
const WORLD: MachineWorld = {
  clockDrift: 0,
  crashPointChance: 0,
  disk: { writeMsMin: 0, writeMsMax: 0, syncMsMin: 0, syncMsMax: 0 },
  replica: {
    tickMs: 10,
    heartbeatIntervalMs: 30,
    electionTimeoutMs: 150,
    diskStallMsMax: 2_000,
    logBytesMax: 8 * MIB,
    unflushedBytesMax: 32 * MIB,
    uncommittedBytesMax: limits.uncommittedBytesMax,
    foundingWaitMs: 0,
  },
  segmentBytes: limits.entryBytesMax + MIB,
  flushBytes: 4 * MIB,
  requestTimeoutMs: 30_000,
  sessionTtlMs: defaultKvOptions.sessionTtlMs,
};

/** Somebody who waits until something is so; called after everything that happens, and returns whether it is. */
interface Waiter {
  readonly check: () => boolean;
  readonly reject: (error: Error) => void;
}

/** A cluster in this process, on a network and on disks that are simulated, in real time. */
export class TestCluster implements AsyncDisposable {
  readonly #network: SimNetwork;
  readonly #servers: readonly SimServer[];
  readonly #waiters = new Set<Waiter>();
  /** Where all clients run. */
  readonly #program = new SimProcess(realTime, { rate: 1, wallOffsetMs: 0 }, (callback) => callback());
  readonly #clients = new Set<Client>();
  #isClosed = false;

  /** `startTestCluster` makes one. */
  constructor(size: number, seed: number) {
    const prng = createPrng(seed);
    const fork = (): ReturnType<typeof createPrng> => createPrng(prng.uint32());
    this.#network = new SimNetwork(realTime, fork(), peerWireFormat(), NETWORK);
    const serverIds = Array.from({ length: size }, (_, id) => id);
    const shared = {
      serverIds,
      world: WORLD,
      scheduler: realTime,
      network: this.#network,
      events: this.#events,
    };
    this.#servers = serverIds.map((serverId) => new SimServer({ ...shared, serverId, prng: fork() }));
    for (const server of this.#servers) server.start();
  }

  /** How many servers there are; they are numbered from 0 on. */
  get size(): number {
    return this.#servers.length;
  }

  /** Connects a client; it is closed with the cluster, or before. */
  async client({ servers, ...options }: TestClientOptions = {}): Promise<Client> {
    const known = servers ?? this.#servers.map(({ id }) => id);
    const client = await openClient(
      {
        ...options,
        servers: known.map((server) => simAddress(this.#server(server).id)),
        learnServers: servers === undefined,
      },
      { clock: nodeClock, prng: createPrng(randomInt(PRNG_SEED_MAX)), dial: this.#dial },
    );
    this.#clients.add(client);
    return client;
  }

  /** Resolves with the number of the server that leads, once a majority of all servers follows it. */
  leader(): Promise<number> {
    return this.#until(() => this.#leader());
  }

  /** Resolves once every server has joined the cluster that was founded. */
  async founded(): Promise<void> {
    await this.#until(() =>
      this.#servers.every(({ open }) => open?.replica.status().clusterId) ? true : null,
    );
  }

  /** Whether the server runs. */
  isUp(server: number): boolean {
    return this.#server(server).isUp;
  }

  /** Kills the process of a server, as `kill -9` does; what it had written stays on its disk. */
  crash(server: number): void {
    this.#server(server).crash();
  }

  /** Starts a server again, from its disk. One that runs is killed before. */
  restart(server: number): void {
    const restarted = this.#server(server);
    restarted.crash();
    restarted.start();
  }

  /** Holds a server up, as a long garbage collection does; it goes on, late, with what came meanwhile. */
  pause(server: number, durationMs: number): void {
    const { process } = this.#server(server);
    if (!(durationMs >= 0)) throw invalid(`${String(durationMs)} is not a number of milliseconds`);
    process?.pause(durationMs);
  }

  /**
   * Lets only servers of the same group reach each other; one of no group reaches none. Clients still reach all. Takes
   * the place of the partition before.
   */
  partition(...groups: readonly (readonly number[])[]): void {
    for (const server of groups.flat()) this.#server(server);
    // Also those that are down now: they are cut off when they come back.
    const others = this.#servers.filter(({ id }) => !groups.flat().includes(id));
    this.#network.partition(...groups, ...others.map(({ id }) => [id]));
  }

  /** Ends a partition. Servers that were crashed stay down. */
  heal(): void {
    this.#network.heal();
  }

  /** Ends everything. May be called again. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await Promise.all([...this.#clients].map((client) => client.close()));
    for (const server of this.#servers) server.crash();
    for (const { reject } of this.#waiters) reject(closed());
    this.#waiters.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #server(number: number): SimServer {
    if (this.#isClosed) throw closed();
    const server = this.#servers[number];
    if (server === undefined)
      throw invalid(`there is no server ${String(number)}, only 0 to ${this.#servers.length - 1}`);
    return server;
  }

  /** Resolves with what the probe gives, once it gives something. */
  #until<T>(probe: () => T | null): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(closed());
      const check = (): boolean => {
        const result = probe();
        if (result !== null) resolve(result);
        return result !== null;
      };
      if (!check()) this.#waiters.add({ check, reject });
    });
  }

  #leader(): number | null {
    const leader = this.#servers.find((server) => {
      if (!server.leads) return false;
      const term = server.open?.replica.node.term;
      const followers = this.#servers.filter(
        ({ open }) => open?.replica.node.term === term && open?.replica.leaderServer() === server.id,
      );
      return followers.length * 2 > this.#servers.length;
    });
    return leader?.id ?? null;
  }

  readonly #dial: Dial = (address, handler) => {
    const server = this.#servers[simServerAt(address)];
    assert(server !== undefined, 'only addresses that were given out are dialled');
    return new ClientPipe(this.#network, realTime, { id: CLIENT, process: this.#program }, server, handler);
  };

  readonly #events: ServerEvents = {
    observe: () => this.#wake(),
    started: () => undefined,
    ended: () => undefined,
    sent: () => undefined,
    advanced: () => undefined,
    log: () => undefined,
    fail: (message, cause) => {
      throw new SimFailure(message, { cause });
    },
  };

  #wake(): void {
    for (const waiter of this.#waiters) {
      if (waiter.check()) this.#waiters.delete(waiter);
    }
  }
}

export interface TestClientOptions extends Pick<ConnectOptions, 'signal' | 'timeout' | 'connectTimeout'> {
  /** The only servers that the client reaches; all without it. */
  readonly servers?: readonly number[];
}

export interface TestClusterOptions {
  /** From 1 to 9; 3 without it. */
  readonly servers?: number;
}

/**
 * Starts a cluster for the tests of a program that uses kvraft: real servers in this process, without ports and
 * files. Resolves once all of them are a cluster.
 */
export async function startTestCluster({ servers = 3 }: TestClusterOptions = {}): Promise<TestCluster> {
  if (!Number.isInteger(servers) || servers < 1 || servers > limits.serversMax) {
    throw invalid(`servers: ${String(servers)} is not from 1 to ${limits.serversMax}`);
  }
  const cluster = new TestCluster(servers, randomInt(PRNG_SEED_MAX));
  await cluster.founded();
  return cluster;
}

const invalid = (message: string): KvraftError => new KvraftError('INVALID_ARGUMENT', message);
const closed = (): KvraftError => new KvraftError('CLOSED', 'the test cluster was closed');
