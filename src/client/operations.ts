/** Operations as they are sent, from what applications pass in. All throw `INVALID_ARGUMENT`. */
import type { Op } from '../wire/rpc-requests.ts';
import { rpcLimits } from '../wire/rpc-limits.ts';
import { checkNames, invalid, keyText, leaseId, ttlMs, valueBytes, versionNumber } from './input.ts';
import type { BatchOperation, Bytes } from './options.ts';

interface LifetimeFields {
  readonly ttl?: unknown;
  readonly lease?: unknown;
}

interface PutFields extends LifetimeFields {
  readonly ifVersion?: unknown;
  readonly ifAbsent?: unknown;
}

export function putOp(key: Bytes, value: Bytes, fields: PutFields): Op {
  const { ifVersion, ifAbsent } = fields;
  if (ifAbsent !== undefined && typeof ifAbsent !== 'boolean') throw invalid('ifAbsent is true or left out');
  if (ifVersion === undefined) {
    const when = ifAbsent === true ? 'absent' : 'always';
    return { op: 'set', key: keyText(key), value: valueBytes(value), flags: 0, ...lifetime(fields), when };
  }
  if (ifAbsent === true) throw invalid('a put goes by ifVersion or by ifAbsent, not by both');
  return casOp(key, ifVersion, value, fields);
}

export const casOp = (key: Bytes, version: unknown, value: Bytes, fields: LifetimeFields): Op => ({
  op: 'cas',
  key: keyText(key),
  value: valueBytes(value),
  flags: 0,
  ...lifetime(fields),
  version: versionNumber(version, 'the version'),
});

const lifetime = ({ ttl, lease }: LifetimeFields): { ttlMs: number; lease?: number } =>
  lease === undefined ? { ttlMs: ttlMs(ttl) } : { ttlMs: ttlMs(ttl), lease: leaseId(lease) };

export const deleteOp = (key: Bytes, ifVersion: unknown): Op => ({
  op: 'delete',
  key: keyText(key),
  version: ifVersion === undefined ? 0 : versionNumber(ifVersion, 'ifVersion'),
});

const stepNames = {
  put: new Set(['op', 'key', 'value', 'ttl', 'lease', 'ifVersion', 'ifAbsent']),
  append: new Set(['op', 'key', 'value']),
  delete: new Set(['op', 'key', 'ifVersion']),
  check: new Set(['op', 'key', 'version']),
} as const satisfies Record<BatchOperation['op'], ReadonlySet<string>>;

export function batchOps(operations: readonly BatchOperation[]): Op[] {
  if (!Array.isArray(operations)) throw invalid('a batch is an array of operations');
  if (operations.length > rpcLimits.opsMax) {
    throw invalid(`a batch has at most ${rpcLimits.opsMax} operations, not ${operations.length}`);
  }
  return (operations as readonly BatchOperation[]).map((step, at) => {
    try {
      return stepOp(step);
    } catch (error) {
      throw error instanceof Error ? invalid(`operations[${at}]: ${error.message}`) : error;
    }
  });
}

function stepOp(step: BatchOperation): Op {
  if (typeof step !== 'object' || step === null) throw invalid('an operation is an object');
  const name: string = step.op;
  if (!Object.hasOwn(stepNames, name)) throw invalid(`there is no operation ${name}`);
  checkNames(step, stepNames[step.op]);
  switch (step.op) {
    case 'put':
      return putOp(step.key, step.value, step);
    case 'append':
      return { op: 'append', key: keyText(step.key), value: valueBytes(step.value), when: 'always' };
    case 'delete':
      return deleteOp(step.key, step.ifVersion);
    case 'check': {
      const version = step.version === null ? null : versionNumber(step.version, 'the version');
      return { op: 'check', key: keyText(step.key), version };
    }
  }
}
