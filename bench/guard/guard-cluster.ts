import { createPrng } from '#dist/base/prng.js';
import { defaultKvOptions } from '#dist/kv/options.js';
import { Admission } from '#dist/listeners/admission.js';
import type { KvService } from '#dist/listeners/kv-service.js';
import { defaultInFlightBytesMax, defaultUnsentBytesMax } from '#dist/listeners/request-connection.js';
import { TextConnection, type TextConnectionSetup } from '#dist/listeners/text-connection.js';
import { defaultReplicaOptions } from '#dist/replica/options.js';
import type { MachineWorld } from '#dist/sim/machine.js';
import { SimNetwork } from '#dist/sim/network.js';
import type { SimProcess } from '#dist/sim/process.js';
import { Scheduler } from '#dist/sim/scheduler.js';
import { SimServer, type ServerEvents } from '#dist/sim/sim-server.js';
import { peerWireFormat } from '#dist/sim/wire-format.js';
import type { Vfs } from '#dist/wal/vfs.js';
import { textDialects } from '#dist/wire/text-dialects.js';
import { textRequestLimits } from '#dist/wire/text-requests.js';
import { countingVfs, type LogWork } from './counting-vfs.ts';
import { GuardClient } from './guard-client.ts';

/** What a fault of the code under guard would do; put in by tests, to see that it is found. */
export interface Sabotage {
  /** Stands between the connections and the server. */
  readonly service?: (service: KvService) => KvService;
  /** Stands between a server and its disk. */
  readonly vfs?: (vfs: Vfs) => Vfs;
}

/** A sync takes what a good disk needs, a message what a switch does; every one the same, so that counts repeat. */
const SYNC_MS = 0.3;
const WRITE_MS = 0.02;
const NETWORK_MS = 0.05;
const ELECTION_MS_MAX = 60_000;
const MIB = 2 ** 20;

const WORLD: MachineWorld = {
  clockDrift: 0,
  crashPointChance: 0,
  disk: { writeMsMin: WRITE_MS, writeMsMax: WRITE_MS, syncMsMin: SYNC_MS, syncMsMax: SYNC_MS },
  replica: defaultReplicaOptions,
  segmentBytes: 64 * MIB,
  // Never reached: what the state's file costs is not counted here.
  flushBytes: 1_024 * MIB,
  sessionTtlMs: defaultKvOptions.sessionTtlMs,
};

const unheard: ServerEvents = {
  observe: () => undefined,
  started: () => undefined,
  ended: () => undefined,
  sent: () => undefined,
  advanced: () => undefined,
  fail(message, cause) {
    throw new Error(message, { cause });
  },
  log: () => undefined,
};

/** Counts since the start; `GuardCluster.counts` gives copies. */
export interface Counts {
  /** Of the leader's log, and of both followers' together. */
  readonly leaderLog: Readonly<LogWork>;
  readonly followerLogs: Readonly<LogWork>;
  readonly entries: number;
  /** Messages between servers, and their bytes without frames. */
  readonly messages: number;
  readonly messageBytes: number;
  /** Writes to clients' sockets. */
  readonly replyWrites: number;
}

/**
 * Three servers as in production, on disks and a network that take a fixed time, and clients on connections to the
 * leader, all on a virtual clock: the same requests cause the same work, to the last system call, on every machine.
 */
export class GuardCluster {
  readonly #scheduler = new Scheduler();
  readonly #network: SimNetwork;
  readonly #servers: readonly SimServer[];
  readonly #logs: readonly LogWork[];
  readonly #leader: SimServer;
  readonly #clientSetup: TextConnectionSetup;
  readonly #process: SimProcess;
  readonly #clients: GuardClient[] = [];

  constructor(sabotage: Sabotage = {}) {
    const prng = createPrng(1);
    const faults = { delayMsMin: NETWORK_MS, delayMsMax: NETWORK_MS, loss: 0, repetition: 0 };
    this.#network = new SimNetwork(this.#scheduler, createPrng(2), peerWireFormat(), {
      ...faults,
      ...{ reordering: false, slowness: 0, slowMsMax: 0 },
    });
    const serverIds = [0, 1, 2];
    const shared = {
      serverIds,
      world: WORLD,
      scheduler: this.#scheduler,
      network: this.#network,
      events: unheard,
    };
    this.#servers = serverIds.map((serverId) => {
      return new SimServer({ ...shared, serverId, prng: createPrng(prng.uint32()) });
    });
    this.#logs = this.#servers.map(({ disk }) => {
      const work = { writes: 0, writtenBytes: 0, syncs: 0 };
      const mount = disk.mount.bind(disk);
      disk.mount = () => {
        const vfs = countingVfs(mount(), 'data/log', work);
        return sabotage.vfs?.(vfs) ?? vfs;
      };
      return work;
    });
    for (const server of this.#servers) server.start();
    this.#leader = this.#elect();
    const { process, session } = this.#leader;
    if (process === null || session === null) throw new Error('the leader does not run');
    this.#process = process;
    this.#clientSetup = {
      service: sabotage.service?.(session) ?? session,
      clock: process.clock,
      admission: new Admission({ clock: process.clock }),
      dialect: textDialects.kvraft,
      redirects: null,
      requestTimeoutMs: 30_000,
      requestLimits: textRequestLimits,
      inFlightBytesMax: defaultInFlightBytesMax,
      unsentBytesMax: defaultUnsentBytesMax,
    };
  }

  #elect(): SimServer {
    const leads = (): SimServer | undefined => this.#servers.find((server) => server.leads);
    const isSettled = (): boolean => {
      const leader = leads()?.open?.replica.status();
      const commits = this.#servers.map(({ open }) => open?.replica.status().commitIndex ?? 0);
      return leader !== undefined && commits.every((index) => index > 0 && index === leader.commitIndex);
    };
    if (!this.#scheduler.runUntil(isSettled, ELECTION_MS_MAX)) throw new Error('no leader was elected');
    const leader = leads();
    if (leader === undefined) throw new Error('the leader is gone');
    return leader;
  }

  /** Writes keys before there are clients. */
  seed(keys: readonly string[], value: Buffer): void {
    let isDone = false;
    const ops = keys.map((key) => ({ op: 'set', key, value, flags: 0, ttlMs: 0, when: 'always' }) as const);
    this.#clientSetup.service.write(ops, Number.POSITIVE_INFINITY, ({ ok }) => (isDone = ok));
    this.#scheduler.runUntil(() => isDone, this.#scheduler.nowMs + ELECTION_MS_MAX);
    if (!isDone) throw new Error('the first keys were not written');
  }

  /** A client that keeps `depth` requests of a kind in flight on one connection. */
  addClient(
    depth: number,
    request: (number: number) => Buffer,
    repliesIn: (bytes: Uint8Array) => number,
  ): void {
    const client = new GuardClient(depth, request, repliesIn, (delayMs, callback) =>
      this.#process.after(delayMs, callback),
    );
    const connection = new TextConnection(this.#clientSetup, client);
    this.#clientSetup.admission.join(connection);
    client.start(connection);
    this.#clients.push(client);
  }

  get replies(): number {
    return this.#clients.reduce((sum, client) => sum + client.replies, 0);
  }

  /** Lets time pass until the clients have had so many more replies. */
  runFor(replies: number): void {
    const end = this.replies + replies;
    const isDone = this.#scheduler.runUntil(() => this.replies >= end, this.#scheduler.nowMs + 60_000);
    if (!isDone) throw new Error('the requests did not come to their end');
  }

  counts(): Counts {
    const leader = this.#servers.indexOf(this.#leader);
    const sum = (logs: readonly LogWork[], key: keyof LogWork): number =>
      logs.reduce((total, log) => total + log[key], 0);
    const total = (logs: readonly LogWork[]): LogWork => ({
      writes: sum(logs, 'writes'),
      writtenBytes: sum(logs, 'writtenBytes'),
      syncs: sum(logs, 'syncs'),
    });
    return {
      leaderLog: total(this.#logs.filter((_, i) => i === leader)),
      followerLogs: total(this.#logs.filter((_, i) => i !== leader)),
      entries: this.#leader.open?.replica.status().commitIndex ?? 0,
      messages: this.#network.counts.sent,
      messageBytes: this.#network.counts.bytes,
      replyWrites: this.#clients.reduce((writes, client) => writes + client.writes, 0),
    };
  }
}
