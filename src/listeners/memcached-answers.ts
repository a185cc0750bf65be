import { KvraftError } from '../base/errors.ts';
import type { OpStatus } from '../kv/replies.ts';
import type { MemcachedRequest } from '../wire/memcached-requests.ts';
import type { WriteResult } from './kv-service.ts';

const tooLarge = 'SERVER_ERROR object too large for cache';
const notNumeric = 'CLIENT_ERROR cannot increment or decrement non-numeric value';
/** What no operation of this protocol ends with. */
const unforeseen = 'SERVER_ERROR not executed';

/** The line that answers a request of the commands with long names, by the result of its operation. */
export function lineOf(kind: MemcachedRequest['kind'], { status, value }: WriteResult): string {
  switch (status) {
    case 'ok':
    case 'won':
      return value === undefined ? doneLine(kind) : Buffer.from(value).toString('latin1');
    case 'deleted':
      return 'DELETED';
    case 'not-found':
      return kind === 'replace' || kind === 'append' || kind === 'prepend' ? 'NOT_STORED' : 'NOT_FOUND';
    case 'exists':
      return 'NOT_STORED';
    case 'version-mismatch':
      return 'EXISTS';
    case 'too-large':
      return tooLarge;
    case 'not-a-number':
      return notNumeric;
    default:
      return unforeseen;
  }
}

function doneLine(kind: MemcachedRequest['kind']): string {
  if (kind === 'flush_all') return 'OK';
  return kind === 'touch' ? 'TOUCHED' : 'STORED';
}

/** The return code of a meta command, by the status of its operation; or the error line. */
export function metaCodeOf(kind: MemcachedRequest['kind'], isCas: boolean, status: OpStatus): string {
  switch (status) {
    case 'ok':
    case 'won':
    case 'deleted':
      return 'HD';
    case 'not-found':
      return kind === 'ms' && !isCas ? 'NS' : 'NF';
    case 'exists':
      return 'NS';
    case 'version-mismatch':
      return 'EX';
    case 'too-large':
      return tooLarge;
    case 'not-a-number':
      return notNumeric;
    default:
      return unforeseen;
  }
}

/** A copy of the request was executed before, and its key has changed since: what it was to answer is not known. */
export const overtaken = new KvraftError('INTERNAL', 'the key has changed since', { outcome: 'unknown' });

/** The line for a request that was not completed: a client must be able to tell what surely did not happen. */
export function errorLine({ code, outcome }: KvraftError): string {
  if (outcome === 'unknown')
    return `SERVER_ERROR unknown outcome (${code}): it may or may not have been executed`;
  return code === 'NO_SPACE'
    ? 'SERVER_ERROR out of memory storing object'
    : `SERVER_ERROR not executed (${code})`;
}
