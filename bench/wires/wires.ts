import type { SystemName } from '../load/job.ts';
import { GrpcWire } from './grpc-wire.ts';
import { memcachedWire, respWire, textWire } from './line-protocols.ts';
import type { MakeWire } from './wire.ts';

/** What each system is spoken to in. */
export const wires: Record<SystemName, MakeWire> = {
  kvraft: textWire,
  etcd: (shape, handler) => new GrpcWire(shape, handler),
  redis: respWire,
  memcached: memcachedWire,
  echo: textWire,
};
