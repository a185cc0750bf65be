import { createPrng, type Prng } from '../base/prng.ts';
import { SimFailure } from './failure.ts';
import { FaultInjector, type FaultTarget } from './fault-injector.ts';
import { FurtherClients } from './further-clients.ts';
import type { ClientCluster, ClientServer } from './rpc-server.ts';
import { Scheduler } from './scheduler.ts';
import type { OpenParts, SimMachine } from './machine.ts';
import { SimCluster } from './sim-cluster.ts';
import { Transcript } from './transcript.ts';
import { TypedClients } from './typed-clients.ts';
import { Workload, type WorkloadCounts } from './workload.ts';
import { drawWorld, type FaultKind, type WorldOptions } from './world-options.ts';

/** Virtual time in which a healed majority must have a leader that takes and confirms operations. */
const PROGRESS_MS_MAX = 30_000;
/** Virtual time in which all must agree once all are there: a snapshot that got lost is given up after half a minute. */
const CONVERGENCE_MS_MAX = 120_000;
const STEP_MS = 20;

export interface RunOptions {
  /** Takes every line of the transcript. */
  readonly onLine?: ((line: string) => void) | null;
  /** Ends the run as failed after so many events. */
  readonly stepsMax?: number;
  /** Takes the place of what the seed draws. */
  readonly world?: Partial<WorldOptions>;
}

/** How the run of one world ended. */
export interface RunResult {
  readonly world: WorldOptions;
  /** Null when everything was as promised. */
  readonly failure: string | null;
  readonly stack: string | null;
  /** The last events. */
  readonly transcript: readonly string[];
  /** Equal for equal runs. */
  readonly digest: string;
  readonly events: number;
  readonly virtualMs: number;
  /** How long the healed majority took to work again, in virtual time; null if it did not. */
  readonly progressMs: number | null;
  /** How long all took to agree then. */
  readonly convergenceMs: number | null;
  readonly operations: WorkloadCounts;
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>;
  /** Faults of single messages and disk operations. */
  readonly details: Readonly<Record<string, number>>;
  readonly histories: () => readonly string[];
}

/** What a world needs of the cluster in it, whatever engine replicates there. */
export interface SimulatedCluster<Machine extends SimMachine<OpenParts>>
  extends FaultTarget<Machine>, ClientCluster {
  leader(): (Machine & ClientServer) | null;
  /** Machines that are to stay down. */
  readonly held: Set<number>;
  /** The latest index that any server has committed. */
  readonly commitIndex: number;
  /** What happened to it, for statistics. */
  readonly counts: Readonly<Record<string, number>>;
  /** So few machines, drawn at random, that they must be able to work by themselves once they are healed. */
  core(prng: Prng): readonly Machine[];
  /** Whether all servers are there again and hold the same state. */
  isWhole(): boolean;
  /** The checks that cost the length of the logs and the size of the state. */
  checkWhole(): void;
}

/**
 * Runs the world of a seed: first all faults at once, while clients work; then the faults end, a majority is healed
 * and must make progress, then all are and must agree. The same seed gives the same run, event for event.
 */
export function runWorld(seed: number, options: RunOptions = {}): RunResult {
  const world = { ...drawWorld(seed), ...options.world };
  return new World(
    world,
    options,
    (scheduler, prng, transcript) => new SimCluster(world, scheduler, prng, transcript),
  ).run();
}

/** Clients beside those whose histories are checked. */
export interface ClientGroup {
  readonly counts: WorkloadCounts;
  /** Whether nobody waits for an answer. */
  readonly isIdle: boolean;
  stop(): void;
  check(): string | null;
}

/** A run of a cluster of either engine: see `runWorld`. */
export class World<
  Machine extends SimMachine<OpenParts>,
  Cluster extends SimulatedCluster<Machine> = SimulatedCluster<Machine>,
> {
  readonly #world: WorldOptions;
  readonly #stepsMax: number;
  readonly #scheduler = new Scheduler();
  readonly #prng: Prng;
  readonly #transcript: Transcript;
  readonly #cluster: Cluster;
  readonly #workload: Workload;
  readonly #groups: readonly ClientGroup[];
  readonly #faults: FaultInjector<Machine>;
  #progressMs: number | null = null;
  #convergenceMs: number | null = null;

  constructor(
    world: WorldOptions,
    { onLine = null, stepsMax = Infinity }: RunOptions,
    makeCluster: (scheduler: Scheduler, prng: Prng, transcript: Transcript) => Cluster,
  ) {
    this.#world = world;
    this.#stepsMax = stepsMax;
    // Not the generator that drew the world: a changed world keeps the rest of its chances.
    const prng = createPrng(world.seed + 1_000_003);
    this.#prng = createPrng(prng.uint32());
    this.#transcript = new Transcript(this.#scheduler, onLine);
    const fork = (): Prng => createPrng(prng.uint32());
    this.#cluster = makeCluster(this.#scheduler, fork(), this.#transcript);
    this.#workload = new Workload(this.#cluster, this.#scheduler, world, fork(), this.#transcript);
    this.#faults = new FaultInjector(this.#cluster, this.#scheduler, world, fork(), this.#transcript);
    const groups = fork();
    const forkGroup = (): Prng => createPrng(groups.uint32());
    this.#groups = [
      new TypedClients(this.#cluster, this.#scheduler, world, forkGroup(), this.#transcript),
      new FurtherClients(this.#cluster, this.#scheduler, world, forkGroup()),
    ];
  }

  run(): RunResult {
    let failure: string | null = null;
    let stack: string | null = null;
    try {
      this.#sufferFaults();
      this.#recover();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      failure = error.message;
      stack =
        (error instanceof SimFailure && error.cause instanceof Error ? error.cause : error).stack ?? null;
    }
    return {
      world: this.#world,
      failure,
      stack,
      transcript: this.#transcript.tail(),
      digest: this.#transcript.digest,
      events: this.#scheduler.steps,
      virtualMs: this.#scheduler.nowMs,
      progressMs: this.#progressMs,
      convergenceMs: this.#convergenceMs,
      operations: this.#operations(),
      faults: this.#faults.counts,
      details: this.#details(),
      histories: () => this.#workload.histories(),
    };
  }

  #sufferFaults(): void {
    for (const server of this.#cluster.machines) {
      this.#cluster.startAfter(server, this.#prng.float() * 20);
    }
    this.#runFor(this.#world.faultMs);
    this.#faults.stop();
  }

  #recover(): void {
    const all = this.#cluster.machines;
    const core = this.#world.healsMajorityOnly ? this.#cluster.core(this.#prng) : all;
    for (const server of all) {
      if (core.includes(server)) continue;
      this.#cluster.held.add(server.id);
      server.crash();
    }
    this.#transcript.add(`faults end; ${core.map(({ id }) => id).join(' ')} are healed`);
    this.#faults.heal();
    for (const server of core) server.start();
    this.#progress();
    this.#transcript.add('progress was made; all are healed');
    this.#cluster.held.clear();
    for (const server of all) server.start();
    this.#workload.stop();
    for (const group of this.#groups) group.stop();
    this.#converge();
    this.#cluster.checkWhole();
    const illegal = this.#groups.reduce((wrong, group) => wrong ?? group.check(), this.#workload.check());
    if (illegal !== null) throw new SimFailure(illegal);
  }

  /** Clients work on: their operations must be answered again, by a leader that can commit. */
  #progress(): void {
    const okBefore = this.#workload.counts.ok;
    const committedBefore = this.#cluster.commitIndex;
    this.#progressMs = this.#within(PROGRESS_MS_MAX, 'a healed majority makes no progress', () => {
      const { ok } = this.#workload.counts;
      return (
        this.#cluster.leader() !== null &&
        ok >= okBefore + 2 * this.#world.clients &&
        this.#cluster.commitIndex > committedBefore
      );
    });
  }

  #converge(): void {
    const agree = (): number =>
      this.#within(CONVERGENCE_MS_MAX, 'the servers do not come to the same state', () =>
        this.#cluster.isWhole(),
      );
    this.#convergenceMs = agree();
    this.#within(CONVERGENCE_MS_MAX, 'a client has no answer', () =>
      this.#groups.every(({ isIdle }) => isIdle),
    );
    // On what the last clients wrote, too; and the leader may have gone meanwhile.
    agree();
  }

  #runFor(durationMs: number): void {
    const endMs = this.#scheduler.nowMs + durationMs;
    if (this.#scheduler.runUntil(() => this.#scheduler.steps >= this.#stepsMax, endMs)) {
      throw new SimFailure(`stopped after ${this.#stepsMax} events`);
    }
    this.#scheduler.runFor(endMs - this.#scheduler.nowMs);
  }

  #within(limitMs: number, complaint: string, done: () => boolean): number {
    const startMs = this.#scheduler.nowMs;
    const endMs = startMs + limitMs;
    while (!done()) {
      if (this.#scheduler.nowMs >= endMs) throw new SimFailure(`${complaint} within ${limitMs} ms`);
      this.#runFor(STEP_MS);
    }
    return this.#scheduler.nowMs - startMs;
  }

  #operations(): WorkloadCounts {
    const total = { ok: 0, failed: 0, unknown: 0, undecided: 0 };
    for (const { counts } of [this.#workload, ...this.#groups]) {
      total.ok += counts.ok;
      total.failed += counts.failed;
      total.unknown += counts.unknown;
      total.undecided += counts.undecided;
    }
    return total;
  }

  #details(): Record<string, number> {
    const { network, machines, counts } = this.#cluster;
    const details: Record<string, number> = { ...network.counts, ...counts };
    for (const { disk } of machines) {
      for (const [name, count] of Object.entries(disk.counts)) details[name] = (details[name] ?? 0) + count;
    }
    return details;
  }
}
