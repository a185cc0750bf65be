import { SimCluster } from '../sim-cluster.ts';
import type { SimServer } from '../sim-server.ts';
import { drawWorld, type WorldOptions } from '../world-options.ts';
import { AnyStage, RELIABLE_NETWORK } from './any-stage.ts';

export { RELIABLE_NETWORK } from './any-stage.ts';

/** What a scenario wants to be otherwise than on a quiet stage. */
export type StageOptions = Partial<WorldOptions>;

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
  foundingWaitMs: 0,
};

/** A cluster in which nothing fails unless the scenario says so. */
export function quietWorld(seed: number): WorldOptions {
  return {
    ...drawWorld(seed),
    servers: 5,
    clients: 0,
    typedClients: 0,
    furtherClients: 0,
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

/** A simulated Raft cluster that a scenario tells what to do, and that keeps watch over every promise meanwhile. */
export class Stage extends AnyStage<SimServer, SimServer, SimCluster> {
  constructor(seed: number, options: StageOptions = {}, onLine: ((line: string) => void) | null = null) {
    const world = { ...quietWorld(seed), ...options };
    super(seed, world, onLine, (scheduler, prng, transcript) => {
      return new SimCluster(world, scheduler, prng, transcript);
    });
  }

  server(id: number): SimServer {
    return this.cluster.server(id);
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

  /** Gives the server an empty folder and a new life, as `kvraft server --rebuild` does. */
  rebuild(server: SimServer): void {
    this.leader();
    this.expect(this.cluster.rebuild(server), 'another server tells of the cluster');
  }

  protected isSettled(): boolean {
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
