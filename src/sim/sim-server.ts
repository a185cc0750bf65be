import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { createPrng } from '../base/prng.ts';
import { KvStateMachine } from '../kv/machine.ts';
import { Admission } from '../listeners/admission.ts';
import type { ConnectionStream } from '../listeners/client-connection.ts';
import { KvReader } from '../listeners/kv-reader.ts';
import { RpcService, type AcceptedConnection } from '../listeners/rpc-service.ts';
import { ServerSession } from '../listeners/server-session.ts';
import { memberId, NO_MEMBER, type ConfState, type MemberId } from '../raft/types.ts';
import { Identity } from '../replica/identity.ts';
import { openReplica, type OpenReplica } from '../replica/open-replica.ts';
import { SimMachine, type MachineEvents, type MachineOptions, type Surroundings } from './machine.ts';
import type { SimProcess } from './process.ts';
import { simAddress } from './sim-address.ts';

const FOLDER = 'data';
const REQUEST_TIMEOUT_MS = 30_000;

/** What a server tells the world that it lives in. */
export type ServerEvents = MachineEvents<SimServer>;

export interface SimServerOptions extends MachineOptions<SimServer> {
  /** The ids of all servers. */
  readonly serverIds: readonly number[];
}

/** One server of a Raft cluster. The parts are those of production. */
export class SimServer extends SimMachine<OpenReplica<KvStateMachine>> {
  readonly #options: SimServerOptions;
  #session: ServerSession | null = null;
  #rpc: RpcService | null = null;
  /** The member that it is, or was when it last ran. */
  member: MemberId;
  /** The configurations that it went by when it last ran: the active one, and the last one that it knew committed. */
  lastConfs: readonly ConfState[] = [];
  /** Damage was done to its files: it may refuse to start. */
  isDamaged = false;
  /** It lost its data folder: the others must not take it for who it was. */
  isWiped = false;
  /** It begins a new life with an empty folder, and is not a voter again yet. */
  isRebuilt = false;

  constructor(options: SimServerOptions) {
    super(options);
    this.member = memberId(options.serverId, 0);
    this.#options = options;
  }

  /** Whether it holds all that it ever said to be durable. */
  get isIntact(): boolean {
    return !this.isDamaged && !this.isWiped && !this.isRebuilt;
  }

  /** The configurations that it goes by. */
  get confs(): readonly ConfState[] {
    const node = this.open?.replica.node;
    if (node === undefined) return this.lastConfs;
    return [node.confState(), node.confStateAt(Math.max(node.commitIndex, node.firstIndex - 1))];
  }

  get session(): ServerSession | null {
    return this.open === null ? null : this.#session;
  }

  /** Serves a client's connection; null while the server serves none. Runs in the server's process. */
  accept(stream: ConnectionStream): AcceptedConnection | null {
    return this.open === null || this.isStopping ? null : (this.#rpc?.accept(stream) ?? null);
  }

  get leads(): boolean {
    return !this.isStopping && this.open?.replica.isLeader === true;
  }

  /** Somebody deletes the data folder of the server, whose process is killed before. */
  wipe(): void {
    this.crash();
    this.disk.wipe();
    this.isWiped = true;
    this.lastConfs = [];
    this.promised = { term: 0, votedFor: NO_MEMBER, lastIndex: 0 };
  }

  /** `kvraft server --rebuild`: an empty folder and a life of the next generation. Not while a process runs. */
  rebuild(clusterId: string, generation: number): void {
    const { serverIds: foundingServers, prng, serverId } = this.#options;
    this.disk.wipe();
    const setup = { serverId, foundingServers, prng: createPrng(prng.uint32()) };
    Identity.create(this.disk.mount(), FOLDER, setup, { generation, clusterId });
    this.member = memberId(serverId, generation);
    this.lastConfs = [];
    this.promised = { term: 0, votedFor: NO_MEMBER, lastIndex: 0 };
    Object.assign(this, { isDamaged: false, isWiped: false, isRebuilt: true, refusal: null });
    this.start();
  }

  protected override ending(): void {
    super.ending();
    this.lastConfs = this.confs;
  }

  protected override excuses(code: unknown, wasOpen: boolean): boolean {
    return (
      (this.isWiped && code === 'WRONG_INCARNATION') ||
      (this.isDamaged && !wasOpen && (code === 'LOG_DAMAGED' || code === 'STORE_DAMAGED'))
    );
  }

  protected override opened(surroundings: Surroundings, { clock }: SimProcess): OpenReplica<KvStateMachine> {
    const { serverId, serverIds, world } = this.#options;
    const open = openReplica({
      ...surroundings,
      serverId,
      servers: serverIds,
      folder: FOLDER,
      makeMachine: (storage) => new KvStateMachine(storage, { sessionTtlMs: world.sessionTtlMs }),
      options: world.replica,
      segmentBytes: world.segmentBytes,
    });
    this.member = open.replica.node.id;
    this.#rpc = this.#rpcService(open, clock);
    this.#session = new ServerSession(open.replica, open.machine, clock, world.sessionTtlMs);
    return open;
  }

  #rpcService({ replica, machine }: OpenReplica<KvStateMachine>, clock: Clock): RpcService {
    return new RpcService({
      replicator: replica,
      machine,
      reads: new KvReader(machine, clock),
      clock,
      admission: new Admission({ clock }),
      serverId: this.id,
      servers: this.#options.serverIds.map((id) => ({ id, ...simAddress(id) })),
      keyBytesMax: limits.keyBytesMax,
      valueBytesMax: limits.valueBytesMax,
      requestTimeoutMs: this.#options.world.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
    });
  }

  protected override begin({ replica }: OpenReplica<KvStateMachine>): void {
    replica.start();
  }
}
