import { freePorts } from '../support/ports.ts';
import { ProcessCluster } from '../support/processes.ts';
import { ReferenceServer } from './reference.ts';
import type { Ports } from './compare.ts';

/** Runs with a memcached and so many kvraft servers; the port of kvraft is that of a server that does not lead. */
export async function withBoth(size: number, run: (ports: Ports) => Promise<void>): Promise<void> {
  await using reference = await ReferenceServer.start();
  const ports = await freePorts(size);
  await using cluster = await ProcessCluster.create(size, {}, (id) => ({ MemcachedPort: ports[id] }));
  cluster.startAll();
  await cluster.up();
  const leader = await cluster.leader();
  await run({ memcached: reference.port, kvraft: ports[(leader + 1) % size] ?? 0 });
}
