import { assert } from '../base/assert.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { KvraftError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
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
import { compactLog, isFull, mustWaitForStore } from './log-compaction.ts';
import { Deadlines } from './deadlines.ts';
import { DiskSpace, handOver, SpaceHandOver } from './disk-space.ts';
import { decodeEntry, encodeRecord } from './envelope.ts';
import { Founding } from './founding.ts';
import type { Identity } from './identity.ts';
import { Joining } from './joining.ts';
import { LogTime } from './log-time.ts';
import { LogWriter } from './log-writer.ts';
import { foundingConf, membersOf, refusalOf, type Membership } from './membership.ts';
import type { ReplicaOptions } from './options.ts';
import { ProposalRouter } from './proposal-router.ts';
import { Reads } from './reads.ts';
import { Rounds } from './rounds.ts';
import type { ReplicaStatus } from './replica-status.ts';
import type { ProposeOutcome, ReadOutcome, Replicator } from './replicator.ts';
import { SnapshotTraffic } from './snapshot-traffic.ts';
import type { StateMachine } from './state-machine.ts';
import { TimeTeller } from './time-teller.ts';

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
  readonly #router: ProposalRouter<Result>;
  readonly #reads: Reads;
  readonly #rounds: Rounds;
  readonly #founding: Founding;
  readonly #joining: Joining;
  readonly #snapshots: SnapshotTraffic;
  /** Committed, waiting for the state machine. */
  #unapplied: Entry[] = [];
  readonly #writer: LogWriter;
  readonly #deadlines: Deadlines;
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
    const logTime = new LogTime(clock, node.lastStampMs);
    this.#logTime = logTime;
    const { electionTimeoutMs } = parts.options;
    this.#timeTeller = new TimeTeller({ node, transport, clock, logTime, intervalMs: electionTimeoutMs });
    this.#router = new ProposalRouter({
      node,
      transport,
      clock,
      boot: prng.uint32(),
      entryBytes: limits.appendBytesMax,
      logTimeMs: () => this.#logTime.nowMs(),
    });
    this.#deadlines = new Deadlines(parts, this.#router, this.#logTime);
    this.#space = new DiskSpace(parts);
    this.#spaceHandOver = new SpaceHandOver(parts);
    this.#reads = new Reads(prng.below(2 ** 21) * 2 ** 32);
    this.#rounds = new Rounds({
      router: this.#router,
      reads: this.#reads,
      clock,
      tickMs: parts.options.tickMs,
      schedule: () => this.#schedule(),
    });
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
    if (this.#stopped) {
      this.#parts.clock.defer(() => done({ ok: false, error: stoppedError() }));
      return;
    }
    this.#router.add(command, deadlineMs, done);
    this.#schedule();
  }

  read(deadlineMs: number, done: (outcome: ReadOutcome) => void): void {
    if (this.#stopped) {
      this.#parts.clock.defer(() => done({ ok: false, error: stoppedError() }));
      return;
    }
    this.#reads.add(deadlineMs, done);
    this.#schedule();
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
    this.#rounds.stop();
    this.#snapshots.stop();
    this.#router.failAll(stoppedError());
    this.#reads.failAll(stoppedError());
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
    this.#founding.hear(peer);
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
        this.#deadlines.take();
        this.#router.onForward(from, message, this.#mayPropose());
        break;
      case 'ForwardRefused':
        this.#router.onRefused(from, message);
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
          this.#readIndex(message.context, from);
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
    this.#router.hasSpace = this.#space.isAvailable;
    const due = this.#rounds.due();
    if (due.proposals) {
      this.#deadlines.take();
      this.#router.send(this.#mayPropose());
    }
    if (due.reads) this.#askReads();
    while (node.hasReady()) {
      this.#process(node.ready());
      this.#apply();
      this.#watchLeadership();
    }
    this.#apply();
    this.#logTime.observe(node.lastStampMs, node.lastTerm);
    const { index, stampMs } = this.#parts.store.position;
    this.#reads.applied(index, stampMs);
    this.#router.tellCommit();
    compactLog(this.#parts, this.#snapshots.heldIndex);
    this.#rounds.next();
  };

  readonly #tick = (): void => {
    if (this.#stopped) return;
    const { clock, options } = this.#parts;
    const nowMs = clock.monotonicMs();
    this.#tickTimer = clock.setTimer(options.tickMs, this.#tick);
    if (this.#founding.mayElect(this.#node.lastIndex)) this.#node.tick();
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
    this.#deadlines.take();
    this.#router.tick(nowMs, options.electionTimeoutMs);
    this.#reads.expire(nowMs);
    this.#reads.takeBackAskedBefore(nowMs - options.electionTimeoutMs);
    this.#snapshots.tick(nowMs);
    this.#joining.tick();
    this.#schedule();
  };

  #process(ready: Ready): void {
    for (const message of ready.messages) this.#send(message);
    if (ready.snapshot !== null) this.#install(ready);
    this.#persist(ready);
    for (const entry of ready.committedEntries) this.#unapplied.push(entry);
    for (const state of ready.readStates) this.#reads.confirm(state);
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
    this.#unapplied = [];
    this.#snapshots.take(snapshot.index).commit();
    machine.load();
    membership.load();
    this.#joinCluster();
    this.#node.applied(snapshot.index);
    wal.reset(snapshot.index, snapshot.term, ready.hardState, () => undefined);
    logger.info({ index: snapshot.index }, 'installed a snapshot');
  }

  #apply(): void {
    const { store, options } = this.#parts;
    let count = 0;
    for (const entry of this.#unapplied) {
      if (store.unflushedBytes > options.unflushedBytesMax) break;
      this.#applyEntry(entry);
      count++;
    }
    if (count === 0) return;
    this.#unapplied = count === this.#unapplied.length ? [] : this.#unapplied.slice(count);
    this.#node.applied(store.position.index);
  }

  #applyEntry(entry: Entry): void {
    const { machine, membership, store, identity } = this.#parts;
    assert(entry.index === store.position.index + 1, `entry ${entry.index} follows the applied state`);
    if (entry.type === 'conf-change') {
      membership.saveConf(this.#node.confStateAt(entry.index));
    } else {
      const content = decodeEntry(entry.data);
      if (content.kind === 'proposals') {
        for (const { origin, boot, id, command } of content.proposals) {
          const result = machine.apply(command, entry.stampMs);
          if (origin === identity.member) this.#router.applied(boot, id, result);
        }
      } else if (content.kind === 'record' && membership.apply(content.record)) {
        if (content.record.record === 'found') membership.saveConf(foundingConf(content.record.servers));
        this.#joinCluster();
      }
    }
    store.advance({ index: entry.index, term: entry.term, stampMs: entry.stampMs });
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

  #askReads(): void {
    if (this.#node.leaderId === NO_MEMBER) return;
    const context = this.#reads.ask(this.#parts.clock.monotonicMs());
    if (!this.#readIndex(context, this.#node.id)) this.#reads.takeBack(context);
  }

  #readIndex(context: number, from: MemberId): boolean {
    const minIndex = this.#deadlines.take();
    return this.#node.readIndex(context, { from, minIndex, stampMs: this.#logTime.nowMs() });
  }

  #watchLeadership(): void {
    const { term, leaderId } = this.#node;
    if (term === this.#leadership.term && leaderId === this.#leadership.leaderId) return;
    const before = this.#leadership.leaderId;
    this.#leadership = { term, leaderId };
    if (this.isLeader) this.#timeTeller.leads();
    this.#deadlines.reset();
    this.#router.onLeaderChange();
    this.#reads.takeBackAll();
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

const stoppedError = (): KvraftError =>
  new KvraftError('STOPPED', 'the server is stopping', { retryable: true });
