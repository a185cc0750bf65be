import { join } from 'node:path';
import type { SystemName } from '../load/job.ts';
import { Etcd } from './etcd.ts';
import { Kvraft } from './kvraft.ts';
import { outputOf } from './server-process.ts';
import { createEcho, createMemcached, createRedis } from './single-server.ts';
import type { System, SystemSetup } from './system.ts';

interface Known {
  readonly create: (setup: SystemSetup) => Promise<System>;
  /** Null: not installed. */
  readonly version: () => string | null;
}

const versionIn = (output: string | null): string | null =>
  output === null ? null : (/\d+\.\d+\.\d+/.exec(output)?.[0] ?? 'unknown');

const known: Record<SystemName, Known> = {
  kvraft: { create: (setup) => Kvraft.create(setup), version: () => revision() ?? 'unknown' },
  etcd: { create: (setup) => Etcd.create(setup), version: () => versionIn(outputOf('etcd', '--version')) },
  redis: { create: createRedis, version: () => versionIn(outputOf('redis-server', '--version')) },
  memcached: { create: createMemcached, version: () => versionIn(outputOf('memcached', '-V')) },
  echo: { create: createEcho, version: () => process.version },
};

/** The commit that is measured, marked when the checkout differs from it. */
function revision(): string | null {
  const root = join(import.meta.dirname, '..', '..', '..');
  const commit = outputOf('git', '-C', root, 'describe', '--always', '--dirty');
  return commit === null ? null : commit.trim();
}

export const createSystem = (name: SystemName, folder: string, keysMax: number): Promise<System> =>
  known[name].create({ folder: join(folder, name), keysMax });

/** The version of a system, null where it is not installed. */
export const versionOf = (name: SystemName): string | null => known[name].version();
