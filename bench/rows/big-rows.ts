import { memoryUse } from '../systems/memory-use.ts';
import { firstAnswer } from '../systems/first-answer.ts';
import { wires } from '../wires/wires.ts';
import type { Row } from './row.ts';
import { ratio, value } from './sample.ts';
import { standard } from './standard.ts';

const KEYS = 1_000_000;

/** A follower is killed by SIGKILL and started again; the others go on. */
export const restartRow: Row = {
  id: 'restart',
  title: 'restart of a server with 1 million keys, to its first answer',
  systems: ['kvraft', 'etcd'],
  keys: KEYS,
  group: 'goals',
  metrics: [{ key: 'firstAnswerMs', label: 'first answer, ms', digits: 0 }],
  goals: [
    { text: '≤ 1 s', sense: '≤', bound: 1_000, of: value('firstAnswerMs') },
    { text: '≤ 0.5 × etcd', sense: '≤', bound: 0.5, of: ratio('firstAnswerMs', 'etcd') },
  ],
  async measure(system) {
    const follower = ((await system.leader()) + 1) % system.servers.length;
    const server = system.servers[follower];
    if (server === undefined) throw new Error('there is no follower');
    await server.kill('SIGKILL');
    const startMs = performance.now();
    server.start();
    const found = await firstAnswer(system.ports[follower] ?? 0, wires[system.name], KEYS - 1);
    const firstAnswerMs = performance.now() - startMs;
    if (!found) throw new Error(`${system.name} lost a key over a restart`);
    await system.leader();
    return { values: { firstAnswerMs } };
  },
};

/** The largest of the three servers, right after the keys were written and once the system is at rest. */
export const memoryRow: Row = {
  id: 'memory',
  title: `memory of a server with 1 million keys of ${standard.valueBytes} bytes`,
  systems: ['kvraft', 'etcd'],
  keys: KEYS,
  group: 'goals',
  rounds: 1,
  metrics: [
    { key: 'totalMib', label: 'resident MiB', digits: 0 },
    { key: 'ownMib', label: 'of it its own', digits: 0 },
    { key: 'fileMib', label: 'of it mapped files', digits: 0 },
    { key: 'smallestMib', label: 'smallest server', digits: 0 },
  ],
  goals: [{ text: '≤ etcd', sense: '≤', bound: 1, of: ratio('totalMib', 'etcd') }],
  measure(system) {
    const uses = system.pids.map(memoryUse).sort((a, b) => b.totalMib - a.totalMib);
    const [largest] = uses;
    if (largest === undefined) throw new Error('no server runs');
    return Promise.resolve({ values: { ...largest, smallestMib: uses.at(-1)?.totalMib ?? 0 } });
  },
};
