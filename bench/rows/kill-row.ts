import type { System } from '../systems/system.ts';
import type { Row } from './row.ts';
import { ratio, value, type Sample } from './sample.ts';
import { standard } from './standard.ts';

/** Modest, so that what is measured is the pause and not a backlog of work. */
const RATE = 1_000;
const KILL_AFTER_MS = 1_500;
/** Longer than any election with default settings takes. */
const MEASURE_MS = 8_000;

/** SIGKILL of the leader while writes come evenly over connections to all servers. */
export const killRow: Row = {
  id: 'kill',
  title: `leader killed by SIGKILL under ${RATE} writes/s`,
  systems: ['kvraft', 'etcd'],
  keys: standard.keys,
  group: 'goals',
  metrics: [
    { key: 'toNextMs', label: 'to next acknowledgement, ms', digits: 0 },
    { key: 'maxMs', label: 'longest write ms', digits: 0 },
    { key: 'failed', label: 'writes without an answer', digits: 0 },
    { key: 'sendDelayP99Ms', label: 'generator late, p99 ms', digits: 2 },
  ],
  goals: [
    { text: 'median ≤ 0.3 s', sense: '≤', bound: 300, of: value('toNextMs') },
    { text: '≤ 0.25 × etcd', sense: '≤', bound: 0.25, of: ratio('toNextMs', 'etcd') },
  ],
  measure,
};

async function measure(system: System): Promise<Sample> {
  const leader = await system.leader();
  const server = system.servers[leader];
  if (server === undefined) throw new Error('there is no leader');
  const result = await system.generator.run({
    ...{ kind: 'open', work: 'write', connections: 48, depth: 64, keys: standard.keys },
    valueBytes: standard.valueBytes,
    // The leader is one of three: a third of the connections break.
    ports: system.ports,
    ...{ warmUpMs: 1_000, measureMs: MEASURE_MS, rate: RATE, intervalMs: 20 },
    pids: system.pids,
    kill: { pid: server.pid, afterMs: KILL_AFTER_MS },
  });
  await server.ended();
  server.start();
  await system.leader();
  if (result.kill?.toNextMs == null)
    throw new Error(`${system.name} acknowledged nothing after its leader was killed`);
  return {
    values: {
      toNextMs: result.kill.toNextMs,
      killAtMs: result.kill.atMs,
      maxMs: result.latency.maxMs,
      p50Ms: result.latency.p50Ms,
      p99Ms: result.latency.p99Ms,
      failed: result.failed,
      sendDelayP99Ms: result.sendDelay?.p99Ms ?? 0,
    },
    intervals: result.intervals,
  };
}
