import type { MemberId } from '../raft/types.ts';

/** What a replica tells of itself. Servers are named by their configured ids, -1 where there is none. */
export interface ReplicaStatus {
  readonly serverId: number;
  readonly member: MemberId;
  readonly clusterId: string;
  readonly role: string;
  readonly term: number;
  readonly leaderId: number;
  readonly commitIndex: number;
  readonly lastApplied: number;
  readonly lastIndex: number;
  readonly logTimeMs: number;
  readonly stateHash: string;
  readonly voters: readonly number[];
  readonly learners: readonly number[];
  /** All lives of servers that the log knows, of members and of those that were to become one. */
  readonly members: readonly MemberId[];
  readonly logBytes: number;
  readonly unflushedBytes: number;
  /** What must happen before this server can serve, or before the next view; empty when nothing is in the way. */
  readonly waiting: string;
}
