import { AssertionError } from '../base/assert.ts';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { createPrng, type Prng } from '../base/prng.ts';
import { KvStateMachine } from '../kv/machine.ts';
import { ServerSession } from '../listeners/server-session.ts';
import type { PeerMessage } from '../net/transport.ts';
import type { DurableState } from '../raft/invariants.ts';
import { memberId, NO_MEMBER, type ConfState, type MemberId } from '../raft/types.ts';
import { Identity } from '../replica/identity.ts';
import { openReplica, type OpenReplica } from '../replica/open-replica.ts';
import type { Position } from '../store/store.ts';
import { openSimStore } from '../store/sim-backend.ts';
import { SimFailure } from './failure.ts';
import { SimDisk } from './disk.ts';
import type { SimNetwork } from './network.ts';
import { SimProcess, type ClockSkew } from './process.ts';
import type { Scheduling } from './scheduler.ts';
import type { WorldOptions } from './world-options.ts';

const FOLDER = 'data';

/** Thrown where a process crashes in the middle of what it does; ends the event. */
class Crashed extends Error {}

/** What a server tells the world that it lives in. */
export interface ServerEvents {
  /** Called after everything that happened in the server's process. */
  observe(server: SimServer): void;
  started(server: SimServer): void;
  /** The process ended, for `reason`; of its own accord, if nobody who will start it again had asked for it. */
  ended(server: SimServer, reason: string, ownAccord: boolean): void;
  sent(server: SimServer, message: PeerMessage): void;
  /** The state machine stands at a further position. */
  advanced(server: SimServer, position: Position): void;
  /** Something that no fault excuses. */
  fail(message: string, cause?: unknown): never;
  log(server: SimServer, text: string): void;
}

/** What of a world a server needs to know. */
export type ServerWorld = Pick<
  WorldOptions,
  'clockDrift' | 'crashPointChance' | 'disk' | 'replica' | 'segmentBytes' | 'flushBytes' | 'sessionTtlMs'
>;

export interface SimServerOptions {
  readonly serverId: number;
  /** The ids of all servers. */
  readonly serverIds: readonly number[];
  readonly world: ServerWorld;
  readonly scheduler: Scheduling;
  readonly network: SimNetwork;
  readonly prng: Prng;
  readonly events: ServerEvents;
}

/** One life of a server. */
interface Life {
  readonly process: SimProcess;
  stopping: boolean;
  open: OpenReplica<KvStateMachine> | null;
  session: ServerSession | null;
  durableVote: { term: number; votedFor: number };
  /** Errors that the disk had made when this life began. */
  readonly diskErrorsBefore: number;
}

/** One server: a disk that stays, and processes on it that come and go. The parts are those of production. */
export class SimServer {
  readonly id: number;
  readonly disk: SimDisk;
  readonly skew: ClockSkew;
  readonly #options: SimServerOptions;
  #life: Life | null = null;
  /** Called when the process is gone: connections of clients break. */
  readonly #onEnd = new Set<() => void>();
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
  /** It said that it is damaged. */
  refusal: string | null = null;
  /** What its disk was told to be durable when it was last alive; holds over restarts. */
  promised: DurableState = { term: 0, votedFor: NO_MEMBER, lastIndex: 0 };

  constructor(options: SimServerOptions) {
    const { serverId, prng, world } = options;
    this.id = serverId;
    this.member = memberId(serverId, 0);
    this.#options = options;
    const drift = (prng.float() * 2 - 1) * world.clockDrift;
    this.skew = { rate: 1 + drift, wallOffsetMs: prng.below(1_000_000) };
    this.disk = new SimDisk({
      prng: createPrng(prng.uint32()),
      schedule: (delayMs, callback) => this.#life?.process.after(delayMs, callback),
      faults: world.disk,
    });
    this.disk.onBlockingChange = () => {
      if (this.crashPointsOn && prng.chance(world.crashPointChance)) this.#crashHere();
    };
  }

  /** Whether processes die in the middle of blocking changes. */
  crashPointsOn = true;

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

  get process(): SimProcess | null {
    return this.#life?.process ?? null;
  }

  get isUp(): boolean {
    return this.#life !== null;
  }

  get open(): OpenReplica<KvStateMachine> | null {
    return this.#life?.open ?? null;
  }

  get session(): ServerSession | null {
    return this.#life?.session ?? null;
  }

  get leads(): boolean {
    return this.#life?.stopping === false && this.#life.open?.replica.isLeader === true;
  }

  /** What a message that leaves now may promise. */
  get durable(): DurableState {
    const { open, durableVote } = this.#life ?? { open: null, durableVote: this.promised };
    if (open === null) return this.promised;
    const lastIndex = Math.max(open.wal.durableIndex, open.store.durablePosition.index);
    return { ...durableVote, lastIndex };
  }

  /** Starts a process on the disk; nothing happens when one runs. */
  start(): void {
    if (this.#life !== null || this.refusal !== null) return;
    const { scheduler } = this.#options;
    const process = new SimProcess(scheduler, this.skew, (callback) => this.#run(process, callback));
    const life: Life = {
      process,
      stopping: false,
      open: null,
      session: null,
      durableVote: { term: 0, votedFor: NO_MEMBER },
      diskErrorsBefore: this.#diskErrors,
    };
    this.#life = life;
    this.#run(process, () => this.#open(life));
  }

  /** Kills the process; the page cache survives. */
  crash(): void {
    if (this.#life === null) return;
    this.disk.crashProcess();
    this.#end('crash', false);
  }

  /** Power fails: what was not synced may be gone. */
  losePower(): void {
    this.disk.losePower();
    this.#end('power loss', false);
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

  /** Ends as on a signal: finishes what is under way and closes everything. */
  stop(): void {
    const life = this.#life;
    if (life?.open == null || life.stopping) return;
    life.stopping = true;
    const { replica, wal, store } = life.open;
    this.#run(life.process, () => {
      replica.stop();
      wal.close(() => {
        store.close(() => {
          if (this.#life === life) this.#end('stop', true);
        });
      });
    });
  }

  /** Runs in the server's process, now, if there is one. */
  run(callback: () => void): void {
    if (this.#life !== null) this.#run(this.#life.process, callback);
  }

  /** Calls back once when the process is gone; returns how to take that back. */
  onEnd(callback: () => void): () => void {
    this.#onEnd.add(callback);
    return () => this.#onEnd.delete(callback);
  }

  get #diskErrors(): number {
    const { writeErrors, syncErrors, noSpace } = this.disk.counts;
    return writeErrors + syncErrors + noSpace;
  }

  #run(process: SimProcess, callback: () => void): void {
    try {
      callback();
    } catch (error) {
      if (process.alive) this.#thrown(error);
      return;
    }
    if (process.alive) this.#options.events.observe(this);
  }

  #crashHere(): void {
    if (this.#life === null) return;
    this.disk.losePower();
    this.#end('power loss in the middle of a change', true);
    throw new Crashed();
  }

  #end(reason: string, ownAccord: boolean): void {
    const life = this.#life;
    if (life === null) return;
    this.promised = this.durable;
    this.lastConfs = this.confs;
    life.process.crash();
    this.#life = null;
    this.#options.network.detach(this.id);
    const callbacks = [...this.#onEnd];
    this.#onEnd.clear();
    for (const callback of callbacks) callback();
    this.#options.events.ended(this, reason, ownAccord);
  }

  /** An error that reached the top of the event loop ends a real process, too. */
  #thrown(error: unknown): void {
    if (error instanceof SimFailure) throw error;
    if (error instanceof AssertionError || !(error instanceof Error) || !('code' in error)) {
      this.#options.events.fail(`server ${this.id} broke: ${messageOf(error)}`, error);
    }
    this.#fatal(error);
  }

  #fatal(error: Error): void {
    const life = this.#life;
    if (life === null) return;
    const code: unknown = 'code' in error ? error.code : undefined;
    const isRefusal =
      (this.isWiped && code === 'WRONG_INCARNATION') ||
      (this.isDamaged && life.open === null && (code === 'LOG_DAMAGED' || code === 'STORE_DAMAGED'));
    if (isRefusal) {
      this.refusal = error.message;
    } else if (this.#diskErrors === life.diskErrorsBefore) {
      this.#options.events.fail(`server ${this.id} died without a reason: ${error.message}`, error);
    }
    this.disk.crashProcess();
    this.#end(`fatal: ${error.message}`, true);
  }

  #open(life: Life): void {
    const { network, world, prng, events } = this.#options;
    const { process } = life;
    const vfs = this.disk.mount();
    const transport = network.attach(this.id, process);
    transport.onSend = (message) => events.sent(this, message);
    const open = openReplica({
      serverId: this.id,
      servers: this.#options.serverIds,
      folder: FOLDER,
      vfs,
      openStore: (folder) => {
        const { flushBytes } = world;
        const store = openSimStore(folder, { vfs, clock: process.clock, flushBytes });
        const advance = store.advance.bind(store);
        store.advance = (position) => {
          advance(position);
          events.advanced(this, position);
        };
        return store;
      },
      makeMachine: (storage) => new KvStateMachine(storage, { sessionTtlMs: world.sessionTtlMs }),
      transport,
      clock: process.clock,
      prng: createPrng(prng.uint32()),
      logger: this.#logger(),
      options: world.replica,
      segmentBytes: world.segmentBytes,
      onFatal: (error) => {
        if (process.alive) this.#fatal(error);
      },
    });
    life.open = open;
    const { node } = open.replica;
    this.member = node.id;
    life.durableVote = { term: node.term, votedFor: node.votedFor };
    this.#watchLog(life, open);
    life.session = new ServerSession(open.replica, open.machine, process.clock, world.sessionTtlMs);
    events.started(this);
    open.replica.start();
  }

  /** Notes term and vote as they become durable. */
  #watchLog(life: Life, { wal }: OpenReplica<KvStateMachine>): void {
    const append = wal.append.bind(wal);
    wal.append = (batch, done) =>
      append(batch, () => {
        if (batch.hardState !== null) life.durableVote = batch.hardState;
        done();
      });
    const reset = wal.reset.bind(wal);
    wal.reset = (index, term, hardState, done) =>
      reset(index, term, hardState, () => {
        life.durableVote = hardState;
        done();
      });
  }

  #logger(): Logger {
    const say = (fields: object, message: string): void =>
      this.#options.events.log(this, `${message} ${JSON.stringify(fields)}`);
    return { debug: () => undefined, info: say, warn: say, error: say };
  }
}
