import { KvraftError } from '../base/errors.ts';

/**
 * The log lost or changed what was durable once. Never skipped: a server that goes on with a part of its log
 * could vote twice in a term, or acknowledge what it no longer holds.
 */
export function damaged(path: string, offset: number, what: string): KvraftError {
  return new KvraftError(
    'LOG_DAMAGED',
    `${path}, byte ${offset}: ${what}. Restore the file from a backup, or start this server with --rebuild to ` +
      'get a fresh copy from the others',
  );
}
