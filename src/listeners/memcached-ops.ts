import { mark } from '../kv/records.ts';
import type {
  ArithmeticRequest,
  FlushRequest,
  MemcachedRequest,
  MetaRequest,
  MetaSetRequest,
  StoreRequest,
} from '../wire/memcached-requests.ts';
import { ttlOf } from '../wire/memcached-requests.ts';
import type { ReadRecord, WriteOp } from './kv-service.ts';

/**
 * What a request does to the store; null if it is a read, or does nothing. `wallMs` is the server's wall clock, by
 * which absolute times become durations, here and once.
 */
export function opOf(request: MemcachedRequest, wallMs: number): WriteOp | null {
  switch (request.kind) {
    case 'set':
    case 'add':
    case 'replace':
    case 'append':
    case 'prepend':
    case 'cas':
      return storeOp(request, wallMs);
    case 'delete':
      return { op: 'delete', key: request.key, version: 0 };
    case 'incr':
    case 'decr':
      return arithmeticOp(request);
    case 'touch':
    case 'gat': {
      const { key, exptime } = request;
      return { op: 'visit', key, ttlMs: ttlOf(exptime, wallMs), vivifyTtlMs: null, recacheMs: null };
    }
    case 'flush_all':
      return flushOp(request, wallMs);
    case 'mg':
      return request.flags.exptime === null ? null : visitOp(request, wallMs);
    case 'ms':
      return metaSetOp(request, wallMs);
    case 'md':
      return metaDeleteOp(request, wallMs);
    case 'ma':
      return metaArithmeticOp(request, wallMs);
    default:
      return null;
  }
}

function storeOp({ kind, key, value, flags, exptime, version }: StoreRequest, wallMs: number): WriteOp {
  if (kind === 'append' || kind === 'prepend') return { op: kind, key, value, when: 'present' };
  const ttlMs = ttlOf(exptime, wallMs);
  if (kind === 'cas') return { op: 'cas', key, value, flags, ttlMs, version };
  return { op: 'set', key, value, flags, ttlMs, when: whens[kind] };
}

const whens = { set: 'always', add: 'absent', replace: 'present' } as const;

function arithmeticOp({ kind, key, delta }: ArithmeticRequest): WriteOp {
  return { op: 'increment', key, by: delta, down: kind === 'decr', initial: null, ttlMs: 0 };
}

function flushOp({ exptime }: FlushRequest, wallMs: number): WriteOp {
  const delayMs = ttlOf(exptime, wallMs);
  return delayMs > 0 ? { op: 'flush', delayMs } : { op: 'flush' };
}

/** What a meta get changes, or may. */
function visitOp({ key, flags }: MetaRequest, wallMs: number): WriteOp {
  const ttl = (exptime: number | null): number | null => (exptime === null ? null : ttlOf(exptime, wallMs));
  const recacheMs = Math.max(0, ttl(flags.recache) ?? 0);
  return { op: 'visit', key, ttlMs: ttl(flags.exptime), vivifyTtlMs: ttl(flags.vivify), recacheMs };
}

/** What a meta get changes after all, by how its key stands at log time `stampMs`; null: it only reads. */
export function escalatedOp(
  request: MetaRequest,
  record: ReadRecord | undefined,
  stampMs: number,
  wallMs: number,
): WriteOp | null {
  const { vivify, recache } = request.flags;
  if (record === undefined) return vivify === null ? null : visitOp(request, wallMs);
  const { marks = 0, expiresAtMs } = record;
  if ((marks & mark.won) !== 0) return null;
  const isStale = (marks & mark.stale) !== 0;
  const isDue = recache !== null && expiresAtMs !== 0 && expiresAtMs - stampMs < ttlOf(recache, wallMs);
  return isStale || isDue ? visitOp(request, wallMs) : null;
}

function metaSetOp({ key, flags, value }: MetaSetRequest, wallMs: number): WriteOp {
  const { mode, version, invalidate } = flags;
  if (mode === 'A' || mode === 'P') {
    const op = mode === 'A' ? 'append' : 'prepend';
    return { op, key, value, when: 'present', version: version ?? 0 };
  }
  const put = { key, value, flags: flags.clientFlags, ttlMs: ttlOf(flags.exptime ?? 0, wallMs) };
  if (mode === 'E') return { op: 'set', ...put, when: 'absent' };
  if (version !== null) return { op: 'cas', ...put, version, orOlder: invalidate };
  return { op: 'set', ...put, when: mode === 'R' ? 'present' : 'always' };
}

function metaDeleteOp({ key, flags }: MetaRequest, wallMs: number): WriteOp {
  const version = flags.version ?? 0;
  if (!flags.invalidate) return { op: 'delete', key, version };
  return {
    op: 'invalidate',
    key,
    version,
    ttlMs: flags.exptime === null ? null : ttlOf(flags.exptime, wallMs),
  };
}

function metaArithmeticOp({ key, flags }: MetaRequest, wallMs: number): WriteOp {
  const { delta, mode, vivify, initial, version, exptime } = flags;
  return {
    op: 'increment',
    key,
    by: delta,
    down: mode === 'D' || mode === '-',
    initial: vivify === null ? null : initial,
    ttlMs: vivify === null ? 0 : ttlOf(vivify, wallMs),
    version: version ?? 0,
    ...(exptime === null ? {} : { newTtlMs: ttlOf(exptime, wallMs) }),
  };
}
