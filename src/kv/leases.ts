/**
 * How leases and fencing counters stand in the storage. A lease is a promise of log time that keys hang on: a record
 * names its lease, and the lease its keys, one entry each. A fencing counter belongs to the name of a lock and
 * outlives it, so that no number is handed out twice. All of them are written at once and are part of the state hash.
 */
import type { StateKey } from '../store/store.ts';
import { readUint53, sortableNumber, writeUint53 } from './binary.ts';
import { namespaces } from './namespaces.ts';

const LEASE_BYTES = 16;
const FENCE_BYTES = 8;

export interface Lease {
  readonly ttlMs: number;
  /** Log time from which on it is due to end. */
  readonly expiresAtMs: number;
}

export const leaseKey = (id: number): StateKey => namespaces.lease + sortableNumber(id);

/** The entry that says that a key hangs on a lease; its value has no meaning. */
export const leaseMemberKey = (id: number, key: string): StateKey =>
  namespaces.leaseKey + sortableNumber(id) + key;

export const fenceKey = (name: string): StateKey => namespaces.fence + name;

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

/** The last number that was handed out under a name. */
export function encodeFence(last: number): Uint8Array {
  const bytes = new Uint8Array(FENCE_BYTES);
  writeUint53(bytes, 0, last);
  return bytes;
}

/** Null if the bytes are no counter. */
export const decodeFence = (bytes: Uint8Array): number | null =>
  bytes.length === FENCE_BYTES ? readUint53(bytes, 0) : null;
