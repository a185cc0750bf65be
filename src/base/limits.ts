import { assert } from './assert.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * The limit of everything that grows, as shipped. What a user may change stands in the configuration under
 * the same name. Units stand last in a name.
 */
export const limits = {
  /** Longest key, in bytes. */
  keyBytesMax: 250,
  /** A configured `keyBytesMax` may not be larger: the store's pages hold keys of up to 1,978 bytes with prefix. */
  keyBytesCeiling: 1_024,
  /** Longest value, in bytes. */
  valueBytesMax: 1 * MIB,
  valueBytesCeiling: 16 * MIB,
  /** Servers of one cluster. */
  serversMax: 9,
  /** Client connections of one server, over all its listeners. */
  connectionsMax: 20_000,
  /** Requests that were read from one connection and are not answered yet; past it, its socket is not read. */
  connectionInFlightBytesMax: 4 * MIB,
  /** The same over all connections of one server. */
  serverInFlightBytesMax: 256 * MIB,
  /** Bytes of proposals that a leader holds appended but uncommitted; past it, proposals are refused. */
  uncommittedBytesMax: 64 * MIB,
  /** Largest data of one log entry. */
  entryBytesMax: 32 * MIB,
  /** Entries and bytes of one AppendEntries message. */
  appendEntriesMax: 4_096,
  appendBytesMax: 1 * MIB,
  /** AppendEntries messages, and their bytes, that may be unanswered per follower. */
  inflightMessagesMax: 256,
  inflightBytesMax: 16 * MIB,
  /**
   * Log kept for followers that are behind; past it, the log is compacted and they get a snapshot. Under load it goes
   * by this how often the state is flushed, which takes more of the processor than anything else then.
   */
  logBytesMax: 192 * MIB,
  /** Size of a segment file of the write-ahead log. */
  segmentBytes: 64 * MIB,
  /** Sessions of one cluster, and what each may hold recorded. */
  sessionsMax: 10_000,
  sessionRepliesMax: 4_096,
  sessionReplyBytesMax: 8 * MIB,
  /** Leases of one cluster, which are held in memory. */
  leasesMax: 100_000,
  /** History that watches can resume from. */
  changeLogBytesMax: 16 * MIB,
  /** Snapshots of the keys for long reads: how many are held, for how long, and bytes of changes made meanwhile. */
  pinsMax: 64,
  pinMsMax: 60_000,
  pinnedBytesMax: 64 * MIB,
  /** One frame between servers. */
  frameBytesMax: 64 * MIB,
  /** One piece of a snapshot. */
  snapshotChunkBytes: 256 * KIB,
} as const;

assert(limits.keyBytesMax <= limits.keyBytesCeiling, 'default key limit within its ceiling');
assert(limits.valueBytesMax <= limits.valueBytesCeiling, 'default value limit within its ceiling');
assert(limits.valueBytesCeiling + 64 * KIB <= limits.entryBytesMax, 'an entry holds the largest value');
assert(limits.entryBytesMax + 64 * KIB <= limits.segmentBytes, 'a segment holds the largest entry');
assert(
  limits.entryBytesMax + limits.appendBytesMax <= limits.frameBytesMax,
  'a frame holds the largest append',
);
assert(
  limits.connectionInFlightBytesMax <= limits.serverInFlightBytesMax,
  'one connection within the server',
);
