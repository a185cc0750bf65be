import { KvraftError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Logger } from '../base/logger.ts';
import { KvStateMachine } from '../kv/machine.ts';
import { defaultKvOptions } from '../kv/options.ts';
import { nodeClock } from '../base/node-clock.ts';
import { Admission } from '../listeners/admission.ts';
import type { ConnectionStream } from '../listeners/client-connection.ts';
import { KvReader } from '../listeners/kv-reader.ts';
import { RpcService, type AcceptedConnection } from '../listeners/rpc-service.ts';
import { ServerSession } from '../listeners/server-session.ts';
import { TcpTransport, type TcpTransportOptions } from '../net/tcp-transport.ts';
import { openPrimaryBackup, type OpenPrimaryBackup } from '../replica/open-primary-backup.ts';
import { openReplica, type OpenReplica } from '../replica/open-replica.ts';
import type { StateStorage } from '../store/store.ts';
import { openLmdbStore } from '../store/lmdb-backend.ts';
import { lockFolder, type FolderLock } from '../wal/folder-lock.ts';
import { nodeVfs } from '../wal/node-vfs.ts';
import { allAddresses } from './addresses.ts';
import { rpcAddress } from './config-listeners.ts';
import { monitorNode } from './config-monitors.ts';
import { dataFolder, type ClusterConfig, type ServerConfig } from './config.ts';
import { addListeners, isRedirectTarget, listenerName, type ListenerConfig } from './config-listeners.ts';
import { checkListeners, Listeners } from './listeners.ts';
import { randomPrng } from './random-prng.ts';
import { prepareRebuild, startOver } from './rebuild.ts';
import type { ServerStatus } from './status.ts';

export interface ServerSetup {
  readonly config: ClusterConfig;
  readonly serverId: number;
  readonly logger: Logger;
  /** Ports for clients besides those of the configuration; other servers do not know of them. */
  readonly listen?: readonly ListenerConfig[];
  /** Start over with empty data, as a new member that gets everything from the others. */
  readonly rebuild: boolean;
  /** The server cannot go on; nothing more is acknowledged. The process (or worker) must end. */
  readonly onFatal: (error: Error) => void;
}

export interface RunningServer {
  status(): ServerStatus;
  /** Serves the RPC protocol on a stream that no socket carries; null when there is no room. */
  accept(stream: ConnectionStream): AcceptedConnection | null;
  /** Hands leadership over, finishes what is in flight and closes everything. */
  stop(): Promise<void>;
}

/** How long a leader waits for another one to take over before it stops all the same. */
const HAND_OVER_MS_MAX = 1_000;

/** Starts one server of a cluster in this thread. Resolves once it listens; it may not know a leader yet. */
export async function startServer(setup: ServerSetup): Promise<RunningServer> {
  const { config, serverId } = setup;
  const own = ownConfig(setup);
  const folder = dataFolder(config, serverId);
  nodeVfs.makeFolder(folder);
  const lock = await lockFolder(folder);
  const transport = new TcpTransport(transportOptions(setup, own, () => server?.status() ?? null));
  let server: Server | null = null;
  try {
    // Ports first: a server that cannot have its own fails before it touches its data.
    await new Promise<void>((resolve, reject) => {
      transport.listen((error) => (error === null ? resolve() : reject(error)));
    });
    if (setup.rebuild) await rebuild(setup, folder);
    server = new Server(setup, own, folder, lock, transport);
    await server.start();
    return server;
  } catch (error) {
    if (server !== null) {
      await server.stop();
    } else {
      transport.close(() => undefined);
      lock.release();
    }
    throw error;
  }
}

function ownConfig({ config, serverId, logger, listen = [] }: ServerSetup): ServerConfig {
  const configured = config.servers.find(({ id }) => id === serverId);
  if (configured === undefined) {
    const ids = config.servers.map(({ id }) => id).join(', ');
    throw new KvraftError('INVALID_CONFIG', `the configuration has no server ${serverId}, only ${ids}`);
  }
  const own = { ...configured, listeners: addListeners(configured, listen) };
  checkListeners(own);
  for (const listener of listen.filter(isRedirectTarget)) {
    const name = listenerName(listener);
    const message = `the other servers redirect clients to port ${configured.clientPort}, not to ${name}:${listener.port}: that stands in no configuration`;
    logger.warn({ port: listener.port }, message);
  }
  return own;
}

async function rebuild({ config, serverId, logger }: ServerSetup, folder: string): Promise<void> {
  if (config.engine === 'primary-backup') return startOver(folder, logger);
  const foundingServers = config.servers.map(({ id }) => id);
  const others = config.servers
    .filter(({ id }) => id !== serverId)
    .map(({ hostname: host, logPort: port }) => ({ host, port }));
  const prng = randomPrng();
  return prepareRebuild(folder, { serverId, foundingServers, prng }, others, logger);
}

function transportOptions(
  { config, serverId, logger }: ServerSetup,
  own: ServerConfig,
  status: () => ServerStatus | null,
): TcpTransportOptions {
  return {
    serverId,
    listen: { port: own.logPort },
    peers: allAddresses(config),
    clock: nodeClock,
    prng: randomPrng(),
    logger,
    onAdmin: (_request, respond) => respond(status()),
  };
}

type OpenEngine = OpenReplica<KvStateMachine> | OpenPrimaryBackup<KvStateMachine>;

function openEngine(
  { config, serverId, logger, onFatal }: ServerSetup,
  folder: string,
  transport: TcpTransport,
): OpenEngine {
  const setup = {
    serverId,
    servers: config.servers.map(({ id }) => id),
    folder,
    vfs: nodeVfs,
    openStore: (path: string) => openLmdbStore(path, { clock: nodeClock, prng: randomPrng() }),
    // Never with limits of a configuration: servers that differ in them would come apart.
    makeMachine: (storage: StateStorage) =>
      new KvStateMachine(storage, { valueBytesMax: limits.valueBytesCeiling }),
    transport,
    clock: nodeClock,
    prng: randomPrng(),
    logger,
    options: config.replica,
    segmentBytes: config.segmentBytes,
    onFatal,
  };
  if (config.engine === 'raft') return openReplica(setup);
  const monitors = config.monitors.map(({ id }) => monitorNode(id));
  return openPrimaryBackup({ ...setup, monitors, timings: config.timings });
}

class Server implements RunningServer {
  readonly #setup: ServerSetup;
  readonly #lock: FolderLock;
  readonly #transport: TcpTransport;
  readonly #open: OpenEngine;
  readonly #admission: Admission;
  readonly #rpc: RpcService;
  readonly #listeners: Listeners;
  readonly #startedMs = nodeClock.monotonicMs();

  constructor(
    setup: ServerSetup,
    own: ServerConfig,
    folder: string,
    lock: FolderLock,
    transport: TcpTransport,
  ) {
    const { config, serverId, logger } = setup;
    this.#setup = setup;
    this.#lock = lock;
    this.#transport = transport;
    this.#open = openEngine(setup, folder, transport);
    const { replica, machine } = this.#open;
    this.#admission = new Admission({ clock: nodeClock, connectionsMax: config.connectionsMax });
    this.#rpc = new RpcService({
      replicator: replica,
      machine,
      reads: new KvReader(machine, nodeClock),
      clock: nodeClock,
      admission: this.#admission,
      serverId,
      servers: config.servers.map(rpcAddress),
      keyBytesMax: config.keyBytesMax,
      valueBytesMax: config.valueBytesMax,
      requestTimeoutMs: config.requestTimeoutMs,
    });
    this.#listeners = new Listeners({
      config,
      own,
      clock: nodeClock,
      logger,
      admission: this.#admission,
      service: new ServerSession(replica, machine, nodeClock, defaultKvOptions.sessionTtlMs),
      rpc: this.#rpc,
      replicator: replica,
      machine,
    });
  }

  async start(): Promise<void> {
    this.#open.replica.start();
    await this.#listeners.start();
    this.#setup.logger.info(this.status(), 'listening');
  }

  status(): ServerStatus {
    const { replica, machine, wal } = this.#open;
    const status = replica.status();
    return {
      id: status.serverId,
      role: status.role,
      term: status.term,
      leaderId: status.leaderId === -1 ? null : status.leaderId,
      commitIndex: status.commitIndex,
      lastApplied: status.lastApplied,
      keys: machine.keyCount,
      pid: process.pid,
      clusterId: status.clusterId,
      stateHash: status.stateHash,
      voters: status.voters,
      learners: status.learners,
      members: status.members,
      version: machine.version,
      logBytes: status.logBytes,
      walBytesOnDisk: wal.bytesOnDisk,
      unflushedBytes: status.unflushedBytes,
      connections: this.#admission.connections,
      listeners: this.#listeners.status(),
      rssBytes: process.memoryUsage.rss(),
      uptimeMs: Math.round(nodeClock.monotonicMs() - this.#startedMs),
      waiting: status.waiting,
    };
  }

  accept(stream: ConnectionStream): AcceptedConnection | null {
    return this.#rpc.accept(stream);
  }

  async stop(): Promise<void> {
    const { replica, wal, store } = this.#open;
    await this.#handOver();
    await this.#listeners.stop();
    replica.stop();
    await new Promise<void>((resolve) => this.#transport.close(resolve));
    await new Promise<void>((resolve) => wal.close(() => resolve()));
    // What the state on disk holds need not be replayed at the next start.
    store.setLogDurable(wal.durableIndex);
    store.flush();
    await new Promise<void>((resolve) => store.close(() => resolve()));
    this.#lock.release();
  }

  #handOver(): Promise<void> {
    const { replica } = this.#open;
    return new Promise((resolve) => {
      const patience = nodeClock.setTimer(HAND_OVER_MS_MAX, resolve);
      replica.onLeaderChange = () => {
        if (replica.isLeader || replica.leaderServer() === null) return;
        patience.cancel();
        resolve();
      };
      if (replica.handOver()) return;
      patience.cancel();
      resolve();
    });
  }
}
