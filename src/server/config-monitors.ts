import { limits } from '../base/limits.ts';
import { MONITOR_IDS_FROM } from '../replica/monitor-ids.ts';
import type { PrimaryBackupTimings } from '../replica/open-primary-backup.ts';
import type { Fields } from './config-fields.ts';
import { PORT_MAX } from './config-listeners.ts';

/** What replicates: a Raft group of all servers, or a primary and a backup that a view service appoints. */
export type Engine = 'raft' | 'primary-backup';

/** One monitor of the view service. */
export interface MonitorConfig {
  readonly id: number;
  readonly hostname: string;
  /** Servers, the other monitors and `kvraft status` connect here. */
  readonly port: number;
}

/** What a configuration says of the engine. */
export interface EngineConfig {
  readonly engine: Engine;
  /** Those of the view service, where the engine has one; else none. */
  readonly monitors: readonly MonitorConfig[];
  readonly timings: PrimaryBackupTimings;
}

const ENGINES: readonly Engine[] = ['raft', 'primary-backup'];
const MONITOR_ID_MAX = 999;
const PING_INTERVAL_MS = 100;
const DEAD_PINGS = 5;

/** The number that a monitor has among all machines that talk with one another. */
export const monitorNode = (id: number): number => MONITOR_IDS_FROM + id;

export function parseEngine(top: Fields): EngineConfig {
  const engine = top.choice('engine', ENGINES, 'raft');
  const monitors = top.list('monitors', 0, limits.serversMax).map(parseMonitor);
  const timings = {
    pingIntervalMs: top.integer('pingIntervalMs', 10, 60_000, PING_INTERVAL_MS),
    deadPings: top.integer('deadPings', 2, 1_000, DEAD_PINGS),
  };
  if (engine === 'raft' && monitors.length > 0)
    throw top.fault('monitors', 'only the engine primary-backup has monitors');
  if (engine === 'primary-backup' && monitors.length === 0)
    throw top.fault('monitors', 'is missing: the engine primary-backup needs one monitor, or better three');
  for (const [at, { id }] of monitors.entries()) {
    const twin = monitors.findIndex((other) => other.id === id);
    if (twin < at) throw top.fault(`monitors[${at}].Id`, `${id} is also the Id of monitors[${twin}]`);
  }
  return { engine, monitors, timings };
}

function parseMonitor(fields: Fields): MonitorConfig {
  const monitor = {
    id: fields.integer('Id', 0, MONITOR_ID_MAX),
    hostname: fields.text('Hostname', 'localhost'),
    port: fields.integer('Port', 1, PORT_MAX),
  };
  fields.done();
  return monitor;
}
