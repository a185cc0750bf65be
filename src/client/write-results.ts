import { KvraftError } from '../base/errors.ts';
import type { OpResult } from '../wire/rpc-replies.ts';
import type { Op } from '../wire/rpc-requests.ts';
import { textOf } from './input.ts';

/** What a batch was asked for need not be there to be deleted. */
const isDone = (op: Op, { status }: OpResult): boolean =>
  status === 'ok' ||
  status === 'deleted' ||
  (status === 'not-found' && op.op === 'delete' && op.version === 0);

/** Why an operation was not done, or null if it was. */
export function failureOf(op: Op, result: OpResult): KvraftError | null {
  return isDone(op, result) ? null : errorOf(op, result);
}

/** The first operation of an atomic batch that kept it from being done, or null if it was done. */
export function batchFailureOf(ops: readonly Op[], results: readonly OpResult[]): KvraftError | null {
  for (const [index, op] of ops.entries()) {
    const result = results[index];
    if (result === undefined || result.status === 'not-applied' || isDone(op, result)) continue;
    return errorOf(op, result, index);
  }
  if (!results.some(({ status }) => status === 'not-applied')) return null;
  return new KvraftError('INTERNAL', 'the servers did nothing and did not say why');
}

function errorOf(op: Op, { status, version }: OpResult, index?: number): KvraftError {
  const key = 'key' in op ? `key ${JSON.stringify(textOf(op.key))}` : op.op;
  const details = {
    ...(version === 0 ? {} : { version }),
    ...(index === undefined ? {} : { index }),
  };
  switch (status) {
    case 'version-mismatch':
      return new KvraftError('VERSION_MISMATCH', `${key} has another version: ${version}`, details);
    case 'exists':
      return new KvraftError('EXISTS', `${key} is there already`, details);
    case 'not-found':
      return new KvraftError('NOT_FOUND', `${key} is not there`, details);
    case 'too-large':
      return new KvraftError('TOO_LARGE', `the value of ${key} would be too large`, details);
    case 'reply-too-large':
      return new KvraftError('TOO_LARGE', `what is to be read back of ${key} takes too much`, details);
    case 'lease-not-found':
      return new KvraftError('LEASE_LOST', `${key}: the lease has ended`, details);
    case 'too-many-leases':
      return new KvraftError('OVERLOADED', 'the cluster has no room for another lease', { retryable: true });
    case 'fenced':
      return new KvraftError('FENCED', `the lock is not held any more: ${key} was left as it is`);
    default:
      return new KvraftError('INTERNAL', `${key}: the servers refused with ${status}`, details);
  }
}
