import { messageOf } from '../base/errors.ts';
import { createPrng, type Prng } from '../base/prng.ts';
import { isRaftMessage, type PeerMessage } from '../net/transport.ts';
import { ClusterInvariants } from '../raft/cluster-invariants.ts';
import { members } from '../raft/confchange/apply.ts';
import { jointVoteResult } from '../raft/quorum/joint.ts';
import { generationOf, NO_MEMBER, serverOf, type ConfState } from '../raft/types.ts';
import type { Position } from '../store/store.ts';
import { DataLoss } from './data-loss.ts';
import { SimFailure } from './failure.ts';
import { MembershipFaults } from './membership-faults.ts';
import { SimNetwork } from './network.ts';
import type { Scheduler } from './scheduler.ts';
import { SimServer, type ServerEvents } from './sim-server.ts';
import { describePeerMessage } from './describe-message.ts';
import type { Transcript } from './transcript.ts';
import { peerWireFormat } from './wire-format.ts';
import type { SimulatedCluster } from './world.ts';
import type { FaultKind, WorldOptions } from './world-options.ts';

export { SimFailure };

/** The hash of the state after an entry, as the first server that applied it had it. */
interface KnownState {
  readonly term: number;
  readonly hash: string;
  readonly serverId: number;
}

const RESTART_MS_MAX = 300;
const RETRY_MS = 200;
/** After which a server that says that it is damaged is rebuilt. */
const REBUILD_MS_MAX = 2_000;

/** The servers of one world and their network, watched: every promise is checked after every event. */
export class SimCluster implements ServerEvents, SimulatedCluster<SimServer> {
  readonly network: SimNetwork;
  readonly servers: readonly SimServer[];
  readonly #world: WorldOptions;
  #membership: MembershipFaults | null = null;
  #dataLoss: DataLoss | null = null;
  readonly #scheduler: Scheduler;
  readonly #prng: Prng;
  readonly #transcript: Transcript;
  readonly #invariants = new ClusterInvariants();
  readonly #states = new Map<number, KnownState>();
  /** By server id: up to where entries were checked as applied. */
  readonly #appliedIndex = new Map<number, number>();
  /** Configurations that were seen in use, each until everything is committed that was in that server's log then. */
  #newConfs: { readonly conf: ConfState; readonly upTo: number }[] = [];
  readonly #confs = new Map<number, ConfState>();
  /** Servers that are to stay down. */
  readonly held = new Set<number>();
  /** Ends of processes that nobody had asked for: failed disks, crashes in the middle of a change. */
  deaths = 0;
  /** New lives of servers that had lost their data. */
  rebuilds = 0;

  constructor(world: WorldOptions, scheduler: Scheduler, prng: Prng, transcript: Transcript) {
    this.#world = world;
    this.#scheduler = scheduler;
    this.#prng = prng;
    this.#transcript = transcript;
    const fork = (): Prng => createPrng(prng.uint32());
    this.network = new SimNetwork(scheduler, fork(), peerWireFormat(), world.network);
    this.network.onDelivery = (_from, _to, message, checksum) =>
      transcript.addLater(checksum, () => describePeerMessage(_from, _to, message));
    const { network } = this;
    const serverIds = Array.from({ length: world.servers }, (_, i) => i + 1);
    this.servers = serverIds.map((serverId) => {
      return new SimServer({ serverId, serverIds, world, scheduler, network, prng: fork(), events: this });
    });
  }

  get machines(): readonly SimServer[] {
    return this.servers;
  }

  get counts(): Record<string, number> {
    return { deaths: this.deaths, rebuilds: this.rebuilds };
  }

  /** Changes of the membership and the leadership, and loss of data. */
  special(kind: FaultKind, server: SimServer, prng: Prng): string | null {
    const membership = (this.#membership ??= new MembershipFaults(this, prng));
    const dataLoss = (this.#dataLoss ??= new DataLoss(this, prng, this.#world));
    switch (kind) {
      case 'hand-over': {
        const leader = this.leader();
        leader?.run(() => leader.open?.replica.handOver());
        return leader === null ? null : `by ${leader.id}`;
      }
      case 'transfer':
        return membership.transfer();
      case 'reconfigure':
        return membership.reconfigure();
      case 'damage':
        return dataLoss.damage(server);
      case 'wipe':
        return dataLoss.wipe(server);
      default:
        return null;
    }
  }

  server(id: number): SimServer {
    const server = this.servers[id - 1];
    if (server === undefined) throw new SimFailure(`there is no server ${id}`);
    return server;
  }

  /** The running leader of the highest term. */
  leader(): SimServer | null {
    const leaders = this.servers.filter(({ leads }) => leads);
    leaders.sort((a, b) => termOf(b) - termOf(a));
    return leaders[0] ?? null;
  }

  /** Starts the server later, unless it is held down then. */
  startAfter(server: SimServer, delayMs: number): void {
    this.#scheduler.schedule(delayMs, () => {
      if (!this.held.has(server.id)) server.start();
    });
  }

  /** Gives a server that lost its data a new life, later: as soon as another one can tell it of the cluster. */
  rebuildAfter(server: SimServer, delayMs: number): void {
    this.#scheduler.schedule(delayMs, () => {
      // A rebuild that has not come to its end may be begun again.
      const isLost = server.refusal !== null || server.isWiped || server.isRebuilt;
      if (!isLost) return;
      if (this.held.has(server.id) || !this.rebuild(server)) this.rebuildAfter(server, RETRY_MS);
    });
  }

  /** Whether another server answered who knows the cluster. */
  rebuild(server: SimServer): boolean {
    const known = this.servers
      .filter((other) => other !== server)
      .map(({ open }) => open?.replica.status())
      .filter((status) => status !== undefined && status.clusterId !== '');
    const clusterId = known[0]?.clusterId;
    if (clusterId === undefined) return false;
    const lives = known.flatMap((status) => status?.members ?? []).filter((m) => serverOf(m) === server.id);
    const generation = Math.max(0, ...lives.map(generationOf)) + 1;
    server.crash();
    this.rebuilds++;
    this.#transcript.add(`server ${server.id} begins life ${generation}`);
    server.rebuild(clusterId, generation);
    return true;
  }

  /** So few servers, drawn at random, that every configuration that may be in force has a majority of them. */
  core(prng: Prng): SimServer[] {
    const { servers } = this;
    const drawn = servers.map((server) => ({ server, at: prng.float() + (server.isIntact ? 0 : 1) }));
    drawn.sort((a, b) => a.at - b.at);
    const confs = this.confs();
    const core = new Set<SimServer>();
    for (const { server } of drawn) {
      core.add(server);
      if (this.survives(confs, (each) => !core.has(each))) break;
    }
    return [...core];
  }

  /** All configurations that any server goes by, or may yet: a message may still bring it one that was proposed. */
  confs(): ConfState[] {
    this.#newConfs = this.#newConfs.filter(({ upTo }) => upTo > this.commitIndex);
    const known = this.servers.filter(({ isWiped }) => !isWiped).flatMap(({ confs }) => confs);
    return [...known, ...this.#newConfs.map(({ conf }) => conf)];
  }

  /**
   * Whether each of the configurations has a majority of voters that hold everything they promised, without those that
   * are `lost`. A former life of a server holds nothing.
   */
  survives(confs: readonly ConfState[], lost: (server: SimServer) => boolean): boolean {
    return confs.every(
      (conf) =>
        jointVoteResult(conf, (member) => {
          const server = this.server(serverOf(member));
          return server.member === member && !lost(server);
        }) === 'won',
    );
  }

  /** Whether every server runs, none is without its data, and all members hold the same. */
  isWhole(): boolean {
    const leader = this.leader()?.open?.replica.node;
    if (leader === undefined || leader.confState().votersOutgoing.length > 0) return false;
    const isMember = members(leader.confState());
    return (
      this.servers.every(({ isUp, isWiped, isRebuilt }) => isUp && !isWiped && !isRebuilt) &&
      this.isConverged(this.servers.filter(({ member }) => isMember.has(member)))
    );
  }

  /** Whether these servers have applied the same entries, all that they know of. */
  isConverged(servers: readonly SimServer[]): boolean {
    const positions = servers.map(({ open }) => open?.store.position.index ?? -1);
    const commits = servers.map(({ open }) => open?.replica.node.commitIndex ?? -2);
    return new Set([...positions, ...commits]).size === 1;
  }

  /** The checks that cost the length of the logs and the size of the state. */
  checkWhole(): void {
    for (const { open, id } of this.servers) {
      if (open === null) continue;
      this.#guard(() => this.#invariants.checkWhole(open.replica.node));
      this.#checkState(id, open.store.position, open.machine.stateHash());
    }
  }

  /** The latest index that any server has committed. */
  get commitIndex(): number {
    return this.#invariants.commitIndex;
  }

  // What servers say.

  started(server: SimServer): void {
    const { open } = server;
    if (open === null) return;
    const { node } = open.replica;
    const { term, votedFor, lastIndex } = server.promised;
    this.log(server, `started at t${node.term} log ${node.firstIndex}..${node.lastIndex}`);
    const forgot =
      node.term < term ||
      (node.term === term && votedFor !== NO_MEMBER && node.votedFor !== votedFor) ||
      node.lastIndex < lastIndex;
    if (forgot) {
      this.fail(
        `server ${server.id} forgot what was durable: term ${term} vote ${votedFor} last ${lastIndex}, ` +
          `found term ${node.term} vote ${node.votedFor} last ${node.lastIndex}`,
      );
    }
    this.#appliedIndex.set(server.id, node.appliedIndex);
    this.#guard(() => this.#invariants.restarted(node, server.isWiped));
    this.#checkState(server.id, open.store.position, open.machine.stateHash());
  }

  observe(server: SimServer): void {
    const { open } = server;
    if (open === null) return;
    const { node } = open.replica;
    this.#guard(() => {
      this.#invariants.observe(node);
      this.#followApplied(server.id, open);
    });
    if (server.isRebuilt) noteRebuilt(server);
    const conf = node.confState();
    if (this.#confs.get(server.id) === conf) return;
    this.#confs.set(server.id, conf);
    this.#newConfs.push({ conf, upTo: node.lastIndex });
  }

  ended(server: SimServer, reason: string, ownAccord: boolean): void {
    this.log(server, `ended: ${reason}`);
    if (!ownAccord) return;
    this.deaths++;
    if (server.refusal !== null) return this.rebuildAfter(server, this.#prng.below(REBUILD_MS_MAX));
    this.startAfter(server, this.#prng.below(RESTART_MS_MAX));
  }

  sent(server: SimServer, message: PeerMessage): void {
    if (!isRaftMessage(message)) return;
    this.#guard(() => this.#invariants.sent(message, server.durable));
  }

  advanced(server: SimServer, position: Position): void {
    const { open } = server;
    if (open !== null) this.#checkState(server.id, position, open.machine.stateHash());
  }

  log(server: SimServer, text: string): void {
    this.#transcript.add(`server ${server.id}: ${text}`);
  }

  fail(message: string, cause?: unknown): never {
    throw new SimFailure(message, { cause });
  }

  #followApplied(serverId: number, { replica: { node } }: NonNullable<SimServer['open']>): void {
    let applied = this.#appliedIndex.get(serverId) ?? 0;
    if (node.firstIndex > applied + 1) {
      applied = node.firstIndex - 1;
      this.#invariants.installed(node.id, applied);
    }
    if (node.appliedIndex > applied) {
      for (const entry of node.entries(applied + 1, node.appliedIndex + 1)) {
        this.#invariants.applied(node.id, entry);
      }
      applied = node.appliedIndex;
    }
    this.#appliedIndex.set(serverId, applied);
  }

  /** Servers at the same index hold the same state. */
  #checkState(serverId: number, { index, term }: Position, hash: string): void {
    const known = this.#states.get(index);
    if (known === undefined) {
      this.#states.set(index, { term, hash, serverId });
    } else if (known.hash !== hash || known.term !== term) {
      this.fail(
        `server ${serverId} has another state at ${index}/${term} (${hash}) than server ${known.serverId} ` +
          `had at ${index}/${known.term} (${known.hash})`,
      );
    }
  }

  #guard(check: () => void): void {
    try {
      check();
    } catch (error) {
      if (error instanceof SimFailure) throw error;
      this.fail(messageOf(error), error);
    }
  }
}

/** A rebuilt server is whole again when it knows that it votes. */
function noteRebuilt(server: SimServer): void {
  const node = server.open?.replica.node;
  if (node === undefined || node.commitIndex < node.firstIndex - 1) return;
  if (node.confStateAt(node.commitIndex).voters.includes(node.id)) server.isRebuilt = false;
}

const termOf = (server: SimServer): number => server.open?.replica.node.term ?? 0;
