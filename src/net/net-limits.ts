import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** The limits of the connections between servers, beside those of `limits`. */
export const netLimits = {
  /** A hello or the answer to it. */
  helloBytesMax: 4 * KIB,
  /** A frame of the control channel, whose messages are all small. */
  controlFrameBytesMax: 64 * KIB,
  adminRequestBytesMax: 1 * MIB,
  adminResponseBytesMax: 16 * MIB,
  /** Bytes that wait to be sent on one connection; past it, messages are dropped. */
  controlQueueBytesMax: 4 * MIB,
  bulkQueueBytesMax: 64 * MIB,
  /** Bytes handed to a socket that the system has not taken yet, and the largest piece of them. */
  socketBytesMax: 1 * MIB,
  writeBytesMax: 256 * KIB,
  /** Answers that an accepted connection may leave unread. */
  unreadAnswerBytesMax: 64 * KIB,
  /** Accepted connections that have not introduced themselves; past it, the oldest is closed. */
  pendingHandshakesMax: 64,
  adminConnectionsMax: 64,
  /** Characters of a refusal's reason. */
  reasonCharsMax: 500,
  /** The housekeeping timer; the times below count its ticks, so that a pause of this process counts as one. */
  tickMs: 1_000,
  connectTicksMax: 3,
  handshakeTicksMax: 5,
  /** A connection on which nothing gets through for this long is given up. */
  silentTicksMax: 10,
  reconnectMsMin: 50,
  reconnectMsMax: 2_000,
  /** A connection that stood for this long was a success: the next attempt after it is made at once. */
  stoodMsMin: 1_000,
} as const;

assert(netLimits.controlFrameBytesMax <= netLimits.controlQueueBytesMax, 'a queue holds a control frame');
assert(limits.frameBytesMax <= netLimits.bulkQueueBytesMax, 'a queue holds the largest frame');
assert(netLimits.writeBytesMax <= netLimits.socketBytesMax, 'a socket holds a write');
