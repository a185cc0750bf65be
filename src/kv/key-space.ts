import type { StateStorage } from '../store/store.ts';
import type { ChangeLog } from './change-log.ts';
import { ExpiryIndex } from './expiry.ts';
import { recordExpiresAtMs, recordKey, recordVersion } from './records.ts';
import { assert } from '../base/assert.ts';
import type { StateHash } from './state-hash.ts';

/**
 * The keys and their records. Every change of a key goes through here, and with it go the version counter, the
 * number of keys, the expiry index, the state hash and the change log.
 */
export class KeySpace {
  readonly #storage: StateStorage;
  readonly #hash: StateHash;
  readonly #changes: ChangeLog;
  readonly #expiry: ExpiryIndex;
  #version = 0;
  #count = 0;

  constructor(storage: StateStorage, hash: StateHash, changes: ChangeLog) {
    this.#storage = storage;
    this.#hash = hash;
    this.#changes = changes;
    this.#expiry = new ExpiryIndex(storage);
  }

  /** The version of the last change of any key. */
  get version(): number {
    return this.#version;
  }

  get count(): number {
    return this.#count;
  }

  /** Takes over what `version` and `count` were when the storage was saved. */
  load(version: number, count: number): void {
    this.#version = version;
    this.#count = count;
    this.#expiry.reset();
  }

  /** The key's record, due or not. */
  read(key: string): Uint8Array | undefined {
    return this.#storage.get(recordKey(key));
  }

  /** The key's record as a write at log time `stampMs` finds it: a key that is due goes first. */
  current(key: string, stampMs: number): Uint8Array | undefined {
    const record = this.read(key);
    if (record === undefined) return undefined;
    const expiresAtMs = recordExpiresAtMs(record);
    if (expiresAtMs === 0 || expiresAtMs > stampMs) return record;
    this.#remove(key, record, 'expire');
    return undefined;
  }

  /** Gives the key, whose record is `old`, a record made for the next version. */
  put(key: string, old: Uint8Array | undefined, record: Uint8Array): void {
    assert(recordVersion(record) === this.#version + 1, 'versions are used in order');
    this.#version++;
    if (old === undefined) this.#count++;
    this.#storage.put(recordKey(key), record);
    this.#moveExpiry(key, old === undefined ? 0 : recordExpiresAtMs(old), recordExpiresAtMs(record));
    this.#hash.replaceRecord(key, old, record);
    this.#changes.append(this.#version, 'put', key, record);
  }

  delete(key: string, old: Uint8Array): void {
    this.#remove(key, old, 'delete');
  }

  /** Drops keys that are due at log time `stampMs`, at most `limit`, the first due first. Returns how many. */
  expireDue(stampMs: number, limit: number): number {
    const due = this.#expiry.due(stampMs, limit);
    for (const { atMs, key } of due) {
      const record = this.read(key);
      assert(record !== undefined && recordExpiresAtMs(record) === atMs, 'the expiry index fits the records');
      this.#remove(key, record, 'expire');
    }
    return due.length;
  }

  /** The log time at which the first key is due, or null. */
  nextExpiryMs(): number | null {
    return this.#expiry.nextMs();
  }

  #remove(key: string, old: Uint8Array, type: 'delete' | 'expire'): void {
    this.#version++;
    this.#count--;
    this.#storage.delete(recordKey(key));
    this.#moveExpiry(key, recordExpiresAtMs(old), 0);
    this.#hash.replaceRecord(key, old, undefined);
    this.#changes.append(this.#version, type, key, null);
  }

  #moveExpiry(key: string, fromMs: number, toMs: number): void {
    if (fromMs === toMs) return;
    if (fromMs !== 0) this.#expiry.remove(fromMs, key);
    if (toMs !== 0) this.#expiry.add(toMs, key);
  }
}
