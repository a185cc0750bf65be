import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KvraftError, messageOf } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { parseConfig, readConfig, type ClusterConfig } from '../server/config.ts';
import type { ConfigInput } from '../server/config-input.ts';
import { WorkerServer, type EmbeddedServer } from './embedded-server.ts';

export interface CreateServerOptions {
  /** Which server of the configuration this one is. */
  readonly id: number;
  /** The configuration itself, or the file that it stands in: the same for every server of the cluster. */
  readonly config: ConfigInput | string | URL;
  /** Takes the place of the configuration's `path`; the server has a folder of its own in it. */
  readonly dataDir?: string;
  /** Start over with empty data, and get everything from the other servers. */
  readonly rebuild?: boolean;
  /** Gets what the server logs; any logger in the manner of pino. Nothing is logged without one. */
  readonly logger?: Logger;
  /** Gives the start up. */
  readonly signal?: AbortSignal;
}

const THREAD = new URL('server-worker.js', import.meta.url);

/**
 * Runs one server of a cluster in a thread of this program. Resolves once it listens; it may not know a leader yet.
 * The thread does not wait for the program's event loop, so the program may block it.
 *
 * Rejects with a `KvraftError`: `INVALID_ARGUMENT`, `INVALID_CONFIG` (also for a port that cannot be had),
 * `DATA_LOCKED` (another process or thread runs this server), `LOG_DAMAGED`, `STORE_DAMAGED`, `WRONG_INCARNATION`.
 */
export async function createServer(options: CreateServerOptions): Promise<EmbeddedServer> {
  const { id, rebuild = false, logger = null, signal } = options;
  if (!Number.isInteger(id)) throw invalid(`id: ${String(id)} is not the Id of a server`);
  const config = clusterConfig(options);
  signal?.throwIfAborted();
  const server = new WorkerServer(THREAD, { config, serverId: id, rebuild, logs: logger !== null }, logger);
  const abort = (): void => server.terminate();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await server.started;
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
  return server;
}

function clusterConfig({ config, dataDir }: CreateServerOptions): ClusterConfig {
  const parsed = parsedConfig(config);
  if (dataDir === undefined) return parsed;
  if (typeof dataDir !== 'string' || dataDir === '') throw invalid('dataDir: must be the path of a folder');
  return { ...parsed, path: resolve(dataDir) };
}

function parsedConfig(config: CreateServerOptions['config']): ClusterConfig {
  if (config instanceof URL) return readConfig(fileURLToPath(config));
  if (typeof config === 'string') return readConfig(config);
  let text: string | undefined;
  try {
    text = JSON.stringify(config);
  } catch (cause) {
    throw invalid(`config: ${messageOf(cause)}`, cause);
  }
  if (text === undefined) throw invalid('config: must be an object, or the path of a file');
  // Relative paths start at the working directory.
  return parseConfig(text, 'config');
}

const invalid = (message: string, cause?: unknown): KvraftError =>
  new KvraftError('INVALID_ARGUMENT', `createServer: ${message}`, { cause });
