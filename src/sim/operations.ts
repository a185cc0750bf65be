import {
  textOfBytes,
  type Invocation,
  type ModelName,
  type OperationResult,
} from '../linearizability/index.ts';
import type { WriteOp, WriteResult } from '../listeners/kv-service.ts';

/** Whether it changes nothing. */
export const isRead = ({ kind }: Invocation): boolean => kind === 'get' || kind === 'getm';

/** What a server is asked to do; null for a read. */
export function writeOp(invocation: Invocation): WriteOp | null {
  const { kind, key, value = '', version = 0, ttlMs = 0, when = 'always', by = '0', initial } = invocation;
  const bytes = Buffer.from(value);
  switch (kind) {
    case 'put':
      return { op: 'set', key, value: bytes, flags: 0, ttlMs: 0, when: 'always' };
    case 'set':
      return { op: 'set', key, value: bytes, flags: 0, ttlMs, when };
    case 'append':
    case 'prepend':
      return { op: kind, key, value: bytes, when: when === 'present' ? when : 'always', version };
    case 'cas':
      return { op: 'cas', key, value: bytes, flags: 0, ttlMs, version };
    case 'delete':
      return { op: 'delete', key, version };
    case 'increment':
    case 'decrement': {
      const down = kind === 'decrement';
      const made = initial === undefined ? null : BigInt(initial);
      return { op: 'increment', key, by: BigInt(by), down, initial: made, ttlMs, version };
    }
    case 'touch':
      return { op: 'touch', key, ttlMs };
    case 'put-hash':
      return { op: 'put-hash', key, value: bytes };
    case 'check':
      return { op: 'check', key, version: when === 'absent' ? null : version };
    case 'get':
    case 'getm':
      return null;
    case 'batch':
      throw new Error('a batch is made of several operations');
  }
}

export function readResult(
  model: ModelName,
  { kind }: Invocation,
  record: { value: Uint8Array; version: number; expiresAtMs: number } | undefined,
  stampMs: number,
): OperationResult {
  if (record === undefined) return { status: 'not-found' };
  const value = Buffer.from(record.value).toString('utf8');
  if (model !== 'versioned') return { status: 'ok', value };
  const ttlMs = record.expiresAtMs === 0 ? 0 : Math.max(1, record.expiresAtMs - stampMs);
  return { status: 'ok', value, version: record.version, ...(kind === 'getm' ? { ttlMs } : {}) };
}

/** What a write was answered, as histories have it; it keeps nothing of the result. */
export function writeResult(model: ModelName, { status, version, value }: WriteResult): OperationResult {
  if (model !== 'versioned') return { status: 'ok' };
  const known = version === 0 ? {} : { version };
  switch (status) {
    case 'ok':
      return { status, ...known, ...(value === undefined ? {} : { value: textOfBytes(value) }) };
    case 'deleted':
      return { status: 'ok', ...known };
    case 'version-mismatch':
    case 'exists':
      return { status, ...known };
    case 'not-found':
    case 'not-a-number':
    case 'not-applied':
      return { status };
    default:
      throw new Error(`a write ended as ${status}`);
  }
}
