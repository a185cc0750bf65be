/** What applications pass in, checked and brought into the form that is sent. All throw `INVALID_ARGUMENT`. */
import { KvraftError } from '../base/errors.ts';
import type { Fence } from '../wire/rpc-requests.ts';
import type { Bytes } from './options.ts';

export const invalid = (message: string): KvraftError => new KvraftError('INVALID_ARGUMENT', message);

// eslint-disable-next-line no-control-regex
const ascii = /^[\0-\x7f]*$/;

/** Halves of characters, which UTF-8 cannot say: different texts would become the same bytes. */
const half = /\p{Surrogate}/u;

/** The bytes as a string of one character each. */
export function bytesText(bytes: unknown, what: string): string {
  if (bytes instanceof Uint8Array) return viewOf(bytes).toString('latin1');
  if (typeof bytes !== 'string') throw invalid(`${what} is a string or a Uint8Array, not ${describe(bytes)}`);
  if (ascii.test(bytes)) return bytes;
  if (half.test(bytes)) throw invalid(`${what} holds half a character: ${JSON.stringify(bytes)}`);
  return Buffer.from(bytes, 'utf8').toString('latin1');
}

/** A key as it is sent. */
export function keyText(key: unknown): string {
  const text = bytesText(key, 'a key');
  if (text === '') throw invalid('a key has at least one byte');
  return text;
}

/** A copy: the caller may go on using his. */
export function valueBytes(value: unknown): Uint8Array {
  if (typeof value === 'string') return Buffer.from(value, 'utf8');
  if (value instanceof Uint8Array) return Buffer.from(value);
  throw invalid(`a value is a string or a Uint8Array, not ${describe(value)}: JSON.stringify it, perhaps`);
}

/** Milliseconds to live as they are sent, 0 for a key that stays. */
export function ttlMs(ttl: unknown): number {
  if (ttl === undefined) return 0;
  if (typeof ttl === 'number' && ttl > 0 && ttl <= Number.MAX_SAFE_INTEGER) return Math.ceil(ttl);
  throw invalid(`a ttl is a number of milliseconds above 0, not ${describe(ttl)}`);
}

/** Of a lease as `Client.lease` gives it. */
export function leaseId(lease: unknown): number {
  const id = typeof lease === 'object' && lease !== null ? (lease as { id?: unknown }).id : undefined;
  if (Number.isSafeInteger(id) && (id as number) > 0) return id as number;
  throw invalid(`a lease is what client.lease() gave, not ${describe(lease)}`);
}

export function versionNumber(version: unknown, what: string): number {
  if (Number.isSafeInteger(version) && (version as number) > 0) return version as number;
  throw invalid(`${what} is a version that the store has given, not ${describe(version)}`);
}

export function positiveInteger(value: unknown, what: string): number {
  if (Number.isSafeInteger(value) && (value as number) > 0) return value as number;
  throw invalid(`${what} is a whole number above 0, not ${describe(value)}`);
}

/** Milliseconds that a call may take. `Infinity` is allowed. */
export function timeoutMs(timeout: unknown, what: string): number {
  if (typeof timeout === 'number' && timeout > 0) return timeout;
  throw invalid(`${what} is a number of milliseconds above 0, not ${describe(timeout)}`);
}

export function fenceOf(fence: unknown): Fence | null {
  if (fence === undefined) return null;
  if (typeof fence !== 'object' || fence === null) throw invalid('a fence is { lock, token }');
  const { lock, token } = fence as { lock?: unknown; token?: unknown };
  return { lock: keyText(lock), token: versionNumber(token, 'the token of a fence') };
}

/** Refuses options under names that nobody knows: a misspelt one would be ignored otherwise. */
export function checkNames(options: unknown, names: ReadonlySet<string>): void {
  if (typeof options !== 'object' || options === null)
    throw invalid(`options are an object, not ${describe(options)}`);
  for (const name of Object.keys(options)) {
    if (!names.has(name)) throw invalid(`there is no option ${name} here, only ${[...names].join(', ')}`);
  }
}

/** The bytes that a string of `bytesText` stands for, as text. */
export const textOf = (key: string): string =>
  ascii.test(key) ? key : Buffer.from(key, 'latin1').toString('utf8');

export const bytesOf = (key: string): Uint8Array => Uint8Array.from(Buffer.from(key, 'latin1'));

export const viewOf = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export type { Bytes };

function describe(value: unknown): string {
  if (value === null || value === undefined || typeof value === 'number' || typeof value === 'boolean') {
    return String(value);
  }
  if (typeof value === 'string') return JSON.stringify(value);
  return `a value of type ${typeof value}`;
}
