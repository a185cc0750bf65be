/** Which keys and changes a call is about, from what applications pass in. All throw `INVALID_ARGUMENT`. */
import { prefixEnd } from '../wire/rpc-requests.ts';
import { bytesText, invalid, positiveInteger, versionNumber } from './input.ts';
import type { RangeOptions, ReadOptions, WatchOptions } from './options.ts';

export function isStale(consistency: ReadOptions['consistency']): boolean {
  if (consistency === undefined || consistency === 'linearizable') return false;
  if (consistency === 'stale') return true;
  throw invalid(`consistency is 'linearizable' or 'stale', not ${String(consistency)}`);
}

interface RangeBounds {
  readonly start: string;
  /** Null: no end. */
  readonly end: string | null;
  readonly reverse: boolean;
  readonly limit: number;
}

export function rangeBounds({ prefix, start, end, reverse = false, limit }: RangeOptions): RangeBounds {
  if (typeof reverse !== 'boolean') throw invalid('reverse is true or false');
  const entries = limit === undefined ? Infinity : positiveInteger(limit, 'limit');
  if (prefix !== undefined) {
    if (start !== undefined || end !== undefined)
      throw invalid('a range goes by prefix, or from start to end');
    const text = bytesText(prefix, 'prefix');
    return { start: text, end: prefixEnd(text), reverse, limit: entries };
  }
  return {
    start: start === undefined ? '' : bytesText(start, 'start'),
    end: end === undefined ? null : bytesText(end, 'end'),
    reverse,
    limit: entries,
  };
}

export const watchStart = ({ prefix, fromVersion }: WatchOptions): { prefix: string; from: number } => ({
  prefix: prefix === undefined ? '' : bytesText(prefix, 'prefix'),
  from: fromVersion === undefined ? 0 : versionNumber(fromVersion, 'fromVersion'),
});
