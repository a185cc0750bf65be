import { KvraftError } from '../base/errors.ts';
import type { StateKey, StateStorage } from '../store/store.ts';
import { parseSortableNumber, readUint53, sortableNumber, writeUint53 } from './binary.ts';
import { ExpiryIndex } from './expiry.ts';
import { namespaces, prefixRange } from './namespaces.ts';
import type { KvOptions } from './options.ts';
import type { StateHash } from './state-hash.ts';

/** A promise of log time that keys hang on. */
export interface Lease {
  readonly ttlMs: number;
  /** Log time from which on it is due to end; 0 once it was revoked. */
  readonly expiresAtMs: number;
}

const LEASE_BYTES = 16;
/** Entries that only have to be there; some storages dislike empty ones. */
const NOTHING = Uint8Array.of(0);
const MEMBER_AT = 1 + 8;

/**
 * The leases, all of them in memory, and each as one entry of the storage, written at once. A record names its lease;
 * which keys hang on a lease stands in the storage, one entry each.
 *
 * A lease that is due counts as ended for every write, and its keys as gone. The expire command drops them, and the
 * lease itself when it has none left. Revoking a lease makes it due, whatever the number of its keys.
 */
export class Leases {
  readonly #storage: StateStorage;
  readonly #hash: StateHash;
  readonly #leasesMax: number;
  readonly #leases = new Map<number, Lease>();
  readonly #expiry: ExpiryIndex;
  #lastId = 0;

  constructor(storage: StateStorage, hash: StateHash, { leasesMax }: Pick<KvOptions, 'leasesMax'>) {
    this.#storage = storage;
    this.#hash = hash;
    this.#leasesMax = leasesMax;
    this.#expiry = new ExpiryIndex(storage, namespaces.leaseExpiry);
  }

  /** The last id that was given out; ids are never used again. */
  get lastId(): number {
    return this.#lastId;
  }

  get count(): number {
    return this.#leases.size;
  }

  /** Takes over the `lastId` that was saved. */
  load(lastId: number): void {
    this.#lastId = lastId;
    this.#leases.clear();
    this.#expiry.reset();
    for (const [key, bytes] of this.#storage.range(prefixRange(namespaces.lease))) {
      this.#leases.set(parseSortableNumber(key, 1), parseLease(bytes));
    }
  }

  get(id: number): Lease | undefined {
    return this.#leases.get(id);
  }

  /** Whether a write at this log time finds the lease. */
  isAlive(id: number, stampMs: number): boolean {
    return this.endsAtMs(id) > stampMs;
  }

  /** The log time from which on the lease is due to end; 0 for one that is revoked or was never there. */
  endsAtMs(id: number): number {
    return this.#leases.get(id)?.expiresAtMs ?? 0;
  }

  /** The id of a new lease; null if there are too many. */
  grant(ttlMs: number, stampMs: number): number | null {
    if (this.#leases.size >= this.#leasesMax) return null;
    const id = ++this.#lastId;
    this.#replace(id, { ttlMs, expiresAtMs: endOf(ttlMs, stampMs) });
    return id;
  }

  /** Begins the lease's time anew; false if it has ended. */
  keepAlive(id: number, stampMs: number): boolean {
    const lease = this.#leases.get(id);
    if (lease === undefined || lease.expiresAtMs <= stampMs) return false;
    this.#replace(id, { ttlMs: lease.ttlMs, expiresAtMs: endOf(lease.ttlMs, stampMs) });
    return true;
  }

  /** Ends the lease; false if it has ended. */
  revoke(id: number, stampMs: number): boolean {
    const lease = this.#leases.get(id);
    if (lease === undefined || lease.expiresAtMs <= stampMs) return false;
    this.#replace(id, { ttlMs: lease.ttlMs, expiresAtMs: 0 });
    return true;
  }

  /** A key moves from one lease to another; 0 is none. */
  move(key: string, from: number, to: number): void {
    if (from === to) return;
    if (from !== 0) this.#storage.delete(leaseMemberKey(from, key));
    if (to !== 0) this.#storage.put(leaseMemberKey(to, key), NOTHING);
  }

  /** The log time at which the first lease is due to end, or null. */
  nextMs(): number | null {
    return this.#expiry.nextMs();
  }

  /** The lease that is due first at this log time; null if none is. */
  firstDue(stampMs: number): number | null {
    const [first] = this.#expiry.due(stampMs, 1);
    return first === undefined ? null : parseSortableNumber(first.key, 0);
  }

  /** The leases that are due at this log time and not ended yet. */
  dueAt(stampMs: number): ReadonlySet<number> {
    const due = this.#expiry.due(stampMs, Infinity);
    return new Set(due.map(({ key }) => parseSortableNumber(key, 0)));
  }

  /** Keys that hang on a lease, at most `limit`, in their order. */
  keysOf(id: number, limit: number): string[] {
    const keys: string[] = [];
    const [start, end] = [leaseMemberKey(id, ''), leaseMemberKey(id + 1, '')];
    for (const [member] of this.#storage.range({ start, end, limit })) {
      keys.push(member.slice(MEMBER_AT));
    }
    return keys;
  }

  /** Forgets a lease that no key hangs on. */
  remove(id: number): void {
    this.#replace(id, undefined);
  }

  #replace(id: number, lease: Lease | undefined): void {
    const storageKey = leaseKey(id);
    const subject = sortableNumber(id);
    const before = this.#leases.get(id);
    if (before !== undefined) {
      this.#hash.removeEntry(storageKey, encodeLease(before));
      this.#expiry.remove(before.expiresAtMs, subject);
    }
    if (lease === undefined) {
      this.#leases.delete(id);
      this.#storage.delete(storageKey);
      return;
    }
    const bytes = encodeLease(lease);
    this.#leases.set(id, lease);
    this.#storage.put(storageKey, bytes);
    this.#hash.addEntry(storageKey, bytes);
    this.#expiry.add(lease.expiresAtMs, subject);
  }
}

export const leaseKey = (id: number): StateKey => namespaces.lease + sortableNumber(id);

/** The entry that says that a key hangs on a lease. */
export const leaseMemberKey = (id: number, key: string): StateKey =>
  namespaces.leaseKey + sortableNumber(id) + key;

export function encodeLease({ ttlMs, expiresAtMs }: Lease): Uint8Array {
  const bytes = new Uint8Array(LEASE_BYTES);
  writeUint53(bytes, 0, ttlMs);
  writeUint53(bytes, 8, expiresAtMs);
  return bytes;
}

/** Null if the bytes are no lease. */
export function decodeLease(bytes: Uint8Array): Lease | null {
  if (bytes.length !== LEASE_BYTES) return null;
  return { ttlMs: readUint53(bytes, 0), expiresAtMs: readUint53(bytes, 8) };
}

function parseLease(bytes: Uint8Array): Lease {
  const lease = decodeLease(bytes);
  if (lease !== null) return lease;
  const message = 'a stored lease is damaged: restore this server from the others';
  throw new KvraftError('STORE_DAMAGED', message);
}

const endOf = (ttlMs: number, stampMs: number): number => Math.min(stampMs + ttlMs, Number.MAX_SAFE_INTEGER);
