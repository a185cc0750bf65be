import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';

/** A key as bytes, one per character ("latin1"). */
export type TextKey = string;

export interface TextReadRequest {
  readonly kind: 'get' | 'getm';
  readonly key: TextKey;
}

export interface TextSetRequest {
  readonly kind: 'set';
  readonly key: TextKey;
  /** Seconds from now until the key expires; 0: never. */
  readonly exptimeS: number;
  readonly value: Uint8Array;
  readonly noreply: boolean;
}

export interface TextCasRequest {
  readonly kind: 'cas';
  readonly key: TextKey;
  readonly exptimeS: number;
  /** The version that the key must have; any number up to 2^53 − 1, also one that no key ever has. */
  readonly version: number;
  readonly value: Uint8Array;
  readonly noreply: boolean;
}

export interface TextDeleteRequest {
  readonly kind: 'delete';
  readonly key: TextKey;
  readonly noreply: boolean;
}

export type TextWriteRequest = TextSetRequest | TextCasRequest | TextDeleteRequest;

/** Input that is not a request. It takes its place among the requests, so that its error is sent in its turn. */
export interface TextErrorRequest {
  readonly kind: 'error';
  /** Nothing is to be sent for it. */
  readonly noreply: boolean;
  /** Where the next request starts is not known: the connection ends after this. It is the last that is parsed. */
  readonly close: boolean;
}

export type TextRequest = TextReadRequest | TextWriteRequest | TextErrorRequest;

/** What a request may be. */
export interface TextRequestLimits {
  readonly keyBytesMax: number;
  readonly valueBytesMax: number;
  /** Longest line, without its `\n`. */
  readonly lineBytesMax: number;
  /** What of one refused value, or of one line that is too long, is read and dropped; past it, the connection ends. */
  readonly skippedBytesMax: number;
}

/** About 31,700 years: as milliseconds, added to any log time, it is still an exact number. */
export const exptimeSMax = 999_999_999_999;

export const textRequestLimits: TextRequestLimits = {
  keyBytesMax: limits.keyBytesMax,
  valueBytesMax: limits.valueBytesMax,
  lineBytesMax: 2_048,
  skippedBytesMax: 64 * 1_024 * 1_024,
};

/** What a line has besides its key, at most: command, numbers, `noreply`, some blanks. */
const lineOverheadBytes = 256;

assert(
  limits.keyBytesCeiling + lineOverheadBytes <= textRequestLimits.lineBytesMax,
  'a line holds the longest key',
);
assert(limits.valueBytesCeiling <= textRequestLimits.skippedBytesMax, 'a value one too long can be skipped');
