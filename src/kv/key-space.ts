import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import type { StateKey, StateStorage } from '../store/store.ts';
import type { ChangeLog } from './change-log.ts';
import type { ChangeType } from './change-segment.ts';
import { ExpiryIndex } from './expiry.ts';
import type { Leases } from './leases.ts';
import { namespaces, prefixRange } from './namespaces.ts';
import type { KeyPin } from './pinned-keys.ts';
import { PinnedKeys } from './pinned-keys.ts';
import type { RangePage, RangeQuery } from './range.ts';
import { recordExpiresAtMs, recordKey, recordLease, recordVersion } from './records.ts';
import type { StateHash } from './state-hash.ts';

/** What a `KeySpace` is saved as, beside the records. */
export interface KeySpaceState {
  /** The version of the last change of any key. */
  readonly version: number;
  /** Keys that are there; those that are due count until they are dropped. */
  readonly keyCount: number;
  /** The version of the last flush: records of lower versions are gone, though they may still be stored. */
  readonly flushedThrough: number;
  /** How many of those are still stored. */
  readonly flushedCount: number;
  /** Below this key none of them is. */
  readonly purgeCursor: string;
  /** The log time of the next purge. */
  readonly purgeDueMs: number;
  /** The log time of a flush that is to come; 0: none is. */
  readonly flushAtMs: number;
}

/** How long after a purge the next one is due, in log time: others go between. */
const PURGE_INTERVAL_MS = 20;

const RECORDS = prefixRange(namespaces.record);

/**
 * The keys and their records. Every change of a key goes through here, and with it go the version counter, the
 * number of keys, the expiry index, the keys of leases, the state hash and the change log.
 *
 * A flush raises `flushedThrough`, and with that every record is gone, whatever their number. The records themselves
 * are purged bit by bit, or as soon as a write comes across one; that is no change, and takes no version.
 */
export class KeySpace {
  readonly #storage: StateStorage;
  readonly #hash: StateHash;
  readonly #changes: ChangeLog;
  readonly #leases: Leases;
  readonly #pinned: PinnedKeys;
  readonly #expiry: ExpiryIndex;
  #version = 0;
  #count = 0;
  #flushedThrough = 0;
  #flushedCount = 0;
  #purgeCursor = '';
  #purgeDueMs = 0;
  #flushAtMs = 0;
  /** The key that was asked for last, and its name in the storage: the same string is found again faster. */
  #lastKey = '';
  #lastRecordKey = recordKey('');

  constructor(storage: StateStorage, hash: StateHash, changes: ChangeLog, leases: Leases) {
    this.#storage = storage;
    this.#hash = hash;
    this.#changes = changes;
    this.#leases = leases;
    this.#pinned = new PinnedKeys(storage, limits.pinnedBytesMax);
    this.#expiry = new ExpiryIndex(storage);
  }

  get version(): number {
    return this.#version;
  }

  get count(): number {
    return this.#count;
  }

  /** The log time at which records that a flush left are to be purged, or null. */
  get nextPurgeMs(): number | null {
    return this.#flushedCount === 0 ? null : this.#purgeDueMs;
  }

  /** The log time of the flush that is to come, or null. */
  get nextFlushMs(): number | null {
    return this.#flushAtMs === 0 ? null : this.#flushAtMs;
  }

  get state(): KeySpaceState {
    return {
      version: this.#version,
      keyCount: this.#count,
      flushedThrough: this.#flushedThrough,
      flushedCount: this.#flushedCount,
      purgeCursor: this.#purgeCursor,
      purgeDueMs: this.#purgeDueMs,
      flushAtMs: this.#flushAtMs,
    };
  }

  /** Takes over what `state` was when the storage was saved. */
  load(state: KeySpaceState): void {
    this.#version = state.version;
    this.#count = state.keyCount;
    this.#flushedThrough = state.flushedThrough;
    this.#flushedCount = state.flushedCount;
    this.#purgeCursor = state.purgeCursor;
    this.#purgeDueMs = state.purgeDueMs;
    this.#flushAtMs = state.flushAtMs;
    this.#expiry.reset();
    this.#pinned.endAll('the server took over another state');
  }

  /** The key's record, due or not. */
  read(key: string): Uint8Array | undefined {
    const record = this.#storage.get(this.#recordKey(key));
    return record === undefined || this.#isFlushed(record) ? undefined : record;
  }

  /** A page of the keys that are there by log time `stampMs`. */
  range(query: RangeQuery, stampMs: number): RangePage {
    const pin = this.pin(stampMs);
    const page = pin.range(query);
    pin.end('it was read');
    return page;
  }

  /** Pins the keys that are there by log time `stampMs`, as long as nobody installs another state. */
  pin(stampMs: number): KeyPin {
    const flushedThrough = this.#flushedThrough;
    const endedLeases = this.#leases.dueAt(stampMs);
    return this.#pinned.pin(this.#version, (record) => {
      if (recordVersion(record) < flushedThrough) return false;
      const expiresAtMs = recordExpiresAtMs(record);
      return (expiresAtMs === 0 || expiresAtMs > stampMs) && !endedLeases.has(recordLease(record));
    });
  }

  /** Pins that are held, and bytes that they hold. */
  get pinned(): { readonly count: number; readonly bytes: number } {
    return this.#pinned;
  }

  /** The key's record as a write at log time `stampMs` finds it: a key that is due goes first. */
  current(key: string, stampMs: number): Uint8Array | undefined {
    const record = this.#storage.get(this.#recordKey(key));
    if (record === undefined) return undefined;
    if (this.#isFlushed(record)) {
      this.#purgeRecord(key, record);
      return undefined;
    }
    if (!this.isDue(record, stampMs)) return record;
    this.#remove(key, record, 'expire');
    return undefined;
  }

  /** Whether time has ended the record, or the lease that it hangs on: by log time `stampMs`, or by revocation. */
  isDue(record: Uint8Array, stampMs: number): boolean {
    const expiresAtMs = recordExpiresAtMs(record);
    if (expiresAtMs !== 0 && expiresAtMs <= stampMs) return true;
    const lease = recordLease(record);
    return lease !== 0 && !this.#leases.isAlive(lease, stampMs);
  }

  /** Gives the key, whose record is `old`, a record made for the next version. */
  put(key: string, old: Uint8Array | undefined, record: Uint8Array): void {
    const version = this.#change('put', key, record);
    assert(recordVersion(record) === version, 'versions are used in order');
    if (old === undefined) this.#count++;
    this.#replace(key, old, record);
  }

  /** Gives the key another record of the same version: no change that anybody is told of. */
  touch(key: string, old: Uint8Array, record: Uint8Array): void {
    assert(recordVersion(record) === recordVersion(old), 'a touch keeps the version');
    this.#replace(key, old, record);
  }

  delete(key: string, old: Uint8Array): void {
    this.#remove(key, old, 'delete');
  }

  /** Has all keys removed at a later log time, by `flushDue`; no other flush is to come then. */
  flushAt(atMs: number): void {
    this.#flushAtMs = atMs;
  }

  /** Removes all keys if that was to happen by log time `stampMs`: to be called before anything else is done then. */
  flushDue(stampMs: number): void {
    if (this.#flushAtMs !== 0 && this.#flushAtMs <= stampMs) this.flush(stampMs);
  }

  /** Removes all keys. */
  flush(stampMs: number): void {
    this.#flushAtMs = 0;
    this.#flushedThrough = this.#change('flush', '', null);
    this.#flushedCount += this.#count;
    this.#count = 0;
    this.#purgeCursor = '';
    this.#purgeDueMs = stampMs;
  }

  /** Removes what flushes left behind, looking at no more than so many records and bytes. */
  purge(stampMs: number, recordsMax: number, bytesMax: number): void {
    if (this.#flushedCount === 0) return;
    const doomed: [key: string, record: Uint8Array][] = [];
    let cursor = '';
    let records = 0;
    let bytes = 0;
    for (const [storageKey, record] of this.#storage.range({
      ...RECORDS,
      start: recordKey(this.#purgeCursor),
    })) {
      const key = storageKey.slice(1);
      if (records >= recordsMax || bytes >= bytesMax) {
        cursor = key;
        break;
      }
      records++;
      bytes += record.length;
      if (this.#isFlushed(record)) doomed.push([key, record]);
    }
    for (const [key, record] of doomed) this.#purgeRecord(key, record);
    this.#purgeCursor = this.#flushedCount === 0 ? '' : cursor;
    this.#purgeDueMs = stampMs + PURGE_INTERVAL_MS;
    assert(cursor !== '' || this.#flushedCount === 0, 'the last record that was flushed is found');
  }

  /** Drops keys that are due at log time `stampMs`, at most `limit`, the first due first. Returns how many. */
  expireDue(stampMs: number, limit: number): number {
    const due = this.#expiry.due(stampMs, limit);
    for (const { atMs, key } of due) {
      const record = this.#storage.get(this.#recordKey(key));
      assert(record !== undefined && recordExpiresAtMs(record) === atMs, 'the expiry index fits the records');
      this.#end(key, record);
    }
    return due.length;
  }

  /**
   * Ends leases that are due at log time `stampMs`, with all their keys, the first due first: at most `limit` keys and
   * leases together. Returns how many it were.
   */
  endDueLeases(stampMs: number, limit: number): number {
    let left = limit;
    for (let lease = this.#leases.firstDue(stampMs); lease !== null && left > 0;) {
      const keys = this.#leases.keysOf(lease, left);
      for (const key of keys) {
        const record = this.#storage.get(this.#recordKey(key));
        assert(record !== undefined && recordLease(record) === lease, 'the keys of a lease name it');
        this.#end(key, record);
      }
      left -= keys.length;
      if (left === 0) break;
      this.#leases.remove(lease);
      left--;
      lease = this.#leases.firstDue(stampMs);
    }
    return limit - left;
  }

  /** The log time at which the first key is due, or null. */
  nextExpiryMs(): number | null {
    return this.#expiry.nextMs();
  }

  #recordKey(key: string): StateKey {
    if (key !== this.#lastKey) {
      this.#lastKey = key;
      this.#lastRecordKey = recordKey(key);
    }
    return this.#lastRecordKey;
  }

  #isFlushed(record: Uint8Array): boolean {
    return recordVersion(record) < this.#flushedThrough;
  }

  /** Time has come for a record, which a flush may have removed before. */
  #end(key: string, record: Uint8Array): void {
    if (this.#isFlushed(record)) this.#purgeRecord(key, record);
    else this.#remove(key, record, 'expire');
  }

  #remove(key: string, old: Uint8Array, type: 'delete' | 'expire'): void {
    this.#change(type, key, null);
    this.#count--;
    this.#replace(key, old, undefined);
  }

  #purgeRecord(key: string, old: Uint8Array): void {
    this.#flushedCount--;
    this.#replace(key, old, undefined);
  }

  /** Takes note of a change, and returns the version that it gets. */
  #change(type: ChangeType, key: string, record: Uint8Array | null): number {
    this.#version++;
    this.#changes.append(this.#version, type, key, record);
    return this.#version;
  }

  #replace(key: string, old: Uint8Array | undefined, record: Uint8Array | undefined): void {
    this.#pinned.changes(key, old);
    if (record === undefined) this.#storage.delete(this.#recordKey(key));
    else this.#storage.put(this.#recordKey(key), record);
    const fromMs = old === undefined ? 0 : recordExpiresAtMs(old);
    const toMs = record === undefined ? 0 : recordExpiresAtMs(record);
    if (fromMs !== toMs) {
      if (fromMs !== 0) this.#expiry.remove(fromMs, key);
      if (toMs !== 0) this.#expiry.add(toMs, key);
    }
    const lease = record === undefined ? 0 : recordLease(record);
    this.#leases.move(key, old === undefined ? 0 : recordLease(old), lease);
    this.#hash.replaceRecord(key, old, record);
  }
}
