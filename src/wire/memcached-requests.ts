import { limits } from '../base/limits.ts';
import type { MetaFlags } from './memcached-meta-flags.ts';

/** A key as bytes, one per character ("latin1"). */
type Key = string;

/** A time as clients give it, in seconds: see `ttlOf`. */
type Exptime = number;

/**
 * One key of a retrieval: a line with many keys is as many requests, so that each is answered when there is room for
 * it. `isLast` ends the answer of the line.
 */
export interface GetRequest {
  readonly kind: 'get';
  readonly key: Key;
  readonly withVersion: boolean;
  readonly isLast: boolean;
}

/** One key of a retrieval that also sets the time to live. */
export interface GetAndTouchRequest {
  readonly kind: 'gat';
  readonly key: Key;
  readonly exptime: Exptime;
  readonly withVersion: boolean;
  readonly isLast: boolean;
}

export interface StoreRequest {
  readonly kind: 'set' | 'add' | 'replace' | 'append' | 'prepend' | 'cas';
  readonly key: Key;
  readonly flags: number;
  readonly exptime: Exptime;
  /** Of `cas`, else 0. */
  readonly version: number;
  readonly value: Uint8Array;
  readonly noreply: boolean;
}

export interface DeleteRequest {
  readonly kind: 'delete';
  readonly key: Key;
  readonly noreply: boolean;
}

export interface ArithmeticRequest {
  readonly kind: 'incr' | 'decr';
  readonly key: Key;
  /** Unsigned, of 64 bits. */
  readonly delta: bigint;
  readonly noreply: boolean;
}

export interface TouchRequest {
  readonly kind: 'touch';
  readonly key: Key;
  readonly exptime: Exptime;
  readonly noreply: boolean;
}

export interface FlushRequest {
  readonly kind: 'flush_all';
  /** When it is to happen; 0 and what is past mean now. */
  readonly exptime: Exptime;
  readonly noreply: boolean;
}

/** `mg`, `md`, `ma` and `me`. */
export interface MetaRequest {
  readonly kind: 'mg' | 'md' | 'ma' | 'me';
  readonly key: Key;
  readonly flags: MetaFlags;
}

export interface MetaSetRequest {
  readonly kind: 'ms';
  readonly key: Key;
  readonly flags: MetaFlags;
  readonly value: Uint8Array;
}

export interface StatsRequest {
  readonly kind: 'stats';
  /** What statistics; '' for the general ones. */
  readonly group: string;
}

/** Something whose answer is known, in its place among the requests: an error, or a command that does nothing here. */
export interface FixedRequest {
  readonly kind: 'line';
  /** Without its end; '' for no answer. */
  readonly text: string;
  /** The connection ends after this. It is the last that is parsed. */
  readonly close: boolean;
}

export type MemcachedRequest =
  | GetRequest
  | GetAndTouchRequest
  | StoreRequest
  | DeleteRequest
  | ArithmeticRequest
  | TouchRequest
  | FlushRequest
  | MetaRequest
  | MetaSetRequest
  | StatsRequest
  | FixedRequest;

/** What a request may be. */
export interface MemcachedLimits {
  readonly keyBytesMax: number;
  readonly valueBytesMax: number;
  /** Longest line, without its `\n`. */
  readonly lineBytesMax: number;
  /** The same for one that retrieves keys. */
  readonly keysLineBytesMax: number;
  /** What of one refused value is read and dropped; past it, the connection ends. */
  readonly skippedBytesMax: number;
}

export const memcachedLimits: MemcachedLimits = {
  keyBytesMax: limits.keyBytesMax,
  valueBytesMax: limits.valueBytesMax,
  lineBytesMax: 2_048,
  keysLineBytesMax: 256 * 1_024,
  skippedBytesMax: 64 * 1_024 * 1_024,
};

/**
 * What `version` answers: which memcached's protocol this is. Clients choose by it what they use, and some fail at
 * anything but numbers.
 */
export const memcachedVersion = '1.6.18';

/** Absolute times start here: what is less is seconds from now. */
export const relativeExptimeMax = 60 * 60 * 24 * 30;

/** A time to live that is over already. */
export const expiredTtlMs = -1;

const MS_PER_S = 1_000;

/**
 * The time to live that an exptime stands for, in milliseconds: 0 for none, `expiredTtlMs` for one that is over. Up to
 * 30 days it counts from now, above that it is a Unix time, measured by the server's wall clock `wallMs`.
 */
export function ttlOf(exptime: Exptime, wallMs: number): number {
  if (exptime === 0) return 0;
  if (exptime < 0) return expiredTtlMs;
  if (exptime <= relativeExptimeMax) return exptime * MS_PER_S;
  const ttlMs = Math.min(Math.ceil(exptime * MS_PER_S - wallMs), Number.MAX_SAFE_INTEGER);
  return ttlMs > 0 ? ttlMs : expiredTtlMs;
}
