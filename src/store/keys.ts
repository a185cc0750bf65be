import { assert } from '../base/assert.ts';
import { namespaces, type StateKey } from './store.ts';

/** Longest key, namespace included. LMDB's pages of 4,096 bytes hold keys of up to 1,978. */
export const KEY_BYTES_MAX = 1_900;

/** Above every key: no character of a key is above U+00FF. */
export const LAST_KEY: StateKey = '\u0100';

/** Where the backends keep the position; hidden from everybody else. */
export const POSITION_KEY: StateKey = `${namespaces.store}position`;

/** Callers check what clients send; a key that comes so far and does not fit is a bug. */
export function assertKey(key: StateKey): void {
  assert(
    key.length > 0 && key.length <= KEY_BYTES_MAX && key[0] !== namespaces.store,
    'a key of the state is of 1 to 1,900 bytes and not in the namespace of the store',
  );
}
