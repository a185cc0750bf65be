import { createPrng, type Prng } from '../../base/prng.ts';
import type { PeerMessage } from '../../net/transport.ts';
import { serverOf } from '../../raft/types.ts';
import { SimCluster, SimFailure } from '../sim-cluster.ts';
import type { SimServer } from '../sim-server.ts';
import { Scheduler } from '../scheduler.ts';
import { Transcript } from '../transcript.ts';
import { drawWorld, type WorldOptions } from '../world-options.ts';
import { Clients } from './clients.ts';

/** What a scenario wants to be otherwise than on a quiet stage. */
export type StageOptions = Partial<WorldOptions>;

export const RELIABLE_NETWORK: WorldOptions['network'] = {
  delayMsMin: 0.2,
  delayMsMax: 1,
  loss: 0,
  repetition: 0,
  reordering: false,
  slowness: 0,
  slowMsMax: 0,
};

/** Loses every tenth message, repeats some, delays and reorders all. */
export const UNRELIABLE_NETWORK: WorldOptions['network'] = {
  delayMsMin: 0.2,
  delayMsMax: 15,
  loss: 0.1,
  repetition: 0.1,
  reordering: true,
  slowness: 0.05,
  slowMsMax: 200,
};

/** The log is cut after a few kilobytes, so that who was away for a moment needs a snapshot. */
export const SMALL_LOG: WorldOptions['replica'] = {
  tickMs: 10,
  heartbeatIntervalMs: 20,
  electionTimeoutMs: 160,
  diskStallMsMax: 640,
  logBytesMax: 3_000,
  unflushedBytesMax: 1_000_000,
  uncommittedBytesMax: 1_000_000,
};

const WAIT_MS_MAX = 30_000;

/** A cluster in which nothing fails unless the scenario says so. */
function quietWorld(seed: number): WorldOptions {
  return {
    ...drawWorld(seed),
    servers: 5,
    clients: 0,
    rates: {},
    crashPointChance: 0,
    clockDrift: 0,
    network: RELIABLE_NETWORK,
    disk: {},
    replica: { ...SMALL_LOG, logBytesMax: 64_000 },
    segmentBytes: 16_384,
    flushBytes: 4_000,
    sessionTtlMs: 600_000,
    requestTimeoutMs: 1_500,
    clientTimeoutMs: 3_000,
  };
}

/** A simulated cluster that a scenario tells what to do, and that keeps watch over every promise meanwhile. */
export class Stage {
  readonly world: WorldOptions;
  readonly scheduler = new Scheduler();
  readonly cluster: SimCluster;
  readonly clients: Clients;
  readonly prng: Prng;
  readonly #transcript: Transcript;

  constructor(seed: number, options: StageOptions = {}, onLine: ((line: string) => void) | null = null) {
    this.world = { ...quietWorld(seed), ...options };
    const prng = createPrng(seed + 7_000_003);
    this.prng = createPrng(prng.uint32());
    this.#transcript = new Transcript(this.scheduler, onLine);
    const fork = (): Prng => createPrng(prng.uint32());
    this.cluster = new SimCluster(this.world, this.scheduler, fork(), this.#transcript);
    this.clients = new Clients(this, fork());
  }

  get servers(): readonly SimServer[] {
    return this.cluster.servers;
  }

  get network(): SimCluster['network'] {
    return this.cluster.network;
  }

  /** The last events. */
  transcript(): readonly string[] {
    return this.#transcript.tail();
  }

  /** Of everything that happened. */
  get digest(): string {
    return this.#transcript.digest;
  }

  server(id: number): SimServer {
    return this.cluster.server(id);
  }

  others(...servers: readonly SimServer[]): SimServer[] {
    return this.servers.filter((server) => !servers.includes(server));
  }

  startAll(): void {
    for (const server of this.servers) server.start();
  }

  run(durationMs: number): void {
    this.scheduler.runFor(durationMs);
  }

  /** Runs until it holds; a failure if it does not in time. */
  until(what: string, holds: () => boolean, limitMs = WAIT_MS_MAX): void {
    if (!this.scheduler.runUntil(holds, this.scheduler.nowMs + limitMs))
      throw new SimFailure(`${what}: not within ${limitMs} ms`);
  }

  expect(holds: boolean, what: string): void {
    if (!holds) throw new SimFailure(`expected that ${what}`);
  }

  /** Waits for a leader among the servers that has committed an entry of its term. */
  leader(among: readonly SimServer[] = this.servers): SimServer {
    let found: SimServer | undefined;
    this.until('a leader', () => {
      found = among.find((server) => server.leads && commitsInItsTerm(server));
      return found !== undefined && this.cluster.leader() === found;
    });
    return found as SimServer;
  }

  /** Splits the network into these groups. */
  partition(...groups: readonly (readonly SimServer[])[]): void {
    this.say(`partition ${groups.map((group) => `(${group.map(({ id }) => id).join(' ')})`).join(' ')}`);
    this.network.partition(...groups.map((group) => group.map(({ id }) => id)));
  }

  heal(): void {
    this.say('the network is healed');
    this.network.heal();
  }

  /** Holds messages up from now on; the returned function ends it, and lets them go or drops them. */
  hold(
    holds: (message: PeerMessage, from: number, to: number) => boolean,
  ): (then: 'deliver' | 'drop') => void {
    const { network } = this;
    const held: (() => void)[] = [];
    const send = network.send.bind(network);
    network.send = (from, to, message) => {
      if (holds(message, from.serverId, serverOf(to))) held.push(() => send(from, to, message));
      else send(from, to, message);
    };
    return (then) => {
      network.send = send;
      if (then === 'drop') return;
      for (const release of held) release();
    };
  }

  say(text: string): void {
    this.#transcript.add(text);
  }

  /** Gives the server an empty folder and a new life, as `kvraft server --rebuild` does. */
  rebuild(server: SimServer): void {
    this.leader();
    this.expect(this.cluster.rebuild(server), 'another server tells of the cluster');
  }

  /** Everything is healed and started; then all must come to the same state and the clients must have seen no wrong. */
  finish(): void {
    this.clients.stop();
    this.heal();
    this.network.faults = RELIABLE_NETWORK;
    for (const server of this.servers) {
      server.process?.resume();
      server.start();
    }
    this.until('all servers agree', () => this.#isSettled(), 60_000);
    this.cluster.checkWhole();
    this.clients.check();
  }

  #isSettled(): boolean {
    const { servers } = this;
    return (
      this.cluster.leader() !== null &&
      this.clients.idle &&
      servers.every(({ isUp }) => isUp) &&
      this.cluster.isConverged(servers)
    );
  }
}

/** Whether it knows how far the log is committed. */
export function commitsInItsTerm({ open }: SimServer): boolean {
  const node = open?.replica.node;
  return node !== undefined && node.termAt(node.commitIndex) === node.term;
}
