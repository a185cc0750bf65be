/**
 * A Raft member: one life of a server's data folder. `serverOf` gives the configured server id, the rest counts
 * how often that server was rebuilt with an empty folder, so a rebuilt server is a new member and its
 * predecessor's votes are never mistaken for its own.
 */
export type MemberId = number;

/** No member: an unknown leader, a vote not given. */
export const NO_MEMBER: MemberId = -1;

const SERVER_IDS = 65_536;

export const memberId = (serverId: number, generation: number): MemberId =>
  generation * SERVER_IDS + serverId;
export const serverOf = (member: MemberId): number => member % SERVER_IDS;
export const generationOf = (member: MemberId): number => Math.floor(member / SERVER_IDS);

export type EntryType = 'normal' | 'conf-change';

/** One entry of the replicated log. Indexes start at 1; index 0, term 0 stands for "before the first". */
export interface Entry {
  readonly index: number;
  readonly term: number;
  readonly type: EntryType;
  /** Log time in milliseconds, given by the leader; never falls from one entry to the next. */
  readonly stampMs: number;
  /** Opaque to Raft; empty in the no-op that starts a term. */
  readonly data: Uint8Array;
}

/** What must be durable before a message that depends on it leaves (paper, figure 2; `commitIndex` may lag). */
export interface HardState {
  readonly term: number;
  readonly votedFor: MemberId;
  readonly commitIndex: number;
}

/** The members at some index. Joint while `votersOutgoing` is not empty (paper §6, thesis §4.3). */
export interface ConfState {
  /** Voters; in a joint configuration those of the new one. Sorted, without repeats, as all four lists. */
  readonly voters: readonly MemberId[];
  /** Voters of the old configuration while joint, else empty. */
  readonly votersOutgoing: readonly MemberId[];
  /** Members that get the log but have no vote (thesis §4.2.1). */
  readonly learners: readonly MemberId[];
  /** Voters of the old configuration that become learners when the joint one is left. */
  readonly learnersNext: readonly MemberId[];
}

export type ConfChangeStep =
  | { readonly type: 'add-voter'; readonly member: MemberId }
  | { readonly type: 'add-learner'; readonly member: MemberId }
  | { readonly type: 'remove'; readonly member: MemberId };

/**
 * A change of the membership: empty `steps` leaves a joint configuration. One voter added or removed, and any
 * number of learners, is done in one entry; more goes through a joint configuration, which the leader leaves by
 * itself once it is committed.
 */
export interface ConfChange {
  readonly steps: readonly ConfChangeStep[];
  /** Opaque to Raft: what the application binds to the change. */
  readonly context: Uint8Array;
}

/** Where a snapshot stands. Its data never passes through the core. */
export interface SnapshotMeta {
  readonly index: number;
  readonly term: number;
  readonly stampMs: number;
  readonly confState: ConfState;
}

interface Envelope {
  readonly from: MemberId;
  readonly to: MemberId;
  readonly term: number;
}

export interface RequestVote extends Envelope {
  readonly type: 'RequestVote';
  /** Pre-vote (thesis §9.6): asks only whether a vote would be given; `term` is then the one to be. */
  readonly preVote: boolean;
  /** Asked by the leader to take over (thesis §3.10): recent contact with a leader does not refuse it. */
  readonly transfer: boolean;
  readonly lastLogIndex: number;
  readonly lastLogTerm: number;
}

export interface RequestVoteResponse extends Envelope {
  readonly type: 'RequestVoteResponse';
  readonly preVote: boolean;
  readonly granted: boolean;
}

export interface AppendEntries extends Envelope {
  readonly type: 'AppendEntries';
  readonly prevLogIndex: number;
  readonly prevLogTerm: number;
  readonly entries: readonly Entry[];
  readonly leaderCommit: number;
}

export interface AppendEntriesResponse extends Envelope {
  readonly type: 'AppendEntriesResponse';
  readonly success: boolean;
  /** On success, the last index known to equal the leader's and to be durable here; else the refused prevLogIndex. */
  readonly index: number;
  /** On refusal: the last index whose term could match the leader's, and the term there (0, 0 on success). */
  readonly hintIndex: number;
  readonly hintTerm: number;
}

export interface Heartbeat extends Envelope {
  readonly type: 'Heartbeat';
  /** Never past what the follower is known to hold. */
  readonly leaderCommit: number;
  /** The newest round of leadership confirmation (ReadIndex, thesis §6.4); 0 when there was none. */
  readonly readRound: number;
}

export interface HeartbeatResponse extends Envelope {
  readonly type: 'HeartbeatResponse';
  readonly readRound: number;
}

/** Handed to the follower's core when its server holds the complete snapshot, staged but not yet installed. */
export interface InstallSnapshot extends Envelope {
  readonly type: 'InstallSnapshot';
  readonly snapshot: SnapshotMeta;
}

export interface TimeoutNow extends Envelope {
  readonly type: 'TimeoutNow';
}

/** A follower asks the leader for a read index (thesis §6.4). */
export interface ReadIndex extends Envelope {
  readonly type: 'ReadIndex';
  readonly context: number;
}

export interface ReadIndexResponse extends Envelope {
  readonly type: 'ReadIndexResponse';
  readonly context: number;
  readonly index: number;
  readonly stampMs: number;
}

export type Message =
  | RequestVote
  | RequestVoteResponse
  | AppendEntries
  | AppendEntriesResponse
  | Heartbeat
  | HeartbeatResponse
  | InstallSnapshot
  | TimeoutNow
  | ReadIndex
  | ReadIndexResponse;

export type Role = 'follower' | 'pre-candidate' | 'candidate' | 'leader';

/** Volatile state worth telling others. */
export interface SoftState {
  readonly role: Role;
  readonly leaderId: MemberId;
}

/** A read that is safe to answer once `index` is applied. */
export interface ReadState {
  readonly context: number;
  readonly index: number;
  /** The leader's log time when it took the read index, in milliseconds. */
  readonly stampMs: number;
}
