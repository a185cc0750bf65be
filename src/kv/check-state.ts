import { KvraftError } from '../base/errors.ts';
import type { StateKey, StateStorage } from '../store/store.ts';
import { ChangeLog } from './change-log.ts';
import { expiryKey } from './expiry.ts';
import { decodeLease, leaseKey, leaseMemberKey } from './leases.ts';
import { hashedCounters, loadHeader } from './state-header.ts';
import { namespaces, prefixRange } from './namespaces.ts';
import { checkRecord, recordExpiresAtMs, recordLease, recordVersion } from './records.ts';
import { loadSessions } from './session-storage.ts';
import { StateHash } from './state-hash.ts';

/** What a check of a saved state found. */
export interface StateCheck {
  readonly keyCount: number;
  /** Of what the storage holds. */
  readonly stateHash: string;
  /** As it was kept up while commands were applied, and saved. */
  readonly savedStateHash: string;
}

/**
 * Reads everything that `save` left in a storage and computes the state hash anew. Throws `STORE_DAMAGED` at the
 * first thing that cannot be; the two hashes tell of damage that still looks right.
 */
export function checkState(storage: StateStorage): StateCheck {
  const header = loadHeader(storage);
  const hash = new StateHash();
  const { keyCount, flushedCount } = addRecords(storage, hash, header.flushedThrough);
  addSessions(storage, hash);
  addLeases(storage, hash);
  new ChangeLog(storage, Infinity).load(header.changesCompactedThrough, header.version);
  const stateHash = hash.digest(hashedCounters({ ...header, keyCount, flushedCount }));
  hash.restore(header.sums);
  return { keyCount, stateHash, savedStateHash: hash.digest(hashedCounters(header)) };
}

function addRecords(
  storage: StateStorage,
  hash: StateHash,
  flushedThrough: number,
): { readonly keyCount: number; readonly flushedCount: number } {
  let keyCount = 0;
  let flushedCount = 0;
  let expiring = 0;
  let leased = 0;
  for (const [storageKey, record] of storage.range(prefixRange(namespaces.record))) {
    const key = storageKey.slice(1);
    checkRecord(key, record);
    hash.replaceRecord(key, undefined, record);
    if (recordVersion(record) < flushedThrough) flushedCount++;
    else keyCount++;
    const expiresAtMs = recordExpiresAtMs(record);
    if (expiresAtMs !== 0) {
      expiring++;
      if (storage.get(expiryKey(expiresAtMs, key)) === undefined)
        throw damaged(`expiry of key ${show(key)} is missing`);
    }
    const lease = recordLease(record);
    if (lease !== 0) {
      leased++;
      if (storage.get(leaseMemberKey(lease, key)) === undefined || storage.get(leaseKey(lease)) === undefined)
        throw damaged(`lease of key ${show(key)} is missing`);
    }
  }
  countDown(storage, namespaces.expiry, expiring, 'expiry index');
  countDown(storage, namespaces.leaseKey, leased, 'index of the keys of leases');
  return { keyCount, flushedCount };
}

function addSessions(storage: StateStorage, hash: StateHash): void {
  for (const session of loadSessions(storage)) {
    hash.addSession(session);
    for (const [number, results] of session.replies) hash.add(hash.shareOfReply(session.id, number, results));
  }
}

function addLeases(storage: StateStorage, hash: StateHash): void {
  let count = 0;
  for (const [key, bytes] of storage.range(prefixRange(namespaces.lease))) {
    const lease = decodeLease(bytes);
    if (lease === null) throw damaged(`lease ${show(key)} is damaged`);
    const entry = expiryKey(lease.expiresAtMs, key.slice(1), namespaces.leaseExpiry);
    if (storage.get(entry) === undefined) throw damaged(`end of lease ${show(key)} is missing`);
    hash.addEntry(key, bytes);
    count++;
  }
  countDown(storage, namespaces.leaseExpiry, count, 'index of the ends of leases');
}

/** An index of which `count` entries were found has no others. */
function countDown(storage: StateStorage, namespace: StateKey, count: number, what: string): void {
  let left = count;
  for (const [entry] of storage.range(prefixRange(namespace))) {
    if (--left < 0) throw damaged(`${what} has an entry too many, up to ${show(entry)}`);
  }
}

const show = (key: string): string => JSON.stringify(key);

const damaged = (what: string): KvraftError =>
  new KvraftError('STORE_DAMAGED', `the stored ${what}: restore this server from the others`);
