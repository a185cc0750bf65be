import { assert } from '../base/assert.ts';
import { isJoint, isVoter, leaveJoint } from './confchange/apply.ts';
import { decodeConfEntry, encodeConfEntry } from './confchange/encoding.ts';
import { ConfHistory } from './conf-history.ts';
import type { RaftConfig } from './config.ts';
import { RaftLog } from './raft-log.ts';
import { AskedReads, ReadOnly } from './read-only.ts';
import { Tracker } from './tracker/tracker.ts';
import {
  NO_MEMBER,
  type ConfState,
  type Entry,
  type EntryType,
  type MemberId,
  type Message,
  type ReadState,
  type Role,
  type SnapshotMeta,
} from './types.ts';

/** A message without what every message has; the sender and its term are filled in. */
export type Outgoing = Message extends infer M
  ? M extends Message
    ? Omit<M, 'from' | 'term'>
    : never
  : never;

/**
 * The state of one Raft member, and the changes to it that do not depend on a role (paper, figure 2). The `step-*`
 * files say what each role does with a message; `RawNode` wraps it all up for the outside.
 */
export class Raft {
  readonly id: MemberId;
  readonly config: RaftConfig;
  readonly log: RaftLog;
  readonly confs: ConfHistory;
  readonly tracker: Tracker;
  readonly readOnly = new ReadOnly();

  term: number;
  votedFor: MemberId;
  role: Role = 'follower';
  leaderId: MemberId = NO_MEMBER;
  commitIndex: number;
  /** The state machine has executed everything up to here. */
  appliedIndex: number;
  /** The own log is durable up to here. */
  persistedIndex: number;
  /** The first entry that was not handed out to be persisted. */
  unstableIndex: number;
  /** The own vote and term as they are on disk. */
  durableVote: { term: number; votedFor: MemberId };

  /** Ticks since the last sign of a leader, or, as leader, since the last check of the quorum. */
  electionElapsed = 0;
  heartbeatElapsed = 0;
  /** Drawn anew for every wait, from [electionTicks, 2 × electionTicks). */
  electionTimeout = 0;
  /** Answers of this campaign; each member's first one counts. */
  votes = new Map<MemberId, boolean>();
  /** Where leadership is being handed to, and for how many ticks so far (thesis §3.10). */
  transferee: MemberId = NO_MEMBER;
  transferElapsed = 0;
  /** Bytes that this leader appended and that are not committed. */
  uncommittedBytes = 0;
  /** Whether there may be something to send to followers. */
  appendsDue = false;

  /**
   * To send at once, because nothing in them depends on this server's disk:
   * - pre-votes, both ways: they promise nothing, and change neither term nor vote;
   * - what a leader sends: its term and own vote were durable before it could win, and of its own log it promises
   *   nothing (an entry that it loses in a crash is never replaced by another of the same term, as it would have to
   *   win a later one first); it counts its own copy when that is durable (thesis §10.2.1);
   * - answers to heartbeats while the term and vote on disk are those in memory.
   */
  messages: Message[] = [];
  /**
   * To send when all that was decided before them is durable, because the receiver counts on it after a crash here:
   * - votes (§5.2: at most one a term), and the request for them, with which a candidate votes for itself;
   * - acknowledgements of entries and snapshots (§5.3: a committed entry is on a majority of disks);
   * - refusals, which tell only a term, go along in the same order;
   * - answers to heartbeats in a term, or after a vote, that is not durable: they confirm a leader to its readers, and
   *   a member that forgot its term could confirm an old leader after it has helped a new one.
   */
  messagesAfterAppend: Message[] = [];
  readStates: ReadState[] = [];
  readonly askedReads = new AskedReads();
  snapshotsWanted: MemberId[] = [];
  pendingSnapshot: SnapshotMeta | null = null;

  constructor(config: RaftConfig) {
    const { initial } = config;
    this.id = config.id;
    this.config = config;
    this.log = new RaftLog(initial.baseIndex, initial.baseTerm, initial.entries, initial.appliedStampMs);
    this.confs = new ConfHistory(initial.appliedIndex, initial.confState);
    this.tracker = new Tracker(config.id, config);
    this.term = initial.hardState.term;
    this.votedFor = initial.hardState.votedFor;
    this.durableVote = { term: this.term, votedFor: this.votedFor };
    this.commitIndex = Math.max(initial.hardState.commitIndex, initial.appliedIndex);
    this.appliedIndex = initial.appliedIndex;
    this.persistedIndex = this.log.lastIndex;
    this.unstableIndex = this.log.lastIndex + 1;
    assert(this.commitIndex <= this.log.lastIndex, 'what is committed is in the log');
    assert(this.appliedIndex >= initial.baseIndex, 'the log reaches back to the state');
    for (const entry of initial.entries) {
      if (entry.index > initial.appliedIndex) this.#activate(entry);
    }
    this.becomeFollower(this.term, NO_MEMBER);
  }

  get conf(): ConfState {
    return this.confs.active;
  }

  /**
   * Whether this member may start elections. Also when only the committed configuration has it as a voter: if the
   * newer one is on this server alone, nobody else can win (thesis §4.2.2).
   */
  get promotable(): boolean {
    const votes = isVoter(this.conf, this.id) || isVoter(this.confs.at(this.commitIndex), this.id);
    return votes && this.pendingSnapshot === null;
  }

  /** Whether this leader has committed an entry of its own term, and so knows what is committed (§8). */
  get commitIsKnown(): boolean {
    return this.log.termAt(this.commitIndex) === this.term;
  }

  send(message: Outgoing): void {
    this.messages.push({ ...message, from: this.id, term: this.term });
  }

  /** For answers that promise something that must be on disk first. */
  sendAfterAppend(message: Outgoing): void {
    this.messagesAfterAppend.push({ ...message, from: this.id, term: this.term });
  }

  // Roles (paper §5.1, §5.2).

  becomeFollower(term: number, leaderId: MemberId): void {
    this.#reset(term);
    this.role = 'follower';
    this.leaderId = leaderId;
  }

  /** Changes nothing but the role: neither term nor vote (thesis §9.6). */
  becomePreCandidate(): void {
    this.role = 'pre-candidate';
    this.leaderId = NO_MEMBER;
    this.votes = new Map();
    this.resetElectionTimer();
  }

  becomeCandidate(): void {
    this.#reset(this.term + 1);
    this.role = 'candidate';
    this.votedFor = this.id;
  }

  becomeLeader(): void {
    assert(this.role === 'candidate', 'only a candidate becomes the leader');
    this.#reset(this.term);
    this.role = 'leader';
    this.leaderId = this.id;
    this.tracker.reset(this.conf, this.log.lastIndex);
    // Nothing of an earlier term is committed by counting (§5.4.2): this entry carries them along.
    this.appendOwn('normal', new Uint8Array(0), this.log.lastStampMs);
  }

  resetElectionTimer(): void {
    const { prng, electionTicks } = this.config;
    this.electionElapsed = 0;
    this.electionTimeout = electionTicks + prng.below(electionTicks);
  }

  #reset(term: number): void {
    assert(term >= this.term, 'the term never falls');
    if (term !== this.term) {
      this.term = term;
      this.votedFor = NO_MEMBER;
    }
    this.leaderId = NO_MEMBER;
    this.votes = new Map();
    this.transferee = NO_MEMBER;
    this.uncommittedBytes = 0;
    this.heartbeatElapsed = 0;
    this.appendsDue = false;
    this.readOnly.reset();
    this.askedReads.clear();
    this.resetElectionTimer();
  }

  // The log.

  /** As leader. The stamp is raised where it would fall behind the last entry's. */
  appendOwn(type: EntryType, data: Uint8Array, stampMs: number): number {
    const entry: Entry = {
      index: this.log.lastIndex + 1,
      term: this.term,
      type,
      stampMs: Math.max(stampMs, this.log.lastStampMs),
      data,
    };
    this.log.append(entry);
    this.#activate(entry);
    this.uncommittedBytes += data.length;
    this.appendsDue = true;
    return entry.index;
  }

  /** As follower: the entry comes from the leader, and what stood in its place was truncated. */
  appendReceived(entry: Entry): void {
    this.log.append(entry);
    this.#activate(entry);
  }

  /** Removes the entry at `index` and those behind it: the leader has others (§5.3). */
  truncateFrom(index: number): void {
    assert(index > this.commitIndex, 'what is committed is never replaced');
    this.log.truncateFrom(index);
    this.persistedIndex = Math.min(this.persistedIndex, index - 1);
    this.unstableIndex = Math.min(this.unstableIndex, index);
    if (this.confs.truncateFrom(index)) this.#confChanged();
  }

  /** A configuration is used from its entry on, committed or not (§6). */
  #activate(entry: Entry): void {
    if (entry.type !== 'conf-change') return;
    const decoded = decodeConfEntry(entry.data);
    assert(decoded !== null, `the change at ${entry.index} was checked before it was appended`);
    this.confs.append(entry.index, decoded.conf);
    this.#confChanged();
  }

  #confChanged(): void {
    // A new member is first sent the entry that made it one.
    if (this.role === 'leader') this.tracker.follow(this.conf, this.log.lastIndex - 1);
  }

  /** Moves the commit index; as leader also what hangs on it. */
  commitTo(index: number): void {
    if (index <= this.commitIndex) return;
    if (index > this.log.lastIndex) assert(false, `entry ${index} is in the log`);
    if (this.role === 'leader') {
      this.uncommittedBytes -= this.log.bytesOfTerm(this.term, this.commitIndex + 1, index + 1);
    }
    this.commitIndex = index;
  }

  /** As leader: commits what a quorum holds, if it is of the own term (§5.3, §5.4.2). */
  maybeCommit(): void {
    const index = this.tracker.committedIndex(this.conf, this.persistedIndex);
    if (index <= this.commitIndex || this.log.termAt(index) !== this.term) return;
    this.commitTo(index);
    this.readOnly.commitKnown(this.commitIndex);
    this.#confCommitted();
  }

  #confCommitted(): void {
    if (this.confs.activeIndex > this.commitIndex) return;
    if (isJoint(this.conf)) {
      const change = { steps: [], context: new Uint8Array(0) };
      const data = encodeConfEntry({ change, conf: leaveJoint(this.conf) });
      this.appendOwn('conf-change', data, this.log.lastStampMs);
      this.maybeCommit();
    } else if (!isVoter(this.conf, this.id)) {
      this.#leave();
    }
  }

  /** A leader that is no member any more has told the others of it, and steps down (§6). */
  #leave(): void {
    let best: { member: MemberId; matchIndex: number } | null = null;
    for (const { member, matchIndex } of this.tracker.peers) {
      const told = Math.min(matchIndex, this.commitIndex);
      this.send({
        type: 'AppendEntries',
        to: member,
        prevLogIndex: told,
        prevLogTerm: this.log.termAt(told) ?? 0,
        entries: [],
        leaderCommit: told,
      });
      if (this.conf.voters.includes(member) && matchIndex > (best?.matchIndex ?? -1))
        best = { member, matchIndex };
    }
    if (best?.matchIndex === this.log.lastIndex) this.send({ type: 'TimeoutNow', to: best.member });
    this.becomeFollower(this.term, NO_MEMBER);
  }

  /** A snapshot takes the place of state and log. */
  restore(snapshot: SnapshotMeta): void {
    this.log.reset(snapshot.index, snapshot.term, snapshot.stampMs);
    this.confs.reset(snapshot.index, snapshot.confState);
    this.commitIndex = snapshot.index;
    this.appliedIndex = snapshot.index;
    this.persistedIndex = 0;
    this.unstableIndex = snapshot.index + 1;
    this.pendingSnapshot = snapshot;
  }
}
