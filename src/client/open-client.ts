import { KvraftError } from '../base/errors.ts';
import { parseAddress, type ServerAddress } from './address.ts';
import type { Client } from './client.ts';
import { ClientCore, type ClientEnvironment } from './core.ts';
import { checkNames, invalid, timeoutMs } from './input.ts';
import { KvClient } from './kv-client.ts';
import { optionNames } from './option-names.ts';
import type { ConnectOptions } from './options.ts';

const DEFAULT_TIMEOUT_MS = 10_000;

/** `connect`, in a world of its own: with this time, chance and network. */
export async function openClient(options: ConnectOptions, environment: ClientEnvironment): Promise<Client> {
  checkNames(options, optionNames.connect);
  const { signal } = options;
  const core = new ClientCore({
    ...environment,
    servers: addressesOf(options.servers),
    learnServers: options.learnServers ?? true,
    clusterId: clusterIdOf(options.clusterId),
    connectTimeoutMs: timeoutMs(options.connectTimeout ?? DEFAULT_TIMEOUT_MS, 'connectTimeout'),
  });
  const client = new KvClient(
    core,
    environment.clock,
    timeoutMs(options.timeout ?? DEFAULT_TIMEOUT_MS, 'timeout'),
  );
  await connected(core, client, signal);
  return client;
}

async function connected(core: ClientCore, client: Client, signal: AbortSignal | undefined): Promise<void> {
  // Later, too, an abort closes the client.
  const onAbort = (): void => void client.close();
  signal?.addEventListener('abort', onAbort, { once: true });
  core.onClose = () => signal?.removeEventListener('abort', onAbort);
  const error = await new Promise<KvraftError | null>((resolve) => {
    core.start(resolve);
    if (signal?.aborted === true) onAbort();
  });
  if (error === null) return;
  await client.close();
  throw signal?.aborted === true
    ? new KvraftError('ABORTED', 'connecting was aborted', { cause: signal.reason })
    : error;
}

function addressesOf(servers: unknown): ServerAddress[] {
  const given: unknown[] = Array.isArray(servers)
    ? servers
    : typeof servers === 'string'
      ? servers.split(',')
      : [];
  if (given.length === 0)
    throw invalid('servers names where to find the cluster: host:port of one server or more');
  return given.map(parseAddress);
}

function clusterIdOf(clusterId: unknown): string {
  if (clusterId === undefined) return '';
  if (typeof clusterId === 'string' && /^[0-9a-f]{32}$/.test(clusterId)) return clusterId;
  throw invalid('a cluster id is 32 hexadecimal digits, as `kvraft status --json` shows it');
}
