import { assert } from '../base/assert.ts';
import { RaftLog } from '../raft/raft-log.ts';
import type { Progress } from '../raft/tracker/progress.ts';
import {
  NO_MEMBER,
  type ConfState,
  type Entry,
  type MemberId,
  type ReadState,
  type SnapshotMeta,
} from '../raft/types.ts';
import {
  NO_VIEW,
  sameLife,
  type Life,
  type Operation,
  type Place,
  type ServerMessage,
  type View,
} from './types.ts';

/** What a server starts from. Everything here was durable before. */
export interface InitialServer {
  /** The last view that this data folder knew. */
  readonly view: number;
  /** Operations up to here are committed, and perhaps more. */
  readonly committed: number;
  /** The operation before the first of `entries`. */
  readonly baseIndex: number;
  readonly baseView: number;
  readonly entries: readonly Operation[];
  /** Applied so far, and the log time there. */
  readonly appliedIndex: number;
  readonly appliedStampMs: number;
}

export interface EngineConfig {
  readonly life: Life;
  /** All servers of the configuration, this one included. */
  readonly servers: readonly MemberId[];
  readonly initial: InitialServer;
  /** How often a primary is heard, in ticks. */
  readonly commitTicks: number;
  /** Silence, in ticks, after which a primary says that its backup does not answer. */
  readonly unreachableTicks: number;
  /** Bounds of one Prepare; one operation always fits. */
  readonly prepareEntriesMax: number;
  readonly prepareBytesMax: number;
  /** Bounds of what may be unanswered per server. */
  readonly inflightMessagesMax: number;
  readonly inflightBytesMax: number;
  /** Past this many uncommitted bytes, `propose` refuses; one proposal always fits. */
  readonly uncommittedBytesMax: number;
  /** Bytes of committed operations handed out at once; one operation always fits. */
  readonly committedBytesMax: number;
}

/** There is no membership in the log: views say who counts. */
export const NO_CONF: ConfState = { voters: [], votersOutgoing: [], learners: [], learnersNext: [] };

/** The state that the parts of the core share: `primary.ts` and `follower.ts` work on it, `server.ts` drives it. */
export class Engine {
  readonly config: EngineConfig;
  readonly log: RaftLog;
  view: View = NO_VIEW;
  /** The highest view that it ever knew, from its own disk or in `view`. Never falls. */
  viewNumber: number;
  /** Another server lives in a later view than this one. */
  heardView = 0;
  committed: number;
  applied: number;
  /** Operations up to here are durable in this log. */
  persisted: number;
  /** The view number that is durable. */
  durableView: number;
  /** The first operation that was not handed out to be written. */
  unstable: number;
  pendingSnapshot: SnapshotMeta | null = null;
  messages: ServerMessage[] = [];
  messagesAfterPersist: ServerMessage[] = [];
  readStates: ReadState[] = [];
  transfersWanted: MemberId[] = [];
  /** As the primary: all other servers. */
  readonly peers = new Map<MemberId, Progress>();
  preparesDue = false;

  constructor(config: EngineConfig) {
    const { initial } = config;
    this.config = config;
    this.log = new RaftLog(initial.baseIndex, initial.baseView, initial.entries, initial.appliedStampMs);
    this.viewNumber = initial.view;
    this.durableView = initial.view;
    this.committed = Math.max(initial.committed, initial.appliedIndex);
    this.applied = initial.appliedIndex;
    this.persisted = this.log.lastIndex;
    this.unstable = this.log.lastIndex + 1;
    assert(this.committed <= this.log.lastIndex, 'what is committed is in the log');
  }

  get id(): MemberId {
    return this.config.life.server;
  }

  get place(): Place {
    if (sameLife(this.config.life, this.view.primary)) return 'primary';
    return sameLife(this.config.life, this.view.backup) ? 'backup' : 'spare';
  }

  /** Whether it may act as the primary: as far as it knows, there is no later view. */
  get leads(): boolean {
    return this.place === 'primary' && this.heardView <= this.view.number;
  }

  get leaderId(): MemberId {
    if (this.view.primary === null || this.heardView > this.view.number) return NO_MEMBER;
    // A restarted primary is not the one that the view names, which is gone.
    return this.view.primary.server === this.id && !this.leads ? NO_MEMBER : this.view.primary.server;
  }

  commitTo(index: number): void {
    if (index <= this.committed) return;
    assert(index <= this.log.lastIndex, `operation ${index} is in the log before it is committed`);
    this.committed = index;
  }

  append(entry: Entry): void {
    this.log.append(entry);
  }

  /** Removes the operation at `index` and those behind it: the primary has others. */
  truncateFrom(index: number): void {
    assert(index > this.committed, 'what is committed is never replaced');
    this.log.truncateFrom(index);
    this.persisted = Math.min(this.persisted, index - 1);
    this.unstable = Math.min(this.unstable, index);
  }

  /** A staged state takes the place of everything. */
  restore(snapshot: SnapshotMeta): void {
    this.log.reset(snapshot.index, snapshot.term, snapshot.stampMs);
    this.committed = snapshot.index;
    this.applied = snapshot.index;
    this.persisted = 0;
    this.unstable = snapshot.index + 1;
    this.pendingSnapshot = snapshot;
  }
}
