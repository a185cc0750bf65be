import type { RangeOptions, StateKey, namespaces as all } from '../store/store.ts';

/** The namespaces of the key-value state; the compiler holds them to the store's list. */
export const namespaces: Omit<typeof all, 'store' | 'replica'> = {
  record: 'k',
  expiry: 'x',
  session: 's',
  change: 'c',
  lease: 'l',
  leaseKey: 'L',
  leaseExpiry: 'y',
  machine: 'v',
};

/** All keys that begin with `prefix`, whose last character must not be `\xff`. */
export function prefixRange(prefix: StateKey): RangeOptions {
  const last = prefix.length - 1;
  return { start: prefix, end: prefix.slice(0, last) + String.fromCharCode(prefix.charCodeAt(last) + 1) };
}
