import type { SystemName } from '../load/job.ts';
import { loadMetrics, measureLoad, type LoadShape } from './load-rows.ts';
import type { Row } from './row.ts';
import { standard } from './standard.ts';

/** What a plot shows over its horizontal axis. */
export interface Curve {
  readonly id: string;
  readonly title: string;
  readonly axis: string;
  readonly points: readonly { readonly x: number; readonly row: Row }[];
}

const systems: SystemName[] = ['kvraft', 'etcd'];

function curve(
  id: string,
  title: string,
  axis: string,
  xs: readonly number[],
  shapeAt: (x: number) => LoadShape,
): Curve {
  return {
    ...{ id, title, axis },
    points: xs.map((x) => {
      const shape = shapeAt(x);
      const row: Row = {
        ...{
          id: `${id}-${x}`,
          title: `${title}: ${x}`,
          systems,
          metrics: loadMetrics,
          goals: [],
          group: 'curves',
        },
        keys: shape.keys ?? standard.keys,
        measure: (system, effort) => measureLoad(system, shape, effort),
      };
      return { x, row };
    }),
  };
}

const CONNECTIONS = [1, 4, 16, 50, 200, 1000];
const DEPTHS = [1, 4, 16, 64];

export const curves: readonly Curve[] = [
  curve('connections', 'writes, one in flight each', 'connections', CONNECTIONS, (connections) => {
    return { work: 'write', connections, depth: 1 };
  }),
  curve(
    'read-connections',
    'linearizable reads, one in flight each',
    'connections',
    CONNECTIONS,
    (connections) => {
      return { work: 'read', connections, depth: 1 };
    },
  ),
  curve('depth', 'writes, 50 connections', 'in flight on each connection', DEPTHS, (depth) => {
    return { work: 'write', connections: 50, depth };
  }),
  curve(
    'read-depth',
    'linearizable reads, 50 connections',
    'in flight on each connection',
    DEPTHS,
    (depth) => {
      return { work: 'read', connections: 50, depth };
    },
  ),
  curve('keys', 'writes, 50 × 16 in flight', 'keys', [10_000, 100_000, 1_000_000], (keys) => {
    return { work: 'write', connections: 50, depth: 16, keys };
  }),
  curve(
    'value-bytes',
    'writes, 50 × 4 in flight',
    'bytes of a value',
    [64, 256, 1024, 4096, 12_288],
    (valueBytes) => {
      return { work: 'write', connections: 50, depth: 4, valueBytes };
    },
  ),
];

export const curveRows: readonly Row[] = curves.flatMap(({ points }) => points.map(({ row }) => row));
