/** The options that each call knows: see `options.ts`. */
import type { ElectionOptions, LeaseOptions, LockOptions } from './coordination.ts';
import type {
  CallOptions,
  CasOptions,
  ConnectOptions,
  DeleteOptions,
  PutOptions,
  RangeOptions,
  ReadOptions,
  WatchOptions,
  WriteOptions,
} from './options.ts';

type NameOf<T> = T extends unknown ? keyof T : never;

/** All names, checked both ways: one that is missing here does not compile. */
const names = <T>(all: Record<NameOf<T>, true>): ReadonlySet<string> => new Set(Object.keys(all));

const call = { signal: true, timeout: true } as const;
const write = { ...call, fence: true } as const;

export const optionNames = {
  call: names<CallOptions>(call),
  read: names<ReadOptions>({ ...call, consistency: true }),
  write: names<WriteOptions>(write),
  put: names<PutOptions>({ ...write, ttl: true, lease: true, ifVersion: true, ifAbsent: true }),
  cas: names<CasOptions>({ ...write, ttl: true, lease: true }),
  delete: names<DeleteOptions>({ ...write, ifVersion: true }),
  range: names<RangeOptions>({
    ...call,
    prefix: true,
    start: true,
    end: true,
    limit: true,
    reverse: true,
    consistency: true,
  }),
  lease: names<LeaseOptions>({ ...call, ttl: true }),
  lock: names<LockOptions>({ ...call, ttl: true }),
  election: names<ElectionOptions>({ ttl: true }),
  observe: names<{ signal?: AbortSignal }>({ signal: true }),
  watch: names<WatchOptions>({ prefix: true, fromVersion: true, signal: true }),
  connect: names<ConnectOptions>({
    servers: true,
    signal: true,
    clusterId: true,
    connectTimeout: true,
    timeout: true,
    learnServers: true,
  }),
} as const;
