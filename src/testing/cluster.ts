import { randomInt } from 'node:crypto';
import { KvraftError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { createPrng } from '../base/prng.ts';
import { defaultKvOptions } from '../kv/options.ts';
import { SimFailure } from '../sim/failure.ts';
import { SimNetwork, type NetworkFaults } from '../sim/network.ts';
import type { MachineWorld } from '../sim/machine.ts';
import { SimServer, type ServerEvents } from '../sim/sim-server.ts';
import { peerWireFormat } from '../sim/wire-format.ts';
import { realTime } from './real-time.ts';

const MIB = 1024 * 1024;

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
  },
  segmentBytes: limits.entryBytesMax + MIB,
  flushBytes: 4 * MIB,
  sessionTtlMs: defaultKvOptions.sessionTtlMs,
};

interface Waiter {
  readonly probe: () => number | null;
  readonly resolve: (server: number) => void;
  readonly reject: (error: Error) => void;
}

/** A cluster in this process, on a network and on disks that are simulated, in real time. */
export class TestCluster implements AsyncDisposable {
  readonly #network: SimNetwork;
  readonly #servers: readonly SimServer[];
  readonly #waiters = new Set<Waiter>();
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

  /** Resolves with the number of the server that leads, once a majority of all servers follows it. */
  leader(): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(closed());
      const leader = this.#leader();
      if (leader !== null) resolve(leader);
      else this.#waiters.add({ probe: () => this.#leader(), resolve, reject });
    });
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
    this.#isClosed = true;
    for (const server of this.#servers) server.crash();
    for (const { reject } of this.#waiters) reject(closed());
    this.#waiters.clear();
    return Promise.resolve();
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
      const result = waiter.probe();
      if (result === null) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(result);
    }
  }
}

export interface TestClusterOptions {
  /** From 1 to 9; 3 without it. */
  readonly servers?: number;
}

/**
 * Starts a cluster for the tests of a program that uses kvraft: real servers in this process, without ports and
 * files. Resolves once one of them leads.
 */
export async function startTestCluster({ servers = 3 }: TestClusterOptions = {}): Promise<TestCluster> {
  if (!Number.isInteger(servers) || servers < 1 || servers > limits.serversMax) {
    throw invalid(`servers: ${String(servers)} is not from 1 to ${limits.serversMax}`);
  }
  const cluster = new TestCluster(servers, randomInt(2 ** 48 - 1));
  await cluster.leader();
  return cluster;
}

const invalid = (message: string): KvraftError => new KvraftError('INVALID_ARGUMENT', message);
const closed = (): KvraftError => new KvraftError('CLOSED', 'the test cluster was closed');
