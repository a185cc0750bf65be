import type { Address } from '../net/tcp-sockets.ts';
import type { ClusterConfig } from './config.ts';
import { monitorNode } from './config-monitors.ts';

/** Where all machines of a cluster reach one another, servers and monitors, by their number on the network. */
export function allAddresses({ servers, monitors }: ClusterConfig): Map<number, Address> {
  return new Map([
    ...servers.map(({ id, hostname, logPort }) => [id, { host: hostname, port: logPort }] as const),
    ...monitors.map(({ id, hostname, port }) => [monitorNode(id), { host: hostname, port }] as const),
  ]);
}
