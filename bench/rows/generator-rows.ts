import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { outputOf } from '../systems/server-process.ts';
import type { System } from '../systems/system.ts';
import { GrpcWire } from '../wires/grpc-wire.ts';
import { FRAME_HEADER_BYTES } from '../wires/http2.ts';
import { KEYS_MAX } from '../wires/wire.ts';
import { loadMetrics, measureLoad, type LoadShape } from './load-rows.ts';
import type { Row } from './row.ts';
import type { Sample } from './sample.ts';
import { standard } from './standard.ts';

const shapes: readonly LoadShape[] = [
  { work: 'write', connections: 50, depth: 1 },
  { work: 'write', connections: 50, depth: 16 },
];

/** The generator against a server that stores nothing: what it can do at most, and what a request costs it. */
const echoRows: readonly Row[] = shapes.map((shape) => ({
  id: `echo-${shape.connections}x${shape.depth}`,
  title: `bare echo, ${shape.connections} × ${shape.depth} in flight`,
  ...{ systems: ['echo'], keys: standard.keys, group: 'goals', metrics: loadMetrics, goals: [] },
  measure: (system, effort) => measureLoad(system, shape, effort),
}));

/** Not one that the ledger of our writes knows. */
const FOREIGN_KEY = KEYS_MAX - 1;

const unheard = {
  succeeded: () => undefined,
  missed: () => undefined,
  failed: () => undefined,
  say: () => undefined,
};

/** A gRPC message of one put, as a file for h2load: what stands in a request behind its second frame header. */
function putBody(folder: string): string {
  const wire = new GrpcWire({ work: 'write', valueBytes: standard.valueBytes }, unheard);
  const out = Buffer.alloc(wire.requestBytesMax);
  wire.encode(out, 0, 0, FOREIGN_KEY, 0);
  // The second one: its headers are those of all later ones.
  const end = wire.encode(out, 0, 0, FOREIGN_KEY, 0);
  const bodyAt = FRAME_HEADER_BYTES + out.readUIntBE(0, 3) + FRAME_HEADER_BYTES;
  const file = join(folder, 'put.grpc');
  writeFileSync(file, out.subarray(bodyAt, end));
  return file;
}

/** Writes a second that h2load makes etcd do: it can send one body only, so all go to one key. */
async function h2load(system: System, { connections, depth }: LoadShape, seconds: number): Promise<number> {
  const port = system.ports[await system.leader()] ?? 0;
  const child = spawn('h2load', [
    ...[
      '-c',
      String(connections),
      '-m',
      String(depth),
      '-D',
      String(Math.ceil(seconds)),
      '--warm-up-time',
      '1',
    ],
    ...['-d', putBody(system.folder), '-H', 'content-type: application/grpc', '-H', 'te: trailers'],
    `http://127.0.0.1:${port}/etcdserverpb.KV/Put`,
  ]);
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.resume();
  await once(child, 'close');
  const rate = /finished in [^,]*, ([\d.]+) req\/s/.exec(output)?.[1];
  if (rate === undefined || !/ 0 failed, 0 errored/.test(output)) throw new Error(`h2load failed: ${output}`);
  return Number(rate);
}

const hasH2load = (): boolean => outputOf('h2load', '--version') !== null;

/** Whether etcd is driven as hard as h2load, a client in C, can. */
const etcdClientRows: readonly Row[] = shapes.map((shape) => ({
  id: `etcd-client-${shape.connections}x${shape.depth}`,
  title: `etcd's writes by our client and by h2load, ${shape.connections} × ${shape.depth} in flight`,
  ...{ systems: ['etcd'], keys: standard.keys, group: 'goals' },
  goals: [
    {
      ...{ text: 'our client drives etcd as hard as h2load: ≥ 0.95', sense: '≥', bound: 0.95 },
      of: ({ etcd }) => {
        const theirs = etcd?.values['h2loadPerSecond'];
        return theirs === undefined ? null : (etcd?.values['perSecond'] ?? 0) / theirs;
      },
    },
  ],
  metrics: [
    { key: 'perSecond', label: 'ours, per second', digits: 0 },
    { key: 'h2loadPerSecond', label: 'h2load, per second', digits: 0 },
    { key: 'generatorCpuUs', label: 'ours, µs/op', digits: 1 },
  ],
  async measure(system, effort): Promise<Sample> {
    const ours = await measureLoad(system, shape, effort);
    const theirs = hasH2load()
      ? { h2loadPerSecond: await h2load(system, shape, effort.measureMs / 1000) }
      : {};
    return { values: { ...ours.values, ...theirs } };
  },
}));

export const generatorRows: readonly Row[] = [...echoRows, ...etcdClientRows];
