import { assert } from '../base/assert.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { KvraftError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Logger } from '../base/logger.ts';
import type { Prng } from '../base/prng.ts';
import {
  isServerMessage,
  type PeerIdentity,
  type PeerMessage,
  type Transport,
  type TransportHandler,
} from '../net/transport.ts';
import { describeView } from '../primary-backup/describe.ts';
import type { PrimaryBackup, Ready } from '../primary-backup/primary-backup.ts';
import type { ViewNotice } from '../primary-backup/types.ts';
import { NO_MEMBER, serverOf, type Entry, type MemberId } from '../raft/types.ts';
import type { Store } from '../store/store.ts';
import type { Wal } from '../wal/wal-types.ts';
import { Deadlines } from './deadlines.ts';
import { DiskSpace } from './disk-space.ts';
import { decodeEntry } from './envelope.ts';
import type { Identity } from './identity.ts';
import { compactLog, isFull, mustWaitForStore } from './log-compaction.ts';
import { LogTime } from './log-time.ts';
import { LogWriter } from './log-writer.ts';
import { refusalOf } from './membership.ts';
import type { ReplicaOptions } from './options.ts';
import { Pinger } from './pinger.ts';
import { ProposalRouter } from './proposal-router.ts';
import { Reads } from './reads.ts';
import { Rounds } from './rounds.ts';
import type { ReplicaStatus } from './replica-status.ts';
import type { ProposeOutcome, ReadOutcome, Replicator } from './replicator.ts';
import { SnapshotTraffic } from './snapshot-traffic.ts';
import { TimeTeller } from './time-teller.ts';
import type { StateMachine } from './state-machine.ts';

export interface PrimaryBackupParts<Result> {
  readonly node: PrimaryBackup;
  readonly wal: Wal;
  readonly store: Store;
  readonly machine: StateMachine<Result>;
  readonly identity: Identity;
  /** All servers of the configuration. */
  readonly servers: readonly MemberId[];
  /** Who keeps the views. */
  readonly monitors: readonly MemberId[];
  readonly transport: Transport;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly logger: Logger;
  readonly options: ReplicaOptions;
  readonly pingIntervalMs: number;
  /** The process must end. */
  readonly onFatal: (error: Error) => void;
}

/**
 * Drives one server of the primary/backup engine, as `RaftReplica` does a Raft core: ticks, messages and views in,
 * and what its Readys want done with the disk, the network and the state machine.
 */
export class PrimaryBackupReplica<Result> implements Replicator<Result>, TransportHandler {
  readonly #parts: PrimaryBackupParts<Result>;
  readonly #node: PrimaryBackup;
  readonly #logTime: LogTime;
  readonly #router: ProposalRouter<Result>;
  readonly #reads: Reads;
  readonly #rounds: Rounds;
  readonly #snapshots: SnapshotTraffic;
  readonly #deadlines: Deadlines;
  readonly #pinger: Pinger;
  /** Committed, waiting for the state machine. */
  #unapplied: Entry[] = [];
  readonly #writer: LogWriter;
  readonly #space: DiskSpace;
  readonly #timeTeller: TimeTeller;
  #leadership = { view: 0, leaderId: NO_MEMBER };
  #turnIsDue = false;
  #tickTimer: Timer | null = null;
  #stopped = false;
  /** Called when the server that leads has changed. */
  onLeaderChange: (leaderServer: number | null) => void = () => undefined;

  constructor(parts: PrimaryBackupParts<Result>) {
    const { node, clock, prng, store, transport, logger } = parts;
    this.#parts = parts;
    this.#node = node;
    this.#writer = new LogWriter(parts);
    this.#space = new DiskSpace(parts);
    const logTime = new LogTime(clock, node.lastStampMs);
    this.#logTime = logTime;
    const intervalMs = parts.options.electionTimeoutMs;
    this.#timeTeller = new TimeTeller({ node, transport, clock, logTime, intervalMs });
    this.#router = new ProposalRouter({
      node,
      transport,
      clock,
      boot: prng.uint32(),
      entryBytes: limits.appendBytesMax,
      logTimeMs: () => this.#logTime.nowMs(),
    });
    this.#deadlines = new Deadlines(parts, this.#router, this.#logTime);
    this.#reads = new Reads(prng.below(2 ** 21) * 2 ** 32);
    this.#rounds = new Rounds({
      router: this.#router,
      reads: this.#reads,
      clock,
      tickMs: parts.options.tickMs,
      schedule: () => this.#schedule(),
    });
    this.#pinger = new Pinger(parts);
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
    this.#pinger.start();
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
    return this.#node.hearsPrimary ? serverOf(this.#node.leaderId) : null;
  }

  get isLeader(): boolean {
    return this.#node.role === 'leader';
  }

  /** The core, for those who watch it: invariants in tests and in the simulator. */
  get node(): PrimaryBackup {
    return this.#node;
  }

  /** Disk space is gone or back, as the log sees it. */
  setSpace(available: boolean): void {
    this.#space.logHasSpace = available;
    this.#schedule();
  }

  status(): ReplicaStatus {
    const node = this.#node;
    const { identity, machine, store, servers } = this.#parts;
    const { primary, backup } = node.view;
    const named = [primary, backup].flatMap((life) => (life === null ? [] : [serverOf(life.server)]));
    return {
      serverId: serverOf(identity.member),
      member: identity.member,
      clusterId: identity.clusterId,
      role: node.place,
      term: node.term,
      leaderId: this.leaderServer() ?? -1,
      commitIndex: node.commitIndex,
      lastApplied: store.position.index,
      lastIndex: node.lastIndex,
      logTimeMs: this.#logTime.nowMs(),
      stateHash: machine.stateHash(),
      voters: named,
      learners: servers.map(serverOf).filter((server) => !named.includes(server)),
      members: servers,
      logBytes: node.logBytes,
      unflushedBytes: store.unflushedBytes,
      waiting: this.#pinger.waiting,
    };
  }

  /**
   * Tells the view service that this server is about to stop. False when there is no use in waiting for another one
   * to take over, which is seen by `onLeaderChange`.
   */
  handOver(): boolean {
    this.#pinger.leave();
    return this.#node.sync === 'in-sync';
  }

  /** Fails what is pending and stops all activity; the log and the store are the caller's to close. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#tickTimer?.cancel();
    this.#rounds.stop();
    this.#pinger.stop();
    this.#snapshots.stop();
    this.#router.failAll(stoppedError());
    this.#reads.failAll(stoppedError());
  }

  // What the transport calls.

  identity(): PeerIdentity {
    const { clusterId, member, incarnation } = this.#parts.identity;
    return { clusterId, member, incarnation };
  }

  /** Any folder may come: what it counts for is for the view service to say. */
  admit(peer: PeerIdentity): string | null {
    const conf = { voters: [], votersOutgoing: [], learners: [], learnersNext: [] };
    return refusalOf(peer, this.identity(), { incarnation: undefined, conf });
  }

  onConnected(peer: MemberId): void {
    if (this.#parts.servers.includes(peer)) this.#timeTeller.tell(peer);
    if (this.#pinger.isMonitor(peer)) this.#pinger.onConnected(peer);
    this.#schedule();
  }

  onDisconnected(serverId: number, refused: boolean): void {
    if (refused && this.#node.leaderId === serverId) this.#node.forgetPrimary();
    this.#node.reportUnreachable(serverId);
    this.#schedule();
  }

  onMessage(from: MemberId, message: PeerMessage): void {
    if (this.#stopped) return;
    switch (message.type) {
      case 'ViewNotice':
        if (this.#pinger.isMonitor(from)) this.#onNotice(message);
        break;
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
      case 'AskRead':
        if (this.isLeader && message.view === this.#node.view.number) this.#readIndex(message.context, from);
        break;
      case 'Prepare':
        if (message.entries.length > 0 && mustWaitForStore(this.#parts)) break;
        this.#node.step(message);
        break;
      default:
        if (isServerMessage(message)) this.#node.step(message);
    }
    this.#schedule();
  }

  #onNotice(notice: ViewNotice): void {
    const { identity, logger, onFatal } = this.#parts;
    if (notice.clusterId !== '' && identity.clusterId === '') identity.joinCluster(notice.clusterId);
    if (notice.clusterId !== identity.clusterId) {
      const message = `this data folder belongs to cluster ${identity.clusterId}, the view service to ${notice.clusterId}`;
      return onFatal(new KvraftError('WRONG_CLUSTER', message));
    }
    this.#pinger.onNotice(notice);
    const before = this.#node.view.number;
    this.#node.onView(notice.view);
    if (this.#node.view.number !== before)
      logger.info({ place: this.#node.place }, describeView(this.#node.view));
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
    if (this.isLeader) this.#logTime.lead(node.term);
    this.#logTime.observe(node.lastStampMs, node.lastTerm);
    const { index, stampMs } = this.#parts.store.position;
    this.#reads.applied(index, stampMs);
    this.#router.tellCommit();
    this.#pinger.tellChanges();
    compactLog(this.#parts, this.#snapshots.heldIndex);
    this.#rounds.next();
  };

  readonly #tick = (): void => {
    if (this.#stopped) return;
    const { clock, options } = this.#parts;
    const nowMs = clock.monotonicMs();
    this.#tickTimer = clock.setTimer(options.tickMs, this.#tick);
    this.#node.tick();
    this.#space.tick();
    this.#timeTeller.tick(nowMs);
    this.#deadlines.take();
    this.#router.tick(nowMs, options.electionTimeoutMs);
    this.#reads.expire(nowMs);
    this.#reads.takeBackAskedBefore(nowMs - options.electionTimeoutMs);
    this.#snapshots.tick(nowMs);
    this.#schedule();
  };

  #process(ready: Ready): void {
    for (const message of ready.messages) this.#send(message);
    if (ready.snapshot !== null) this.#install(ready);
    this.#persist(ready);
    for (const entry of ready.committedEntries) this.#unapplied.push(entry);
    for (const state of ready.readStates) this.#reads.confirm(state);
    for (const member of ready.transfersWanted) this.#snapshots.sendTo(member);
  }

  #send(message: Ready['messages'][number]): void {
    // The one who asked waits until it has applied that operation, and would learn of its commit only by and by.
    if (message.type === 'ReadConfirmed') this.#node.sendCommit(message.to);
    this.#parts.transport.send(message.to, message);
  }

  #persist({ seq, hardState, entries, mustSync, messagesAfterPersist: messages }: Ready): void {
    this.#writer.write({ hardState, entries, mustSync }, messages.length > 0, () => {
      if (this.#stopped) return;
      this.#node.persisted(seq);
      for (const message of messages) {
        // In a later view nothing is accepted in an earlier one: what it took then may have been replaced since.
        if (message.view === this.#node.term) this.#send(message);
      }
      this.#schedule();
    });
  }

  /** A staged state becomes the state, then the log starts anew behind it. In this order: see `openFolder`. */
  #install(ready: Ready): void {
    const { wal, machine, logger } = this.#parts;
    const snapshot = ready.snapshot;
    assert(snapshot !== null && ready.hardState !== null, 'a staged state moves the commit number');
    this.#unapplied = [];
    this.#snapshots.take(snapshot.index).commit();
    machine.load();
    this.#node.applied(snapshot.index);
    wal.reset(snapshot.index, snapshot.term, ready.hardState, () => undefined);
    logger.info({ index: snapshot.index }, 'took over the state of the primary');
  }

  #apply(): void {
    const { store, options, machine, identity } = this.#parts;
    let count = 0;
    for (const entry of this.#unapplied) {
      if (store.unflushedBytes > options.unflushedBytesMax) break;
      assert(entry.index === store.position.index + 1, `operation ${entry.index} follows the applied state`);
      const content = decodeEntry(entry.data);
      if (content.kind === 'proposals') {
        for (const { origin, boot, id, command } of content.proposals) {
          const result = machine.apply(command, entry.stampMs);
          if (origin === identity.member) this.#router.applied(boot, id, result);
        }
      }
      store.advance({ index: entry.index, term: entry.term, stampMs: entry.stampMs });
      count++;
    }
    if (count === 0) return;
    this.#unapplied = count === this.#unapplied.length ? [] : this.#unapplied.slice(count);
    this.#node.applied(store.position.index);
  }

  #mayPropose(): boolean {
    return this.isLeader && !isFull(this.#parts);
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
    const { term: view, leaderId } = this.#node;
    if (view === this.#leadership.view && leaderId === this.#leadership.leaderId) return;
    const before = this.#leadership.leaderId;
    this.#leadership = { view, leaderId };
    this.#deadlines.reset();
    this.#router.onLeaderChange();
    this.#reads.takeBackAll();
    this.#snapshots.onLeaderChange();
    if (leaderId !== before) this.onLeaderChange(this.leaderServer());
    this.#schedule();
  }
}

const stoppedError = (): KvraftError =>
  new KvraftError('STOPPED', 'the server is stopping', { retryable: true });
