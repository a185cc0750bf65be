import type { Invocation, ModelName, OperationResult } from '../linearizability/index.ts';
import type { WriteOp, WriteResult } from '../listeners/kv-service.ts';

/** Whether it changes nothing. */
export const isRead = ({ kind }: Invocation): boolean => kind === 'get' || kind === 'getm';

/** What a server is asked to do; null for a read. */
export function writeOp({
  kind,
  key,
  value = '',
  version = 0,
  ttlMs = 0,
  when = 'always',
}: Invocation): WriteOp | null {
  const bytes = Buffer.from(value);
  switch (kind) {
    case 'put':
      return { op: 'set', key, value: bytes, flags: 0, ttlMs: 0, when: 'always' };
    case 'set':
      return { op: 'set', key, value: bytes, flags: 0, ttlMs, when };
    case 'append':
      return { op: 'append', key, value: bytes, when: 'always' };
    case 'cas':
      return { op: 'cas', key, value: bytes, flags: 0, ttlMs, version };
    case 'delete':
      return { op: 'delete', key, version: 0 };
    case 'get':
    case 'getm':
      return null;
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

export function writeResult(model: ModelName, { status, version }: WriteResult): OperationResult {
  if (model !== 'versioned') return { status: 'ok' };
  switch (status) {
    case 'ok':
      return { status, version };
    case 'deleted':
      return { status: 'ok', version };
    case 'version-mismatch':
      return { status, version };
    case 'not-found':
    case 'exists':
      return { status };
    default:
      throw new Error(`a write ended as ${status}`);
  }
}
