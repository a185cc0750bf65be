import type { LoadResult, SystemName } from '../load/job.ts';
import type { System } from '../systems/system.ts';
import type { Effort, Row } from './row.ts';
import { ratio, type Goal, type Metric, type Sample } from './sample.ts';
import { standard } from './standard.ts';

/** A closed loop of one kind of request. */
export interface LoadShape {
  readonly work: 'write' | 'read';
  readonly connections: number;
  readonly depth: number;
  readonly keys?: number;
  readonly valueBytes?: number;
  /** Which servers are asked. */
  readonly through?: 'leader' | 'all';
}

export const loadMetrics: readonly Metric[] = [
  { key: 'perSecond', label: 'per second', digits: 0 },
  { key: 'p50Ms', label: 'p50 ms', digits: 2 },
  { key: 'p99Ms', label: 'p99 ms', digits: 2 },
  { key: 'p999Ms', label: 'p99.9 ms', digits: 2 },
  { key: 'maxMs', label: 'max ms', digits: 1 },
  { key: 'serverCpuUs', label: 'servers µs/op', digits: 1 },
  { key: 'leaderCpuUs', label: 'leader µs/op', digits: 1 },
  { key: 'generatorCpuUs', label: 'generator µs/op', digits: 1 },
  { key: 'coresBusy', label: 'cores busy', digits: 2 },
];

/** Runs the loop on one system. */
export async function measureLoad(system: System, shape: LoadShape, effort: Effort): Promise<Sample> {
  const { work, connections, depth, keys = standard.keys, valueBytes = standard.valueBytes, through } = shape;
  const leader = await system.leader();
  const result = await system.generator.run({
    ...{ kind: 'closed', work, connections, depth, keys, valueBytes },
    ports: through === 'all' ? system.ports : [system.ports[leader] ?? 0],
    pids: system.pids,
    warmUpMs: effort.warmUpMs,
    measureMs: effort.measureMs,
  });
  if (result.missing > 0) throw new Error(`${system.name} lacks ${result.missing} keys that were written`);
  return { values: loadValues(result, leader) };
}

export function loadValues(result: LoadResult, leader: number): Record<string, number> {
  const { cpuSeconds, generatorCpuSeconds, replies, latency, elapsedMs } = result;
  const servers = cpuSeconds.reduce((sum, seconds) => sum + seconds, 0);
  const perOpUs = (seconds: number): number => (seconds * 1e6) / Math.max(1, replies);
  return {
    perSecond: result.repliesPerSecond,
    p50Ms: latency.p50Ms,
    p90Ms: latency.p90Ms,
    p99Ms: latency.p99Ms,
    p999Ms: latency.p999Ms,
    maxMs: latency.maxMs,
    serverCpuUs: perOpUs(servers),
    leaderCpuUs: perOpUs(cpuSeconds[leader] ?? 0),
    generatorCpuUs: perOpUs(generatorCpuSeconds),
    coresBusy: (servers + generatorCpuSeconds) / (elapsedMs / 1000),
    ...Object.fromEntries(cpuSeconds.map((seconds, i) => [`server${i}CpuSeconds`, seconds])),
    generatorCpuSeconds,
  };
}

function loadRow(id: string, title: string, systems: SystemName[], shape: LoadShape, goals: Goal[]): Row {
  return {
    ...{ id, title, systems, goals, keys: standard.keys, metrics: loadMetrics, group: 'goals' as const },
    measure: (system, effort) => measureLoad(system, shape, effort),
  };
}

const atLeast = (bound: number, other: SystemName): Goal => ({
  ...{ text: `rate ≥ ${bound} × ${other}`, sense: '≥', bound },
  of: ratio('perSecond', other),
});
const writers: SystemName[] = ['kvraft', 'etcd', 'redis'];
const readers: SystemName[] = ['kvraft', 'etcd', 'redis', 'memcached'];

export const loadRows: readonly Row[] = [
  loadRow('write-1', 'write, 1 connection', writers, { work: 'write', connections: 1, depth: 1 }, [
    { text: 'p50 ≤ 0.75 × etcd', sense: '≤', bound: 0.75, of: ratio('p50Ms', 'etcd') },
  ]),
  loadRow('write-50', 'write, 50 connections', writers, { work: 'write', connections: 50, depth: 1 }, [
    atLeast(3.5, 'etcd'),
    { text: 'p99 ≤ 0.5 × etcd', sense: '≤', bound: 0.5, of: ratio('p99Ms', 'etcd') },
  ]),
  loadRow('write-50x16', 'write, 50 × 16 in flight', writers, { work: 'write', connections: 50, depth: 16 }, [
    atLeast(5, 'etcd'),
  ]),
  loadRow('write-1000', 'write, 1,000 connections', writers, { work: 'write', connections: 1000, depth: 1 }, [
    atLeast(3.5, 'etcd'),
  ]),
  loadRow(
    'read-50',
    'linearizable read, 50 connections',
    readers,
    { work: 'read', connections: 50, depth: 1 },
    [atLeast(5, 'etcd'), atLeast(0.5, 'memcached')],
  ),
  loadRow(
    'read-50x16',
    'linearizable read, 50 × 16 in flight',
    readers,
    { work: 'read', connections: 50, depth: 16 },
    [atLeast(10, 'etcd')],
  ),
];

/** Reads through all servers beside reads through the leader alone. */
export const followersRow: Row = {
  id: 'followers',
  title: 'linearizable read, all three servers asked, 50 connections',
  systems: ['kvraft', 'etcd'],
  keys: standard.keys,
  group: 'goals',
  metrics: [
    { key: 'perSecond', label: 'all, per second', digits: 0 },
    { key: 'leaderPerSecond', label: 'leader alone', digits: 0 },
    { key: 'gain', label: 'gain', digits: 2 },
    { key: 'p99Ms', label: 'all, p99 ms', digits: 2 },
    { key: 'serverCpuUs', label: 'all, servers µs/op', digits: 1 },
    { key: 'coresBusy', label: 'cores busy', digits: 2 },
  ],
  goals: [
    {
      text: 'more than through the leader alone, where cores allow',
      sense: '≥',
      bound: 1,
      of: (round) => round.kvraft?.values['gain'] ?? null,
    },
  ],
  async measure(system, effort) {
    const shape: LoadShape = { work: 'read', connections: 50, depth: 1 };
    const alone = await measureLoad(system, shape, effort);
    const all = await measureLoad(system, { ...shape, through: 'all' }, effort);
    const leaderPerSecond = alone.values['perSecond'] ?? 0;
    return {
      values: { ...all.values, leaderPerSecond, gain: (all.values['perSecond'] ?? 0) / leaderPerSecond },
    };
  },
};
