import { limits } from '../base/limits.ts';

/**
 * What decides replies and state at apply, and so must be the same on all servers of a cluster: replicas with
 * different values would come apart.
 */
export interface KvOptions {
  /** Longest value that a write may leave behind. */
  readonly valueBytesMax: number;
  readonly sessionsMax: number;
  /** A session that was not used for this long, in log time, ends. */
  readonly sessionTtlMs: number;
  /** How far above the lowest unanswered number of its session a request may be. */
  readonly sessionRepliesMax: number;
  /**
   * A session whose recorded replies take this much gets no further request executed but the lowest that it has no
   * answer for. Also the bytes of all values that one batch answers; a single value may be larger.
   */
  readonly sessionReplyBytesMax: number;
  readonly leasesMax: number;
  readonly changeLogBytesMax: number;
  /** Keys and leases that one expire command drops at most, so that no entry stalls the servers for long. */
  readonly expiredKeysMax: number;
  /** Records and bytes that one expire command looks at, at most, to remove what a flush left behind. */
  readonly purgedRecordsMax: number;
  readonly purgedBytesMax: number;
}

export const defaultKvOptions: KvOptions = {
  valueBytesMax: limits.valueBytesMax,
  sessionsMax: limits.sessionsMax,
  sessionTtlMs: 10 * 60 * 1_000,
  sessionRepliesMax: limits.sessionRepliesMax,
  sessionReplyBytesMax: limits.sessionReplyBytesMax,
  leasesMax: limits.leasesMax,
  changeLogBytesMax: limits.changeLogBytesMax,
  expiredKeysMax: 10_000,
  purgedRecordsMax: 1_000,
  purgedBytesMax: 4 * 1024 * 1024,
};
