import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse, printParseErrorCode, type ParseError } from 'jsonc-parser';
import { KvraftError, messageOf } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { defaultReplicaOptions, type ReplicaOptions } from '../replica/options.ts';
import type { TextDialectName } from '../wire/text-dialects.ts';
import { Fields } from './config-fields.ts';
import { parseEngine, type EngineConfig } from './config-monitors.ts';
import { MONITOR_IDS_FROM } from '../replica/monitor-ids.ts';
import { parseDialect, parseListeners, PORT_MAX, type ListenerConfig } from './config-listeners.ts';

/** One server of the cluster. */
export interface ServerConfig {
  readonly id: number;
  readonly hostname: string;
  /** Clients speak the text protocol here: the first of the listeners. */
  readonly clientPort: number;
  /** All ports for clients, the ClientPort first. */
  readonly listeners: readonly ListenerConfig[];
  /** The other servers and `kvraft status` connect here. */
  readonly logPort: number;
}

/** A whole configuration, with all defaults filled in. */
export interface ClusterConfig extends EngineConfig {
  /** Absolute; every server keeps its data in a folder of its own below it. */
  readonly path: string;
  readonly servers: readonly ServerConfig[];
  readonly requestTimeoutMs: number;
  readonly keyBytesMax: number;
  readonly valueBytesMax: number;
  readonly connectionsMax: number;
  readonly segmentBytes: number;
  readonly replica: ReplicaOptions;
}

const SERVER_ID_MAX = 65_535;
const DEFAULT_PATH = './data';
const REQUEST_TIMEOUT_MS = 30_000;
/** Who must have met before a new cluster begins. */
const FOUNDINGS = ['majority', 'all'] as const;

/** What holds where the file says nothing. */
export interface ConfigDefaults {
  readonly dialect?: TextDialectName | undefined;
}

/** The folder that a server keeps its data in. */
export const dataFolder = (config: ClusterConfig, serverId: number): string =>
  resolve(config.path, `server-${serverId}`);

/** The folder that a monitor keeps its data in. */
export const monitorFolder = (config: ClusterConfig, monitorId: number): string =>
  resolve(config.path, `monitor-${monitorId}`);

/** Reads a configuration file. Throws an `INVALID_CONFIG` error of one line that names the place and the fault. */
export function readConfig(file: string, defaults: ConfigDefaults = {}): ClusterConfig {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new KvraftError(
      'INVALID_CONFIG',
      `${file}: ${messageOf(cause)}; name a file with --config, or start where a config.json is`,
      { cause },
    );
  }
  return parseConfig(text, file, defaults);
}

/** The same for text; `file` gives errors a place, and relative paths start at its folder. */
export function parseConfig(text: string, file: string, defaults: ConfigDefaults = {}): ClusterConfig {
  const errors: ParseError[] = [];
  const value: unknown = parse(text.replace(/^\uFEFF/, ''), errors, { allowTrailingComma: true });
  const error = errors[0];
  if (error !== undefined) {
    const lines = text.slice(0, error.offset).split('\n');
    const place = `line ${lines.length}, column ${(lines.at(-1) ?? '').length + 1}`;
    throw new KvraftError(
      'INVALID_CONFIG',
      `${file}: ${place}: not JSON: ${printParseErrorCode(error.error)}`,
    );
  }
  const top = new Fields(file, '', value);
  const path = top.text('path', DEFAULT_PATH);
  const dialect = parseDialect(top, defaults.dialect ?? 'kvraft');
  const places: ServerPlaces[] = [];
  const config: ClusterConfig = {
    path: resolve(dirname(file), path === '...' || path === '' ? DEFAULT_PATH : path),
    servers: top.list('servers', 1, limits.serversMax).map((fields) => parseServer(fields, dialect, places)),
    requestTimeoutMs: top.integer('requestTimeoutMs', 1, 3_600_000, REQUEST_TIMEOUT_MS),
    keyBytesMax: top.integer('keyBytesMax', 1, limits.keyBytesCeiling, limits.keyBytesMax),
    valueBytesMax: top.integer('valueBytesMax', 1, limits.valueBytesCeiling, limits.valueBytesMax),
    connectionsMax: top.integer('connectionsMax', 1, 1_000_000, limits.connectionsMax),
    segmentBytes: limits.segmentBytes,
    replica: parseReplicaOptions(top),
    ...parseEngine(top),
  };
  top.done();
  checkServers(top, config, places);
  return config;
}

/** Where a server's entry names the ports that it takes, beside the ports. */
type ServerPlaces = readonly { readonly place: string; readonly port: number }[];

function parseServer(fields: Fields, dialect: TextDialectName, places: ServerPlaces[]): ServerConfig {
  const id = fields.integer('Id', 0, SERVER_ID_MAX);
  const hostname = fields.text('Hostname', 'localhost');
  const clientPort = fields.integer('ClientPort', 1, PORT_MAX);
  const logPort = fields.integer('LogPort', 1, PORT_MAX);
  const listeners = parseListeners(fields, clientPort, parseDialect(fields, dialect));
  fields.done();
  const ports = listeners.map(({ place, listener }) => ({ place, port: listener.port }));
  places.push(ports.toSpliced(1, 0, { place: 'LogPort', port: logPort }));
  return { id, hostname, clientPort, logPort, listeners: listeners.map(({ listener }) => listener) };
}

function parseReplicaOptions(top: Fields): ReplicaOptions {
  const defaults = defaultReplicaOptions;
  const MIB = 1024 * 1024;
  const heartbeatIntervalMs = top.integer('heartbeatIntervalMs', 10, 60_000, defaults.heartbeatIntervalMs);
  const electionTimeoutMs = top.integer('electionTimeoutMs', 50, 600_000, defaults.electionTimeoutMs);
  if (electionTimeoutMs < 4 * heartbeatIntervalMs) {
    throw top.fault('electionTimeoutMs', `${electionTimeoutMs} is less than four times heartbeatIntervalMs`);
  }
  return {
    tickMs: Math.min(defaults.tickMs, heartbeatIntervalMs),
    heartbeatIntervalMs,
    electionTimeoutMs,
    diskStallMsMax: top.integer('diskStallMsMax', 100, 600_000, defaults.diskStallMsMax),
    logBytesMax: top.integer('logBytesMax', MIB, 16_384 * MIB, defaults.logBytesMax),
    unflushedBytesMax: top.integer('unflushedBytesMax', MIB, 1_024 * MIB, defaults.unflushedBytesMax),
    uncommittedBytesMax: top.integer('uncommittedBytesMax', MIB, 16_384 * MIB, defaults.uncommittedBytesMax),
    foundingWaitMs:
      top.choice('founding', FOUNDINGS, 'majority') === 'all' ? Infinity : defaults.foundingWaitMs,
  };
}

/** Ids must differ, and so must the addresses that servers and monitors listen at. */
function checkServers(
  top: Fields,
  { engine, servers, monitors }: ClusterConfig,
  places: readonly ServerPlaces[],
): void {
  const ids = new Map<number, number>();
  const addresses = new Map<string, string>();
  const take = (hostname: string, port: number, place: string): void => {
    const address = `${hostname.toLowerCase()}:${port}`;
    const other = addresses.get(address);
    if (other !== undefined) throw top.fault(place, `${port} on ${hostname} is also ${other}`);
    addresses.set(address, place);
  };
  for (const [at, { id, hostname }] of servers.entries()) {
    const twin = ids.get(id);
    if (twin !== undefined) throw top.fault(`servers[${at}].Id`, `${id} is also the Id of servers[${twin}]`);
    ids.set(id, at);
    if (engine === 'primary-backup' && id >= MONITOR_IDS_FROM)
      throw top.fault(`servers[${at}].Id`, `${id} is not below ${MONITOR_IDS_FROM}, as this engine wants it`);
    for (const { place, port } of places[at] ?? []) take(hostname, port, `servers[${at}].${place}`);
  }
  for (const [at, { hostname, port }] of monitors.entries()) take(hostname, port, `monitors[${at}].Port`);
}
