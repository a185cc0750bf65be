import { createPrng, type Prng } from '../../base/prng.ts';
import type { PeerMessage } from '../../net/transport.ts';
import { serverOf } from '../../raft/types.ts';
import { SimFailure } from '../failure.ts';
import type { OpenParts, SimMachine } from '../machine.ts';
import type { SimNetwork } from '../network.ts';
import { Scheduler } from '../scheduler.ts';
import { Transcript } from '../transcript.ts';
import type { WorldOptions } from '../world-options.ts';
import type { SimulatedCluster } from '../world.ts';
import { Clients, type ClientStage, type StageServer } from './clients.ts';

export const RELIABLE_NETWORK: WorldOptions['network'] = {
  delayMsMin: 0.2,
  delayMsMax: 1,
  loss: 0,
  repetition: 0,
  reordering: false,
  slowness: 0,
  slowMsMax: 0,
};

const WAIT_MS_MAX = 30_000;

/** What a stage needs of the cluster on it, whatever engine replicates there. */
export type StageCluster<Machine extends SimMachine<OpenParts>, Server extends Machine & StageServer> = Omit<
  SimulatedCluster<Machine>,
  'servers'
> & { readonly servers: readonly Server[] };

export type MakeCluster<Cluster> = (scheduler: Scheduler, prng: Prng, transcript: Transcript) => Cluster;

/** A simulated cluster of either engine that a scenario tells what to do, and that keeps watch over every promise. */
export abstract class AnyStage<
  Machine extends SimMachine<OpenParts>,
  Server extends Machine & StageServer,
  Cluster extends StageCluster<Machine, Server>,
> implements ClientStage<Server> {
  readonly world: WorldOptions;
  readonly scheduler = new Scheduler();
  readonly cluster: Cluster;
  readonly clients: Clients<Server>;
  readonly prng: Prng;
  readonly #transcript: Transcript;

  constructor(
    seed: number,
    world: WorldOptions,
    onLine: ((line: string) => void) | null,
    makeCluster: MakeCluster<Cluster>,
  ) {
    this.world = world;
    const prng = createPrng(seed + 7_000_003);
    this.prng = createPrng(prng.uint32());
    this.#transcript = new Transcript(this.scheduler, onLine);
    const fork = (): Prng => createPrng(prng.uint32());
    this.cluster = makeCluster(this.scheduler, fork(), this.#transcript);
    this.clients = new Clients(this, fork());
  }

  get servers(): readonly Server[] {
    return this.cluster.servers;
  }

  get network(): SimNetwork {
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

  others(...servers: readonly Server[]): Server[] {
    return this.servers.filter((server) => !servers.includes(server));
  }

  startAll(): void {
    for (const machine of this.cluster.machines) machine.start();
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

  /** Waits for a server that orders operations, and knows that it may. */
  abstract leader(among?: readonly Server[]): Server;

  /** Splits the network into these groups. */
  partition(...groups: readonly (readonly Machine[])[]): void {
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

  /** Everything is healed and started; then all must come to the same state and the clients must have seen no wrong. */
  finish(): void {
    this.clients.stop();
    this.heal();
    this.network.faults = RELIABLE_NETWORK;
    for (const machine of this.cluster.machines) {
      machine.process?.resume();
      machine.start();
    }
    this.until('all servers agree', () => this.isSettled(), 60_000);
    this.cluster.checkWhole();
    this.clients.check();
  }

  /** Whether all are there and agree, and no client waits. */
  protected abstract isSettled(): boolean;
}
