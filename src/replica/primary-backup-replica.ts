import { assert } from '../base/assert.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { KvraftError } from '../base/errors.ts';
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
import { DiskSpace } from './disk-space.ts';
import { decodeEntry } from './envelope.ts';
import type { Identity } from './identity.ts';
import { isFull, LogCompaction, mustWaitForStore } from './log-compaction.ts';
import { LogTime } from './log-time.ts';
import { LogWriter } from './log-writer.ts';
import { refusalOf } from './membership.ts';
import type { ReplicaOptions } from './options.ts';
import { Pinger } from './pinger.ts';
import { Requests } from './requests.ts';
import type { ReplicaStatus } from './replica-status.ts';
import type { ProposeOutcome, ReadOutcome, Replicator } from './replicator.ts';
import { SnapshotTraffic } from './snapshot-traffic.ts';
import { TimeTeller } from './time-teller.ts';
import { Unapplied } from './unapplied.ts';
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
  readonly #requests: Requests<Result>;
  readonly #snapshots: SnapshotTraffic;
  readonly #pinger: Pinger;
  readonly #unapplied: Unapplied;
  readonly #writer: LogWriter;
  readonly #compaction: LogCompaction;
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
    this.#compaction = new LogCompaction(parts);
    this.#space = new DiskSpace(parts);
    const logTime = new LogTime(clock, node.lastStampMs);
    this.#logTime = logTime;
    const intervalMs = parts.options.electionTimeoutMs;
    this.#timeTeller = new TimeTeller({ node, transport, clock, logTime, intervalMs });
    this.#requests = new Requests(parts, {
      logTime,
      mayPropose: () => this.#mayPropose(),
      schedule: () => this.#schedule(),
    });
    this.#unapplied = new Unapplied(parts, (entry) => this.#execute(entry));
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
    this.#requests.propose(command, deadlineMs, done);
  }

  read(deadlineMs: number, done: (outcome: ReadOutcome) => void): void {
    this.#requests.read(deadlineMs, done);
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
    this.#pinger.stop();
    this.#snapshots.stop();
    this.#requests.stop();
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
      case 'AskRead':
        if (this.isLeader && message.view === this.#node.view.number)
          this.#requests.readIndex(message.context, from);
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
    this.#requests.send(this.#space.isAvailable);
    while (node.hasReady()) {
      this.#process(node.ready());
      this.#unapplied.apply();
      this.#watchLeadership();
    }
    this.#unapplied.apply();
    if (this.isLeader) this.#logTime.lead(node.term);
    this.#logTime.observe(node.lastStampMs, node.lastTerm);
    this.#requests.applied();
    this.#pinger.tellChanges();
    this.#compaction.run(this.#snapshots.heldIndex);
    this.#requests.next();
  };

  readonly #tick = (): void => {
    if (this.#stopped) return;
    const { clock, options } = this.#parts;
    const nowMs = clock.monotonicMs();
    this.#tickTimer = clock.setTimer(options.tickMs, this.#tick);
    this.#node.tick();
    this.#space.tick();
    this.#timeTeller.tick(nowMs);
    this.#requests.tick(nowMs);
    this.#snapshots.tick(nowMs);
    this.#schedule();
  };

  #process(ready: Ready): void {
    for (const message of ready.messages) this.#send(message);
    if (ready.snapshot !== null) this.#install(ready);
    this.#persist(ready);
    this.#unapplied.add(ready.committedEntries);
    for (const state of ready.readStates) this.#requests.confirm(state);
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
    this.#unapplied.clear();
    this.#snapshots.take(snapshot.index).commit();
    machine.load();
    this.#node.applied(snapshot.index);
    wal.reset(snapshot.index, snapshot.term, ready.hardState, () => undefined);
    logger.info({ index: snapshot.index }, 'took over the state of the primary');
  }

  #execute({ data, stampMs }: Entry): void {
    const content = decodeEntry(data);
    if (content.kind === 'proposals') this.#requests.apply(content.proposals, stampMs);
  }

  #mayPropose(): boolean {
    return this.isLeader && !isFull(this.#parts);
  }

  #watchLeadership(): void {
    const { term: view, leaderId } = this.#node;
    if (view === this.#leadership.view && leaderId === this.#leadership.leaderId) return;
    const before = this.#leadership.leaderId;
    this.#leadership = { view, leaderId };
    this.#requests.onLeaderChange();
    this.#snapshots.onLeaderChange();
    if (leaderId !== before) this.onLeaderChange(this.leaderServer());
    this.#schedule();
  }
}
