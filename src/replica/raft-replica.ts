import { assert } from '../base/assert.ts';
import type { Clock, Timer } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Prng } from '../base/prng.ts';
import type { RawNode } from '../raft/raw-node.ts';
import type { Ready } from '../raft/ready.ts';
import { NO_MEMBER, serverOf, type Entry, type MemberId, type Message } from '../raft/types.ts';
import {
  isRaftMessage,
  type PeerIdentity,
  type PeerMessage,
  type Transport,
  type TransportHandler,
} from '../net/transport.ts';
import type { Store } from '../store/store.ts';
import type { Wal } from '../wal/wal-types.ts';
import { isFull, LogCompaction, mustWaitForStore } from './log-compaction.ts';
import { DiskSpace, handOver, SpaceHandOver } from './disk-space.ts';
import { decodeEntry, encodeRecord } from './envelope.ts';
import { Founding } from './founding.ts';
import type { Identity } from './identity.ts';
import { Joining } from './joining.ts';
import { LogTime } from './log-time.ts';
import { LogWriter } from './log-writer.ts';
import { foundingConf, membersOf, refusalOf, type Membership } from './membership.ts';
import type { ReplicaOptions } from './options.ts';
import { Requests } from './requests.ts';
import type { ReplicaStatus } from './replica-status.ts';
import type { ProposeOutcome, ReadOutcome, Replicator } from './replicator.ts';
import { SnapshotTraffic } from './snapshot-traffic.ts';
import type { StateMachine } from './state-machine.ts';
import { TimeTeller } from './time-teller.ts';
import { Unapplied } from './unapplied.ts';

export interface ReplicaParts<Result> {
  readonly node: RawNode;
  readonly wal: Wal;
  readonly store: Store;
  readonly machine: StateMachine<Result>;
  readonly membership: Membership;
  readonly identity: Identity;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly logger: Logger;
  readonly options: ReplicaOptions;
}

/**
 * Drives one Raft core: gives it ticks and messages, and does what its Readys want with the disk, the network and
 * the state machine. Everything that arrives in one turn of the event loop is worked off together at its end.
 */
export class RaftReplica<Result> implements Replicator<Result>, TransportHandler {
  readonly #parts: ReplicaParts<Result>;
  readonly #node: RawNode;
  readonly #logTime: LogTime;
  readonly #requests: Requests<Result>;
  readonly #founding: Founding;
  readonly #joining: Joining;
  readonly #snapshots: SnapshotTraffic;
  readonly #unapplied: Unapplied;
  readonly #writer: LogWriter;
  readonly #compaction: LogCompaction;
  readonly #space: DiskSpace;
  readonly #spaceHandOver: SpaceHandOver;
  readonly #timeTeller: TimeTeller;
  /** What the peers that were admitted said of themselves. */
  readonly #identities = new Map<MemberId, string>();
  #leadership = { term: 0, leaderId: NO_MEMBER };
  #turnIsDue = false;
  #tickTimer: Timer | null = null;
  #stopped = false;
  /** Called when the server that leads has changed. */
  onLeaderChange: (leaderServer: number | null) => void = () => undefined;

  constructor(parts: ReplicaParts<Result>) {
    const { node, clock, prng, store, transport, logger } = parts;
    this.#parts = parts;
    this.#node = node;
    this.#writer = new LogWriter(parts);
    this.#compaction = new LogCompaction(parts);
    const logTime = new LogTime(clock, node.lastStampMs);
    this.#logTime = logTime;
    const { electionTimeoutMs } = parts.options;
    this.#timeTeller = new TimeTeller({ node, transport, clock, logTime, intervalMs: electionTimeoutMs });
    this.#space = new DiskSpace(parts);
    this.#spaceHandOver = new SpaceHandOver(parts);
    this.#requests = new Requests(parts, {
      logTime,
      mayPropose: () => this.#mayPropose(),
      schedule: () => this.#schedule(),
    });
    this.#unapplied = new Unapplied(parts, (entry) => this.#execute(entry));
    this.#founding = new Founding(parts);
    const logTimeMs = (): number => this.#logTime.nowMs();
    this.#joining = new Joining({ node, transport, clock, logger, logTimeMs });
    this.#snapshots = new SnapshotTraffic({
      node,
      store,
      transport,
      clock,
      logger,
      firstTransfer: prng.below(2 ** 21) * 2 ** 32,
      onChange: () => this.#schedule(),
    });
    const onFlushed = store.onFlushed;
    store.onFlushed = () => {
      onFlushed();
      this.#schedule();
    };
  }

  start(): void {
    this.#parts.transport.start(this);
    this.#tickTimer = this.#parts.clock.setTimer(this.#parts.options.tickMs, this.#tick);
    if (this.#node.confState().voters.length === 1 && this.#founding.mayElect(this.#node.lastIndex))
      this.#node.campaign();
    this.#schedule();
  }

  propose(command: Uint8Array, deadlineMs: number, done: (outcome: ProposeOutcome<Result>) => void): void {
    this.#requests.propose(command, deadlineMs, done);
  }

  read(deadlineMs: number, done: (outcome: ReadOutcome) => void): void {
    this.#requests.read(deadlineMs, done);
  }

  leaderServer(): number | null {
    return this.#node.hearsLeader ? serverOf(this.#node.leaderId) : null;
  }

  get isLeader(): boolean {
    return this.#node.role === 'leader';
  }

  /** The core, for those who watch it: invariants in tests and in the simulator. */
  get node(): RawNode {
    return this.#node;
  }

  /** Disk space is gone or back, as the log sees it. */
  setSpace(available: boolean): void {
    this.#space.logHasSpace = available;
    this.#schedule();
  }

  status(): ReplicaStatus {
    const node = this.#node;
    const { identity, machine, store, membership } = this.#parts;
    const conf = node.confState();
    return {
      serverId: serverOf(identity.member),
      member: identity.member,
      clusterId: membership.clusterId,
      role: node.role,
      term: node.term,
      leaderId: this.leaderServer() ?? -1,
      commitIndex: node.commitIndex,
      lastApplied: store.position.index,
      lastIndex: node.lastIndex,
      logTimeMs: this.#logTime.nowMs(),
      stateHash: machine.stateHash(),
      voters: conf.voters.map(serverOf),
      learners: conf.learners.map(serverOf),
      members: [...new Set([...membersOf(conf), ...membership.bound])],
      logBytes: node.logBytes,
      unflushedBytes: store.unflushedBytes,
      waiting: node.lastIndex === 0 ? this.#founding.waiting || this.#joining.waiting : this.#joining.waiting,
    };
  }

  /**
   * A leader asks its most advanced follower to take over; false when there is none to ask. Whether it could is
   * seen by `onLeaderChange`.
   */
  handOver(): boolean {
    const asked = handOver(this.#node);
    this.#schedule();
    return asked;
  }

  /** Fails what is pending and stops all activity; the log and the store are the caller's to close. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#tickTimer?.cancel();
    this.#snapshots.stop();
    this.#requests.stop();
  }

  // What the transport calls.

  identity(): PeerIdentity {
    const { identity, membership } = this.#parts;
    return {
      clusterId: membership.clusterId || identity.clusterId,
      member: identity.member,
      incarnation: identity.incarnation,
    };
  }

  admit(peer: PeerIdentity): string | null {
    const { identity, membership } = this.#parts;
    const incarnation = membership.incarnationOf(peer.member) ?? identity.pinOf(peer.member);
    const refusal = refusalOf(peer, this.identity(), { incarnation, conf: this.#node.confState() });
    if (this.#node.lastIndex === 0) this.#founding.hear(peer);
    // Of a rebuilt server the log must say first which folder it is: see `Join`.
    if (refusal === null && membersOf(this.#node.confState()).includes(peer.member))
      this.#founding.meet(peer);
    if (refusal === null) this.#identities.set(peer.member, peer.incarnation);
    return refusal;
  }

  onConnected(peer: MemberId): void {
    this.#founding.onConnected(peer);
    this.#timeTeller.tell(peer);
    this.#joining.onConnected(peer);
    this.#schedule();
  }

  onDisconnected(serverId: number, refused: boolean): void {
    const leader = this.#node.leaderId;
    if (refused && leader !== NO_MEMBER && leader !== this.#node.id && serverOf(leader) === serverId) {
      this.#node.forgetLeader();
    }
    for (const peer of this.#node.progress()) {
      if (serverOf(peer.member) === serverId) this.#node.reportUnreachable(peer.member);
    }
    this.#schedule();
  }

  onMessage(from: MemberId, message: PeerMessage): void {
    if (this.#stopped) return;
    switch (message.type) {
      case 'Forward':
        this.#requests.onForward(from, message);
        break;
      case 'ForwardRefused':
        this.#requests.onRefused(from, message);
        break;
      case 'SnapshotChunk':
        this.#snapshots.onChunk(from, message);
        break;
      case 'SnapshotAck':
        this.#snapshots.onAck(from, message);
        break;
      case 'LogTime':
        this.#logTime.observe(message.logTimeMs, message.term);
        break;
      case 'Join':
        this.#join(from);
        break;
      case 'ReadIndex':
        if (this.#node.role === 'leader' && message.term <= this.#node.term) {
          this.#requests.readIndex(message.context, from);
        }
        break;
      case 'InstallSnapshot':
        break; // Only this server's own receiver may say that a snapshot is complete.
      case 'AppendEntries':
        if (message.entries.length > 0 && mustWaitForStore(this.#parts)) break;
        this.#node.step(message);
        break;
      case 'RequestVote':
        if (this.#founding.mayElect(message.lastLogIndex)) this.#node.step(message);
        break;
      default:
        if (isRaftMessage(message)) this.#node.step(message);
    }
    this.#schedule();
  }

  // One turn.

  #schedule(): void {
    if (this.#turnIsDue || this.#stopped) return;
    this.#turnIsDue = true;
    this.#parts.clock.defer(this.#turn);
  }

  readonly #turn = (): void => {
    this.#turnIsDue = false;
    if (this.#stopped) return;
    const node = this.#node;
    this.#watchLeadership();
    this.#found();
    this.#requests.send(this.#space.isAvailable);
    while (node.hasReady()) {
      this.#process(node.ready());
      this.#unapplied.apply();
      this.#watchLeadership();
    }
    this.#unapplied.apply();
    this.#logTime.observe(node.lastStampMs, node.lastTerm);
    this.#requests.applied();
    this.#compaction.run(this.#snapshots.heldIndex);
    this.#requests.next();
  };

  readonly #tick = (): void => {
    if (this.#stopped) return;
    const { clock, options } = this.#parts;
    const nowMs = clock.monotonicMs();
    this.#tickTimer = clock.setTimer(options.tickMs, this.#tick);
    this.#node.tick(this.#founding.mayElect(this.#node.lastIndex));
    if (this.#node.role === 'leader' && this.#parts.wal.stalledMs > options.diskStallMsMax) {
      this.#parts.logger.warn(
        { stalledMs: this.#parts.wal.stalledMs },
        'the disk has stalled: leadership given up',
      );
      this.#node.stepDown();
    }
    this.#space.tick();
    this.#spaceHandOver.tick(nowMs, this.#space.isAvailable);
    this.#timeTeller.tick(nowMs);
    this.#requests.tick(nowMs);
    this.#snapshots.tick(nowMs);
    this.#joining.tick();
    this.#schedule();
  };

  #process(ready: Ready): void {
    for (const message of ready.messages) this.#send(message);
    if (ready.snapshot !== null) this.#install(ready);
    this.#persist(ready);
    this.#unapplied.add(ready.committedEntries);
    for (const state of ready.readStates) this.#requests.confirm(state);
    for (const member of ready.snapshotsWanted) this.#snapshots.sendTo(member);
  }

  #send(message: Message): void {
    // The one who asked waits until it has applied that index, and would learn of the commit only by and by.
    if (message.type === 'ReadIndexResponse') this.#node.sendCommit(message.to);
    this.#parts.transport.send(message.to, message);
  }

  #persist({ seq, hardState, entries, mustSync, messagesAfterAppend: messages }: Ready): void {
    this.#writer.write({ hardState, entries, mustSync }, messages.length > 0, () => {
      if (this.#stopped) return;
      this.#node.persisted(seq);
      for (const message of messages) this.#send(message);
      this.#schedule();
    });
  }

  /** A staged snapshot becomes the state, then the log starts anew behind it. In this order: see `recover`. */
  #install(ready: Ready): void {
    const { wal, machine, membership, logger } = this.#parts;
    const snapshot = ready.snapshot;
    assert(snapshot !== null && ready.hardState !== null, 'a snapshot moves the commit index');
    this.#unapplied.clear();
    this.#snapshots.take(snapshot.index).commit();
    machine.load();
    membership.load();
    this.#joinCluster();
    this.#node.applied(snapshot.index);
    wal.reset(snapshot.index, snapshot.term, ready.hardState, () => undefined);
    logger.info({ index: snapshot.index }, 'installed a snapshot');
  }

  #execute(entry: Entry): void {
    const { membership } = this.#parts;
    if (entry.type === 'conf-change') return membership.saveConf(this.#node.confStateAt(entry.index));
    const content = decodeEntry(entry.data);
    if (content.kind === 'proposals') {
      this.#requests.apply(content.proposals, entry.stampMs);
    } else if (content.kind === 'record' && membership.apply(content.record)) {
      if (content.record.record === 'found') membership.saveConf(foundingConf(content.record.servers));
      this.#joinCluster();
    }
  }

  #joinCluster(): void {
    const { identity, membership, logger } = this.#parts;
    this.#founding.check();
    if (membership.clusterId === '' || identity.clusterId === membership.clusterId) return;
    identity.joinCluster(membership.clusterId);
    logger.info({ clusterId: membership.clusterId }, 'member of the cluster');
  }

  // Leading.

  /** A rebuilt server asks to become a member: first its data folder is tied to it, then it learns. */
  #join(from: MemberId): void {
    const incarnation = this.#identities.get(from);
    if (this.#node.role !== 'leader' || incarnation === undefined) return;
    if (this.#parts.membership.incarnationOf(from) === incarnation) this.#joining.onJoin(from);
    else
      this.#node.propose(encodeRecord({ record: 'bind', member: from, incarnation }), this.#logTime.nowMs());
  }

  /** Proposals are taken once the cluster is founded, by a leader. */
  #mayPropose(): boolean {
    return this.#node.role === 'leader' && this.#parts.membership.clusterId !== '' && !isFull(this.#parts);
  }

  /** A leader writes into the log what the cluster is to know of its members. */
  #found(): void {
    if (this.#node.role !== 'leader') return;
    for (const record of this.#founding.records(this.#node.term, this.#parts.prng)) {
      this.#node.propose(encodeRecord(record), this.#logTime.nowMs());
    }
  }

  #watchLeadership(): void {
    const { term, leaderId } = this.#node;
    if (term === this.#leadership.term && leaderId === this.#leadership.leaderId) return;
    const before = this.#leadership.leaderId;
    this.#leadership = { term, leaderId };
    if (this.isLeader) this.#timeTeller.leads();
    this.#requests.onLeaderChange();
    this.#snapshots.onLeaderChange();
    if (leaderId === before) return;
    const leader = this.leaderServer();
    this.#parts.logger.info(
      { term, leader },
      leader === null ? 'no leader is known' : `server ${leader} leads`,
    );
    this.onLeaderChange(leader);
    this.#schedule();
  }
}
