import { assert } from '../base/assert.ts';
import { RingQueue } from '../base/ring-queue.ts';
import { applyConfChange, isVoter, members } from './confchange/apply.ts';
import { decodeConfEntry, encodeConfEntry } from './confchange/encoding.ts';
import type { RaftConfig, Refusal } from './config.ts';
import { countVote, hearsLeader, preCampaign } from './election.ts';
import { Raft } from './raft.ts';
import type { Ready } from './ready.ts';
import { sendAppends, sendCommitTo } from './replication.ts';
import { startReadRound, takeRead } from './step-leader.ts';
import { step } from './step.ts';
import { tick } from './tick.ts';
import type { ProgressState } from './tracker/progress.ts';
import {
  NO_MEMBER,
  type ConfChange,
  type ConfState,
  type Entry,
  type HardState,
  type MemberId,
  type Message,
  type Role,
  type SoftState,
} from './types.ts';

/** A leader's view of another member. */
export interface PeerProgress {
  readonly member: MemberId;
  readonly state: ProgressState;
  readonly matchIndex: number;
  readonly nextIndex: number;
  readonly recentActive: boolean;
  readonly isLearner: boolean;
}

/** A Ready that was handed out and is not known to be durable. */
interface Unpersisted {
  readonly seq: number;
  /** The last entry (or snapshot) in it and its term; 0 where it had none. */
  readonly lastIndex: number;
  readonly lastTerm: number;
  readonly term: number;
  readonly votedFor: MemberId;
}

/**
 * A Raft member as a program drives it: give it ticks, messages and proposals; while `hasReady()`, take a `Ready`,
 * do what it says, and report back through `persisted` and `applied`.
 */
export class RawNode {
  readonly #raft: Raft;
  readonly #unpersisted = new RingQueue<Unpersisted>();
  #seq = 0;
  /** The end of the log as it was handed out to be written last. */
  #writtenIndex: number;
  #softState: SoftState;
  #hardState: HardState;
  /** Committed entries up to here were handed out to be applied. */
  #handedOut: number;

  constructor(config: RaftConfig) {
    this.#raft = new Raft(config);
    this.#writtenIndex = this.#raft.log.lastIndex;
    this.#softState = { role: this.#raft.role, leaderId: this.#raft.leaderId };
    this.#hardState = this.#currentHardState();
    this.#handedOut = this.#raft.appliedIndex;
  }

  get id(): MemberId {
    return this.#raft.id;
  }
  get term(): number {
    return this.#raft.term;
  }
  get votedFor(): MemberId {
    return this.#raft.votedFor;
  }
  get role(): Role {
    return this.#raft.role;
  }
  get leaderId(): MemberId {
    return this.#raft.leaderId;
  }
  /** Whether the leader was heard of within the election timeout; one hears itself as long as it leads. */
  get hearsLeader(): boolean {
    return hearsLeader(this.#raft);
  }
  get commitIndex(): number {
    return this.#raft.commitIndex;
  }
  get appliedIndex(): number {
    return this.#raft.appliedIndex;
  }
  /** The own log is durable up to here. */
  get persistedIndex(): number {
    return this.#raft.persistedIndex;
  }
  get firstIndex(): number {
    return this.#raft.log.firstIndex;
  }
  get lastIndex(): number {
    return this.#raft.log.lastIndex;
  }
  get lastTerm(): number {
    return this.#raft.log.lastTerm;
  }
  get lastStampMs(): number {
    return this.#raft.log.lastStampMs;
  }
  /** Bytes of entry data in the log since its last compaction. */
  get logBytes(): number {
    return this.#raft.log.bytes;
  }
  get uncommittedBytes(): number {
    return this.#raft.uncommittedBytes;
  }
  /** Where leadership is being handed to. */
  get transferee(): MemberId {
    return this.#raft.transferee;
  }
  /** Index of a snapshot that was taken and waits in the next Ready, else 0. */
  get pendingSnapshotIndex(): number {
    return this.#raft.pendingSnapshot?.index ?? 0;
  }

  /** The configuration in use: the last one in the log, committed or not. */
  confState(): ConfState {
    return this.#raft.conf;
  }

  /** The configuration at an index from the last compaction on. */
  confStateAt(index: number): ConfState {
    return this.#raft.confs.at(index);
  }

  termAt(index: number): number | undefined {
    return this.#raft.log.termAt(index);
  }

  /** Entries from `from` up to, not including, `to`. */
  entries(from: number, to: number): readonly Entry[] {
    return this.#raft.log.slice(from, to);
  }

  /** The first index from which on the log takes no more than `bytes`. */
  indexFromEnd(bytes: number): number {
    return this.#raft.log.indexFromEnd(bytes);
  }

  /** What a leader knows of all members, itself included; anybody else knows nothing. */
  progress(): readonly PeerProgress[] {
    const raft = this.#raft;
    if (raft.role !== 'leader') return [];
    const rows: PeerProgress[] = [...raft.tracker.peers].map(
      ({ member, state, matchIndex, nextIndex, recentActive }) => ({
        member,
        state,
        matchIndex,
        nextIndex,
        recentActive,
        isLearner: !isVoter(raft.conf, member),
      }),
    );
    if (!members(raft.conf).has(raft.id)) return rows;
    rows.push({
      member: raft.id,
      state: 'replicate',
      matchIndex: raft.persistedIndex,
      nextIndex: raft.log.lastIndex + 1,
      recentActive: true,
      isLearner: !isVoter(raft.conf, raft.id),
    });
    return rows.sort((a, b) => a.member - b.member);
  }

  // What happens to a member.

  /** `mayCampaign`: false keeps it from asking for votes; it must notice all the same when its leader falls silent. */
  tick(mayCampaign = true): void {
    tick(this.#raft, mayCampaign);
  }

  step(message: Message): void {
    step(this.#raft, message);
  }

  /** Starts an election now, with a pre-vote. */
  campaign(): void {
    if (this.#raft.role !== 'leader') preCampaign(this.#raft);
  }

  /** Appends as the leader. Gives the entry's index, or why it was surely not taken. */
  propose(data: Uint8Array, stampMs: number): number | Refusal {
    const raft = this.#raft;
    if (raft.role !== 'leader') return 'not-leader';
    if (raft.transferee !== NO_MEMBER) return 'transferring';
    const { uncommittedBytesMax } = raft.config;
    if (raft.uncommittedBytes > 0 && raft.uncommittedBytes + data.length > uncommittedBytesMax)
      return 'overloaded';
    return raft.appendOwn('normal', data, stampMs);
  }

  /** Appends a change of the membership; one at a time, and only once the log of earlier terms is settled (§6). */
  proposeConfChange(change: ConfChange, stampMs: number): number | Refusal {
    const raft = this.#raft;
    if (raft.role !== 'leader') return 'not-leader';
    if (raft.transferee !== NO_MEMBER) return 'transferring';
    if (!raft.commitIsKnown || raft.confs.activeIndex > raft.commitIndex) return 'conf-change-pending';
    const conf = applyConfChange(raft.conf, change.steps);
    const data = conf === null ? null : encodeConfEntry({ change, conf });
    // Followers drop a message with an entry that they cannot read: there must be none in the log.
    if (data === null || decodeConfEntry(data) === null) return 'invalid';
    return raft.appendOwn('conf-change', data, stampMs);
  }

  /**
   * Asks for a read index, on behalf of `from` (this member by default). As leader: at least `minIndex`, confirmed by
   * a quorum. False when there is no leader to ask, or too many wait.
   */
  readIndex(
    context: number,
    options: { from?: MemberId; minIndex?: number; stampMs?: number } = {},
  ): boolean {
    const raft = this.#raft;
    if (raft.role === 'leader') {
      const { from = raft.id, minIndex = 0, stampMs = raft.log.lastStampMs } = options;
      return takeRead(raft, { context, from, minIndex, stampMs, index: 0 });
    }
    if (raft.leaderId === NO_MEMBER) return false;
    raft.askedReads.add(context);
    raft.send({ type: 'ReadIndex', to: raft.leaderId, context });
    return true;
  }

  /** As leader, hands leadership to a voter (thesis §3.10). Proposals are refused until then, or until it failed. */
  transferLeadership(to: MemberId): boolean {
    const raft = this.#raft;
    const progress = raft.tracker.get(to);
    if (raft.role !== 'leader' || progress === undefined || !raft.conf.voters.includes(to)) return false;
    raft.transferee = to;
    raft.transferElapsed = 0;
    if (progress.matchIndex === raft.log.lastIndex) raft.send({ type: 'TimeoutNow', to });
    else raft.appendsDue = true;
    return true;
  }

  /** A leader that cannot do its work any more becomes a follower in the same term. */
  stepDown(): void {
    if (this.#raft.role === 'leader') this.#raft.becomeFollower(this.#raft.term, NO_MEMBER);
  }

  /** The leader's process is surely gone: the wait for it is cut to a few ticks, and others may be helped at once. */
  forgetLeader(): void {
    const raft = this.#raft;
    if (raft.role !== 'follower' || raft.leaderId === NO_MEMBER) return;
    raft.leaderId = NO_MEMBER;
    raft.electionTimeout = raft.electionElapsed + 1 + raft.config.prng.below(2);
  }

  reportUnreachable(to: MemberId): void {
    const progress = this.#raft.tracker.get(to);
    if (progress?.state === 'replicate') progress.becomeProbe();
  }

  /** A snapshot of that index is on its way to the member. */
  snapshotStarted(to: MemberId, index: number): void {
    const progress = this.#raft.tracker.get(to);
    if (progress?.state === 'snapshot') progress.snapshotIndex = index;
  }

  /** The snapshot will not arrive: the member is tried again when it is heard next. */
  snapshotFailed(to: MemberId): void {
    const progress = this.#raft.tracker.get(to);
    if (progress?.state !== 'snapshot') return;
    progress.becomeProbe();
    progress.probeSent = true;
  }

  /** Tells a follower the commit index at once, instead of with the next entries or heartbeat. */
  sendCommit(to: MemberId): void {
    const progress = this.#raft.role === 'leader' ? this.#raft.tracker.get(to) : undefined;
    if (progress !== undefined) sendCommitTo(this.#raft, progress);
  }

  // What a member wants done.

  hasReady(): boolean {
    const raft = this.#raft;
    return (
      raft.messages.length > 0 ||
      raft.messagesAfterAppend.length > 0 ||
      raft.unstableIndex <= raft.log.lastIndex ||
      raft.pendingSnapshot !== null ||
      raft.readStates.length > 0 ||
      raft.snapshotsWanted.length > 0 ||
      this.#handedOut < raft.commitIndex ||
      this.#softStateChanged() ||
      this.#hardStateChanged() ||
      (raft.role === 'leader' && (raft.readOnly.roundDue || (raft.appendsDue && this.#appendsWaiting())))
    );
  }

  ready(): Ready {
    const raft = this.#raft;
    if (raft.role === 'leader') {
      startReadRound(raft);
      if (raft.appendsDue) sendAppends(raft);
    }
    const voteChanged = raft.term !== this.#hardState.term || raft.votedFor !== this.#hardState.votedFor;
    const hardState = this.#hardStateChanged() ? this.#currentHardState() : null;
    const softState = this.#softStateChanged() ? { role: raft.role, leaderId: raft.leaderId } : null;
    const snapshot = raft.pendingSnapshot;
    const entries =
      raft.unstableIndex <= raft.log.lastIndex
        ? raft.log.slice(raft.unstableIndex, raft.log.lastIndex + 1)
        : [];
    if (snapshot !== null) this.#handedOut = snapshot.index;
    this.#overtake(snapshot === null ? raft.unstableIndex : 1);
    const ready: Ready = {
      seq: ++this.#seq,
      softState,
      hardState,
      snapshot,
      entries,
      mustSync: voteChanged || entries.length > 0 || snapshot !== null,
      messages: raft.messages,
      messagesAfterAppend: raft.messagesAfterAppend,
      committedEntries: this.#takeCommitted(),
      readStates: raft.readStates,
      snapshotsWanted: raft.snapshotsWanted,
    };
    this.#unpersisted.push({
      seq: ready.seq,
      lastIndex: entries.at(-1)?.index ?? snapshot?.index ?? 0,
      lastTerm: entries.at(-1)?.term ?? snapshot?.term ?? 0,
      term: raft.term,
      votedFor: raft.votedFor,
    });
    raft.messages = [];
    raft.messagesAfterAppend = [];
    raft.readStates = [];
    raft.snapshotsWanted = [];
    raft.pendingSnapshot = null;
    raft.unstableIndex = raft.log.lastIndex + 1;
    if (softState !== null) this.#softState = softState;
    if (hardState !== null) this.#hardState = hardState;
    return ready;
  }

  /**
   * Entries from `index` on are to be written, or all of them with a snapshot, so what pending writes put there does
   * not last, be it even the same: a write in between may hold others.
   */
  #overtake(index: number): void {
    const isReplaced = index <= this.#writtenIndex;
    this.#writtenIndex = this.#raft.log.lastIndex;
    for (let left = isReplaced ? this.#unpersisted.length : 0; left > 0; left--) {
      const write = this.#unpersisted.shift();
      assert(write !== undefined, 'as many writes are pending as were counted');
      const lasts = write.lastIndex < index;
      const lastTerm = lasts ? write.lastTerm : (this.#raft.log.termAt(index - 1) ?? 0);
      this.#unpersisted.push(lasts ? write : { ...write, lastIndex: index - 1, lastTerm });
    }
  }

  /** Everything of this Ready and those before it is durable. */
  persisted(seq: number): void {
    const raft = this.#raft;
    for (
      let next = this.#unpersisted.peek();
      next !== undefined && next.seq <= seq;
      next = this.#unpersisted.peek()
    ) {
      this.#unpersisted.shift();
      raft.durableVote = { term: next.term, votedFor: next.votedFor };
      // Entries that were replaced meanwhile are durable in vain.
      if (next.lastIndex > raft.persistedIndex && raft.log.termAt(next.lastIndex) === next.lastTerm) {
        raft.persistedIndex = next.lastIndex;
      }
    }
    const { term, votedFor } = raft.durableVote;
    if (raft.role === 'leader') raft.maybeCommit();
    else if (raft.role === 'candidate' && term === raft.term && votedFor === raft.id)
      countVote(raft, raft.id, true);
  }

  /**
   * The state machine has executed everything up to `index`. An index below that of a snapshot that was taken
   * meanwhile is late, and says nothing.
   */
  applied(index: number): void {
    const raft = this.#raft;
    if (index > raft.commitIndex) assert(false, `entry ${index} is committed`);
    raft.appliedIndex = Math.max(raft.appliedIndex, index);
  }

  /** Forgets the log up to `index`: the state on disk holds it. */
  compact(index: number): void {
    const raft = this.#raft;
    assert(index <= raft.appliedIndex, 'what is not applied is not forgotten');
    if (index < raft.log.firstIndex) return;
    raft.log.compact(index);
    raft.confs.compact(index);
  }

  #takeCommitted(): Entry[] {
    const { log, commitIndex, config } = this.#raft;
    if (this.#handedOut >= commitIndex) return [];
    const entries = log.sliceWithin(
      this.#handedOut + 1,
      commitIndex - this.#handedOut,
      config.committedBytesMax,
    );
    this.#handedOut += entries.length;
    return entries;
  }

  #appendsWaiting(): boolean {
    for (const progress of this.#raft.tracker.peers) {
      if (!progress.paused && progress.nextIndex <= this.#raft.log.lastIndex) return true;
    }
    this.#raft.appendsDue = false;
    return false;
  }

  #softStateChanged(): boolean {
    return this.#softState.role !== this.#raft.role || this.#softState.leaderId !== this.#raft.leaderId;
  }

  #hardStateChanged(): boolean {
    const { term, votedFor, commitIndex } = this.#raft;
    return (
      this.#hardState.term !== term ||
      this.#hardState.votedFor !== votedFor ||
      this.#hardState.commitIndex !== commitIndex
    );
  }

  #currentHardState(): HardState {
    const { term, votedFor, commitIndex } = this.#raft;
    return { term, votedFor, commitIndex };
  }
}
