import { existsSync } from 'node:fs';
import type { ServerAddress } from '../../client/index.ts';
import { KvraftError } from '../../base/errors.ts';
import { readConfig } from '../../server/config.ts';

const DEFAULT_CONFIG = 'config.json';

/** What the command line says about where the cluster is. */
export interface ServerOptions {
  readonly servers?: string;
  readonly config?: string;
}

/** The servers to ask: `--servers`, else `--config`, else KVRAFT_SERVERS, else a config.json that is here. */
export function findServers(
  { servers, config }: ServerOptions,
  environment: Readonly<Record<string, string | undefined>>,
): (string | ServerAddress)[] {
  if (servers !== undefined) return splitServers(servers, '--servers');
  if (config !== undefined) return configuredServers(config);
  const inEnvironment = environment['KVRAFT_SERVERS'];
  if (inEnvironment !== undefined && inEnvironment !== '')
    return splitServers(inEnvironment, 'KVRAFT_SERVERS');
  if (existsSync(DEFAULT_CONFIG)) return configuredServers(DEFAULT_CONFIG);
  throw new KvraftError(
    'INVALID_CONFIG',
    'which cluster? name its servers with --servers host:port, --config file or KVRAFT_SERVERS',
  );
}

function splitServers(text: string, where: string): string[] {
  const servers = text.split(/[,\s]+/).filter((server) => server !== '');
  if (servers.length === 0) throw new KvraftError('INVALID_ARGUMENT', `${where} names no server`);
  return servers;
}

function configuredServers(file: string): ServerAddress[] {
  return readConfig(file).servers.map(({ hostname, clientPort, listeners }) => {
    const port = listeners.find(({ protocol }) => protocol === 'rpc')?.port ?? clientPort;
    return { host: hostname, port };
  });
}
