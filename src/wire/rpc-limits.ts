import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** The limits of the RPC protocol, beside those of `limits`. */
export const rpcLimits = {
  /** Payload of a frame, in both directions. */
  frameBytesMax: 20 * MIB,
  /** Payload of the first frame that a client sends. */
  helloBytesMax: 4 * KIB,
  /** Operations of one batch. */
  opsMax: 4_096,
  /** Operations of one batch whose results carry values. */
  valueOpsMax: 16,
  /** Keys of one read. */
  keysMax: 4_096,
  /** What the records of one read may take together, so that its reply fits into a frame. */
  readBytesMax: 18 * MIB,
  /** A page of a range or a watch: at least one entry, then as many as fit. */
  pageBytesMax: 1 * MIB,
  pageEntriesMax: 4_096,
  /** Watches that wait for changes, and ranges that are held, on one connection. */
  watchesMax: 1_024,
  rangesMax: 64,
  /** Characters of an error's message. */
  messageCharsMax: 1_000,
  hostCharsMax: 255,
} as const;

assert(limits.valueBytesCeiling + 64 * KIB <= rpcLimits.readBytesMax, 'a reply holds the largest value');
assert(rpcLimits.readBytesMax + MIB <= rpcLimits.frameBytesMax, 'a frame holds the largest read');
assert(rpcLimits.frameBytesMax + 64 * KIB <= limits.entryBytesMax, 'an entry holds the largest batch');
