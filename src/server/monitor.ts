import { KvraftError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { nodeClock } from '../base/node-clock.ts';
import { TcpTransport } from '../net/tcp-transport.ts';
import type { IdentitySetup } from '../replica/identity.ts';
import { MONITOR_IDS_FROM } from '../replica/monitor-ids.ts';
import { openMonitor, type OpenMonitor } from '../replica/open-monitor.ts';
import { openLmdbStore } from '../store/lmdb-backend.ts';
import { lockFolder, type FolderLock } from '../wal/folder-lock.ts';
import { nodeVfs } from '../wal/node-vfs.ts';
import { monitorFolder, type ClusterConfig } from './config.ts';
import { monitorNode, type MonitorConfig } from './config-monitors.ts';
import { allAddresses } from './addresses.ts';
import { randomPrng } from './random-prng.ts';
import { prepareRebuild } from './rebuild.ts';
import type { MonitorStatus } from './status.ts';

export interface MonitorSetup {
  readonly config: ClusterConfig;
  /** Null where the configuration has only one. */
  readonly monitorId: number | null;
  readonly logger: Logger;
  /** Start over with empty data, and get the views from the other monitors. */
  readonly rebuild: boolean;
  /** The monitor cannot go on: the process must end. */
  readonly onFatal: (error: Error) => void;
}

export interface RunningMonitor {
  status(): MonitorStatus;
  stop(): Promise<void>;
}

/** Starts one monitor of the view service in this thread. Resolves once it listens. */
export async function startMonitor(setup: MonitorSetup): Promise<RunningMonitor> {
  const { config, logger } = setup;
  const own = ownMonitor(setup);
  const folder = monitorFolder(config, own.id);
  nodeVfs.makeFolder(folder);
  const lock = await lockFolder(folder);
  let monitor: RunningMonitor | null = null;
  const transport = new TcpTransport({
    serverId: monitorNode(own.id),
    listen: { port: own.port },
    peers: allAddresses(config),
    clock: nodeClock,
    prng: randomPrng(),
    logger,
    onAdmin: (_request, respond) => respond(monitor?.status() ?? null),
  });
  try {
    await new Promise<void>((resolve, reject) => {
      transport.listen((error) => (error === null ? resolve() : reject(error)));
    });
    const serverId = monitorNode(own.id);
    const servers = config.monitors.map(({ id }) => monitorNode(id));
    if (setup.rebuild) await rebuild(setup, own, folder, { serverId, foundingServers: servers });
    const open = openMonitor({
      serverId,
      servers,
      folder,
      vfs: nodeVfs,
      openStore: (path) => openLmdbStore(path, { clock: nodeClock, prng: randomPrng() }),
      transport,
      clock: nodeClock,
      prng: randomPrng(),
      logger,
      options: config.replica,
      segmentBytes: config.segmentBytes,
      timings: config.timings,
      onFatal: setup.onFatal,
    });
    monitor = running(own, open, transport, lock);
    open.monitor.start();
    logger.info(monitor.status(), 'listening');
    return monitor;
  } catch (error) {
    transport.close(() => undefined);
    lock.release();
    throw error;
  }
}

/** Its views are those of the others. */
function rebuild(
  { config, logger }: MonitorSetup,
  own: MonitorConfig,
  folder: string,
  identity: Omit<IdentitySetup, 'prng'>,
): Promise<void> {
  const others = config.monitors.filter(({ id }) => id !== own.id);
  if (others.length === 0) {
    const message =
      'there is no other monitor that knows the views: this one cannot be rebuilt, give it back its data folder';
    throw new KvraftError('INVALID_ARGUMENT', message);
  }
  const addresses = others.map(({ hostname: host, port }) => ({ host, port }));
  const prng = randomPrng();
  return prepareRebuild(folder, { ...identity, prng }, addresses, logger);
}

function ownMonitor({ config, monitorId }: MonitorSetup): MonitorConfig {
  const { monitors } = config;
  const ids = monitors.map(({ id }) => id).join(', ');
  if (monitors.length === 0)
    throw new KvraftError('INVALID_CONFIG', 'the configuration has no monitors: its engine is raft');
  if (monitorId === null && monitors.length > 1)
    throw new KvraftError('INVALID_ARGUMENT', `which monitor? The configuration has ${ids}`);
  const own = monitorId === null ? monitors[0] : monitors.find(({ id }) => id === monitorId);
  if (own === undefined)
    throw new KvraftError('INVALID_CONFIG', `the configuration has no monitor ${monitorId}, only ${ids}`);
  return own;
}

function running(
  { id }: MonitorConfig,
  { monitor, replica, store, wal }: OpenMonitor,
  transport: TcpTransport,
  lock: FolderLock,
): RunningMonitor {
  const startedMs = nodeClock.monotonicMs();
  return {
    status: () => {
      const { role, term, leaderId, commitIndex, clusterId, members } = replica.status();
      const { state, waiting } = monitor.status();
      const { number, primary, backup } = state.view;
      return {
        id,
        role,
        term,
        leaderId: leaderId === -1 ? null : leaderId - MONITOR_IDS_FROM,
        commitIndex,
        clusterId,
        members,
        view: number,
        primary: primary?.server ?? null,
        backup: backup?.server ?? null,
        acknowledged: state.acknowledged === number,
        inSync: state.inSync,
        waiting,
        pid: process.pid,
        uptimeMs: Math.round(nodeClock.monotonicMs() - startedMs),
      };
    },
    stop: async () => {
      monitor.stop();
      await new Promise<void>((resolve) => transport.close(resolve));
      await new Promise<void>((resolve) => wal.close(() => resolve()));
      store.setLogDurable(wal.durableIndex);
      store.flush();
      await new Promise<void>((resolve) => store.close(() => resolve()));
      lock.release();
    },
  };
}
