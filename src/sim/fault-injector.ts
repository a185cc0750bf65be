import type { Prng } from '../base/prng.ts';
import type { OpenParts, SimMachine } from './machine.ts';
import type { SimNetwork } from './network.ts';
import type { Scheduler } from './scheduler.ts';
import type { Transcript } from './transcript.ts';
import type { FaultKind, WorldOptions } from './world-options.ts';

const WALL_OFFSET_MS_MAX = 3_600_000;

/** The machines that faults are done to. */
export interface FaultTarget<Machine extends SimMachine<OpenParts> = SimMachine<OpenParts>> {
  readonly network: SimNetwork;
  readonly machines: readonly Machine[];
  /** The one that orders what clients write, if there is one. */
  leader(): Machine | null;
  /** Starts the machine later, unless it is held down then. */
  startAfter(machine: Machine, delayMs: number): void;
  /** Does a fault that only this kind of cluster knows, to the machine if it concerns one: tells what was done, or null. */
  special(kind: FaultKind, machine: Machine, prng: Prng): string | null;
}

/** Does to a cluster what a world's rates say, until it is stopped; then it can heal everything. */
export class FaultInjector<Machine extends SimMachine<OpenParts>> {
  readonly counts: Partial<Record<FaultKind, number>> = {};
  readonly #cluster: FaultTarget<Machine>;
  readonly #scheduler: Scheduler;
  readonly #world: WorldOptions;
  readonly #prng: Prng;
  readonly #transcript: Transcript;
  #active = true;

  constructor(
    cluster: FaultTarget<Machine>,
    scheduler: Scheduler,
    world: WorldOptions,
    prng: Prng,
    transcript: Transcript,
  ) {
    this.#cluster = cluster;
    this.#scheduler = scheduler;
    this.#world = world;
    this.#prng = prng;
    this.#transcript = transcript;
    for (const [kind, rate] of Object.entries(world.rates)) this.#plan(kind as FaultKind, rate);
  }

  /** No new faults; what lasts goes on until `heal`. */
  stop(): void {
    this.#active = false;
  }

  /** Ends everything that lasts. Processes that are down stay down. */
  heal(): void {
    this.#active = false;
    const { network, machines: servers } = this.#cluster;
    network.heal();
    network.faults = {
      delayMsMin: 0.1,
      delayMsMax: 1,
      loss: 0,
      repetition: 0,
      reordering: false,
      slowness: 0,
      slowMsMax: 0,
    };
    for (const { disk, process } of servers) {
      disk.capacityBytes = Infinity;
      Object.assign(disk.faults, {
        writeErrorChance: 0,
        syncErrorChance: 0,
        stallChance: 0,
        writeMsMax: 0.1,
        syncMsMin: 0.1,
        syncMsMax: 1,
      });
      process?.resume();
    }
    for (const server of servers) server.crashPointsOn = false;
  }

  #plan(kind: FaultKind, rate: number): void {
    const waitMs = (-Math.log(1 - this.#prng.float()) * 1_000) / rate;
    this.#scheduler.schedule(waitMs, () => {
      if (!this.#active) return;
      this.#inject(kind);
      this.#plan(kind, rate);
    });
  }

  #inject(kind: FaultKind): void {
    const told = this.#do(kind);
    if (told === null) return;
    this.counts[kind] = (this.counts[kind] ?? 0) + 1;
    this.#transcript.add(`fault: ${kind} ${told}`);
  }

  /** What was done, or null if it could not be. */
  #do(kind: FaultKind): string | null {
    const { network, machines: servers } = this.#cluster;
    const prng = this.#prng;
    const server = this.#any();
    const lengthMs = prng.float() * this.#world.faultLengthMsMax;
    switch (kind) {
      case 'crash':
        server.crash();
        this.#cluster.startAfter(server, lengthMs);
        return `of ${server.id}`;
      case 'power-loss':
        server.losePower();
        this.#cluster.startAfter(server, lengthMs);
        return `of ${server.id}`;
      case 'cluster-power-loss':
        for (const each of servers) {
          each.losePower();
          this.#cluster.startAfter(each, prng.float() * this.#world.faultLengthMsMax);
        }
        return '';
      case 'stop':
        if (server.open === null) return null;
        server.stop();
        return `of ${server.id}`;
      case 'pause':
        server.process?.pause(lengthMs * 2);
        return `of ${server.id} for ${(lengthMs * 2).toFixed(0)} ms`;
      case 'partition':
        return this.#partition(lengthMs);
      case 'isolate-leader': {
        const leader = this.#cluster.leader();
        if (leader === null) return null;
        const others = servers.filter(({ id }) => id !== leader.id).map(({ id }) => id);
        network.partition([leader.id], others);
        this.#later(lengthMs, () => network.heal());
        return `${leader.id}`;
      }
      case 'cut-one-way': {
        const other = this.#any();
        if (other === server) return null;
        network.cut(server.id, other.id);
        this.#later(lengthMs, () => network.join(server.id, other.id));
        return `${server.id}>${other.id}`;
      }
      case 'slow-link': {
        const other = this.#any();
        if (other === server) return null;
        const slowMs = prng.float() * this.#world.replica.electionTimeoutMs;
        network.slowDown(server.id, other.id, slowMs);
        this.#later(lengthMs * 2, () => network.slowDown(server.id, other.id, 0));
        return `${server.id}>${other.id} by ${slowMs.toFixed(0)} ms`;
      }
      case 'cut-some':
        return this.#cutSome(lengthMs);
      case 'network-storm': {
        const before = this.#world.network;
        network.faults = { ...before, loss: 0.2 + prng.float() * 0.5, delayMsMax: before.delayMsMax + 50 };
        this.#later(lengthMs, () => (network.faults = before));
        return `for ${lengthMs.toFixed(0)} ms`;
      }
      case 'slow-disk': {
        const { faults } = server.disk;
        faults.syncMsMax = this.#world.replica.electionTimeoutMs * prng.float();
        this.#later(lengthMs, () => (faults.syncMsMax = this.#world.disk.syncMsMax ?? 1));
        return `of ${server.id}`;
      }
      case 'stalled-disk': {
        const { faults } = server.disk;
        faults.stallMs = this.#world.replica.diskStallMsMax * prng.float() * 3;
        faults.stallChance = 0.2;
        this.#later(lengthMs, () => (faults.stallChance = 0));
        return `of ${server.id}`;
      }
      case 'full-disk': {
        const { disk } = server;
        disk.capacityBytes = disk.usedBytes + prng.below(this.#world.segmentBytes);
        this.#later(lengthMs * 2, () => (disk.capacityBytes = Infinity));
        return `of ${server.id}`;
      }
      case 'failing-disk': {
        const { faults } = server.disk;
        if (prng.chance(0.5)) faults.writeErrorChance = 0.3;
        else faults.syncErrorChance = 0.3;
        this.#later(lengthMs, () => {
          faults.writeErrorChance = 0;
          faults.syncErrorChance = 0;
        });
        return `of ${server.id}`;
      }
      case 'wall-jump':
        server.skew.wallOffsetMs = prng.below(WALL_OFFSET_MS_MAX);
        return `of ${server.id}`;
      case 'hand-over':
      case 'transfer':
      case 'reconfigure':
      case 'damage':
      case 'wipe':
        return this.#cluster.special(kind, server, prng);
    }
  }

  #any(): Machine {
    const { machines } = this.#cluster;
    return machines[this.#prng.below(machines.length)] as Machine;
  }

  #later(delayMs: number, undo: () => void): void {
    this.#scheduler.schedule(delayMs, () => {
      if (this.#active) undo();
    });
  }

  #partition(lengthMs: number): string {
    const { network, machines: servers } = this.#cluster;
    const groups: number[][] = [[], []];
    for (const { id } of servers) groups[this.#prng.below(2)]?.push(id);
    network.partition(...groups);
    this.#later(lengthMs, () => network.heal());
    return groups.map((group) => `(${group.join(' ')})`).join(' ');
  }

  #cutSome(lengthMs: number): string {
    const { network, machines: servers } = this.#cluster;
    const pairs: string[] = [];
    for (const a of servers) {
      for (const b of servers) {
        if (a.id >= b.id || !this.#prng.chance(0.3)) continue;
        network.cut(a.id, b.id);
        network.cut(b.id, a.id);
        pairs.push(`${a.id}-${b.id}`);
        this.#later(lengthMs, () => {
          network.join(a.id, b.id);
          network.join(b.id, a.id);
        });
      }
    }
    return pairs.join(' ');
  }
}
