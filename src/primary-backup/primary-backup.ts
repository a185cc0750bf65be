import { assert } from '../base/assert.ts';
import { RingQueue } from '../base/ring-queue.ts';
import type { ConfState, Entry, HardState, MemberId, ReadState, SnapshotMeta } from '../raft/types.ts';
import { NO_MEMBER } from '../raft/types.ts';
import type { ProgressState } from '../raft/tracker/progress.ts';
import { Engine, NO_CONF, type EngineConfig } from './engine.ts';
import { handleCommit, handleInstall, handlePrepare } from './follower.ts';
import { Primacy, type Sync } from './primary.ts';
import type { Operation, Ping, Place, ServerInput, ServerMessage, View } from './types.ts';

/** What a server wants done, in the manner of the Raft core's Ready. */
export interface Ready {
  /** Counts from 1. Several may be under way: they are persisted in their order. */
  readonly seq: number;
  /** Set when the view or the commit number changed: `term` is the view, there are no votes. */
  readonly hardState: HardState | null;
  /** A staged state that replaces the state and the whole log, before `entries`. */
  readonly snapshot: SnapshotMeta | null;
  /** To append to the log. The first may lie at or below the last one written: it then replaces the tail. */
  readonly entries: readonly Operation[];
  readonly mustSync: boolean;
  /** To send at once, in parallel with the disk write. */
  readonly messages: readonly ServerMessage[];
  /** To send once this Ready and all before it are durable: acceptances. */
  readonly messagesAfterPersist: readonly ServerMessage[];
  /** To apply, in order. */
  readonly committedEntries: readonly Operation[];
  /** Reads of this server that are confirmed. */
  readonly readStates: readonly ReadState[];
  /** Servers that need the whole state. */
  readonly transfersWanted: readonly MemberId[];
}

/** What a primary knows of another server. */
export interface ServerProgress {
  readonly member: MemberId;
  readonly state: ProgressState;
  readonly matchIndex: number;
  readonly recentActive: boolean;
}

interface Unpersisted {
  readonly seq: number;
  readonly lastIndex: number;
  readonly lastView: number;
  readonly view: number;
}

/**
 * A server of the primary/backup engine as a program drives it: give it ticks, messages, views and proposals; while
 * `hasReady()`, take a `Ready`, do what it says, and report back through `persisted` and `applied`. It is
 * synchronous and does no I/O.
 */
export class PrimaryBackup {
  readonly #engine: Engine;
  #primacy: Primacy | null = null;
  readonly #unpersisted = new RingQueue<Unpersisted>();
  #seq = 0;
  #writtenIndex: number;
  #hardState: HardState;
  #handedOut: number;
  /** Ticks since the primary of the view was heard, by others than itself. */
  #silentTicks = 0;

  constructor(config: EngineConfig) {
    this.#engine = new Engine(config);
    this.#writtenIndex = this.#engine.log.lastIndex;
    this.#hardState = this.#currentHardState();
    this.#handedOut = this.#engine.applied;
  }

  get id(): MemberId {
    return this.#engine.id;
  }

  /** The view that it lives in: its own disk may know a later number, of which it was not told yet who is in it. */
  get view(): View {
    return this.#engine.view;
  }

  /** The highest view number that it knows. */
  get term(): number {
    return this.#engine.viewNumber;
  }

  get place(): Place {
    return this.#engine.place;
  }

  /** Whether it orders operations. */
  get role(): 'leader' | 'follower' {
    return this.#engine.leads ? 'leader' : 'follower';
  }

  get leaderId(): MemberId {
    return this.#engine.leaderId;
  }

  /**
   * Whether `leaderId` was heard lately, by whoever can confirm it: the primary itself hears its backup, where it
   * can answer nothing without it.
   */
  get hearsPrimary(): boolean {
    const { leads, leaderId, config } = this.#engine;
    if (leads) return !(this.sync === 'in-sync' && this.#primacy?.isBackupUnreachable === true);
    return leaderId !== NO_MEMBER && this.#silentTicks < config.unreachableTicks;
  }

  /** How much the backup counts; null where this server is not the primary. */
  get sync(): Sync | null {
    return this.#primacy?.sync ?? null;
  }

  get commitIndex(): number {
    return this.#engine.committed;
  }

  get appliedIndex(): number {
    return this.#engine.applied;
  }

  get persistedIndex(): number {
    return this.#engine.persisted;
  }

  get firstIndex(): number {
    return this.#engine.log.firstIndex;
  }

  get lastIndex(): number {
    return this.#engine.log.lastIndex;
  }

  get lastTerm(): number {
    return this.#engine.log.lastTerm;
  }

  get lastStampMs(): number {
    return this.#engine.log.lastStampMs;
  }

  get logBytes(): number {
    return this.#engine.log.bytes;
  }

  /** The index of a staged state that was taken and not handed out yet, else 0. */
  get pendingSnapshotIndex(): number {
    return this.#engine.pendingSnapshot?.index ?? 0;
  }

  termAt(index: number): number | undefined {
    return this.#engine.log.termAt(index);
  }

  entries(from: number, to: number): readonly Entry[] {
    return this.#engine.log.slice(from, to);
  }

  indexFromEnd(bytes: number): number {
    return this.#engine.log.indexFromEnd(bytes);
  }

  confStateAt(_index: number): ConfState {
    return NO_CONF;
  }

  progress(): readonly ServerProgress[] {
    return this.#primacy === null ? [] : [...this.#engine.peers.values()];
  }

  /** What the next ping says; who leaves, and what was asked, is known elsewhere. */
  ping(): Omit<Ping, 'type' | 'leaving' | 'answer'> {
    const { config, durableView, view, log, persisted } = this.#engine;
    const { folder, boot } = config.life;
    const acknowledged = view.number > 0 && durableView === view.number ? view.number : 0;
    return {
      folder,
      boot,
      acknowledged,
      inSync: this.#primacy?.sync === 'in-sync',
      unreachable: this.#primacy?.isBackupUnreachable ?? false,
      durableView,
      lastView: log.termAt(persisted) ?? 0,
      lastIndex: persisted,
    };
  }

  // What happens to a server.

  tick(): void {
    this.#silentTicks++;
    if (this.#engine.leads) this.#primacy?.tick();
  }

  /** The view service says how things stand. Views that are older than the one known, or unknown ones, change nothing. */
  onView(view: View): void {
    const engine = this.#engine;
    if (view.number < engine.viewNumber || view.number <= engine.view.number) return;
    const former = engine.place === 'primary' ? this.#primacy : null;
    engine.view = view;
    engine.viewNumber = view.number;
    // The view service has it from the primary.
    this.#silentTicks = 0;
    this.#primacy = null;
    engine.peers.clear();
    engine.transfersWanted = [];
    if (engine.place !== 'primary') return;
    this.#primacy = new Primacy(engine);
    if (former !== null) this.#primacy.takeOver(former);
  }

  step(message: ServerInput): void {
    const engine = this.#engine;
    if (message.type === 'InstallSnapshot') {
      if (
        message.term === engine.view.number &&
        message.from === engine.leaderId &&
        engine.place !== 'primary'
      )
        handleInstall(engine, message);
      return;
    }
    if (message.view < engine.viewNumber) return this.#depose(message);
    if (message.type === 'Deposed') {
      engine.heardView = Math.max(engine.heardView, message.view);
      return;
    }
    // Of a later view it must hear from the view service first who is in it.
    if (message.view !== engine.view.number) return;
    switch (message.type) {
      case 'Prepare':
        if (this.#obeys(message)) handlePrepare(engine, message);
        break;
      case 'Commit':
        if (this.#obeys(message)) handleCommit(engine, message);
        break;
      case 'PrepareOk':
        if (engine.leads) this.#primacy?.onPrepareOk(message);
        break;
      case 'CommitOk':
        if (engine.leads) this.#primacy?.onCommitOk(message);
        break;
      case 'AskRead':
        break; // The server's loop asks `readIndex`: it knows what the read must include.
      case 'ReadConfirmed':
        engine.readStates.push({ context: message.context, index: message.index, stampMs: message.stampMs });
        break;
    }
  }

  /** Orders an operation; null, or why it was surely not taken. */
  propose(data: Uint8Array, stampMs: number): number | 'not-leader' | 'overloaded' {
    if (!this.#engine.leads || this.#primacy === null) return 'not-leader';
    return this.#primacy.propose(data, stampMs);
  }

  /**
   * Asks for the operation number that a read must include, of the primary where that is another server. False when
   * there is nobody to ask.
   */
  readIndex(context: number, asker: { from: MemberId; minIndex: number; stampMs: number }): boolean {
    const { id, leaderId, leads, view, messages } = this.#engine;
    if (leads && this.#primacy !== null) {
      this.#primacy.read(context, asker);
      return true;
    }
    if (leaderId === NO_MEMBER || asker.from !== id) return false;
    messages.push({ type: 'AskRead', from: id, to: leaderId, view: view.number, context });
    return true;
  }

  /** A transfer of the state at that index is on its way to the server. */
  snapshotStarted(to: MemberId, index: number): void {
    const peer = this.#engine.peers.get(to);
    if (peer?.state === 'snapshot') peer.snapshotIndex = index;
  }

  /** It will not arrive: the server is tried again when it is heard next. */
  snapshotFailed(to: MemberId): void {
    const peer = this.#engine.peers.get(to);
    if (peer?.state !== 'snapshot') return;
    peer.becomeProbe();
    peer.probeSent = true;
  }

  /** No process listens where the primary was. */
  forgetPrimary(): void {
    this.#silentTicks = Infinity;
  }

  reportUnreachable(to: MemberId): void {
    const peer = this.#engine.peers.get(to);
    if (peer?.state === 'replicate') peer.becomeProbe();
  }

  /** Tells a server at once how far operations are committed. */
  sendCommit(to: MemberId): void {
    if (this.#engine.leads) this.#primacy?.sendCommitTo(to);
  }

  // What a server wants done.

  hasReady(): boolean {
    const engine = this.#engine;
    return (
      engine.messages.length > 0 ||
      engine.messagesAfterPersist.length > 0 ||
      engine.unstable <= engine.log.lastIndex ||
      engine.pendingSnapshot !== null ||
      engine.readStates.length > 0 ||
      engine.transfersWanted.length > 0 ||
      this.#handedOut < engine.committed ||
      this.#hardStateChanged() ||
      (engine.leads && engine.preparesDue && this.#primacy?.hasPrepares === true)
    );
  }

  ready(): Ready {
    const engine = this.#engine;
    if (engine.leads && engine.preparesDue) this.#primacy?.sendPrepares();
    const viewChanged = engine.viewNumber !== this.#hardState.term;
    const hardState = this.#hardStateChanged() ? this.#currentHardState() : null;
    const { pendingSnapshot: snapshot, unstable, log } = engine;
    const entries = unstable <= log.lastIndex ? log.slice(unstable, log.lastIndex + 1) : [];
    if (snapshot !== null) this.#handedOut = snapshot.index;
    this.#overtake(snapshot === null ? unstable : 1);
    const ready: Ready = {
      seq: ++this.#seq,
      hardState,
      snapshot,
      entries,
      mustSync: viewChanged || entries.length > 0 || snapshot !== null,
      messages: engine.messages,
      messagesAfterPersist: engine.messagesAfterPersist,
      committedEntries: this.#takeCommitted(),
      readStates: engine.readStates,
      transfersWanted: engine.transfersWanted,
    };
    this.#unpersisted.push({
      seq: ready.seq,
      lastIndex: entries.at(-1)?.index ?? snapshot?.index ?? 0,
      lastView: entries.at(-1)?.term ?? snapshot?.term ?? 0,
      view: engine.viewNumber,
    });
    engine.messages = [];
    engine.messagesAfterPersist = [];
    engine.readStates = [];
    engine.transfersWanted = [];
    engine.pendingSnapshot = null;
    engine.unstable = log.lastIndex + 1;
    if (hardState !== null) this.#hardState = hardState;
    return ready;
  }

  /** Everything of this Ready and those before it is durable. */
  persisted(seq: number): void {
    const engine = this.#engine;
    for (
      let next = this.#unpersisted.peek();
      next !== undefined && next.seq <= seq;
      next = this.#unpersisted.peek()
    ) {
      this.#unpersisted.shift();
      engine.durableView = next.view;
      // Operations that were replaced meanwhile are durable in vain.
      if (next.lastIndex > engine.persisted && engine.log.termAt(next.lastIndex) === next.lastView) {
        engine.persisted = next.lastIndex;
      }
    }
    if (engine.leads) this.#primacy?.maybeCommit();
  }

  /** The state machine has executed everything up to `index`. */
  applied(index: number): void {
    const engine = this.#engine;
    if (index > engine.committed) assert(false, `operation ${index} is committed`);
    engine.applied = Math.max(engine.applied, index);
  }

  /** Forgets the log up to `index`: the state on disk holds it. */
  compact(index: number): void {
    const engine = this.#engine;
    assert(index <= engine.applied, 'what is not applied is not forgotten');
    if (index >= engine.log.firstIndex) engine.log.compact(index);
  }

  /** Whether the message is from the primary of the view, which is heard then, and is to be obeyed. */
  #obeys({ from }: ServerMessage): boolean {
    if (this.#engine.place === 'primary' || this.#engine.view.primary?.server !== from) return false;
    this.#silentTicks = 0;
    return true;
  }

  /** Whoever acts in an older view is told that there is a later one. */
  #depose({ from, type }: ServerMessage): void {
    const { id, viewNumber, messages } = this.#engine;
    if (type === 'Prepare' || type === 'Commit')
      messages.push({ type: 'Deposed', from: id, to: from, view: viewNumber });
  }

  /**
   * Operations from `index` on are to be written, or all of them with a staged state, so what pending writes put
   * there does not last, be it even the same: a write in between may hold others.
   */
  #overtake(index: number): void {
    const isReplaced = index <= this.#writtenIndex;
    this.#writtenIndex = this.#engine.log.lastIndex;
    for (let left = isReplaced ? this.#unpersisted.length : 0; left > 0; left--) {
      const write = this.#unpersisted.shift();
      assert(write !== undefined, 'as many writes are pending as were counted');
      const lasts = write.lastIndex < index;
      const lastView = lasts ? write.lastView : (this.#engine.log.termAt(index - 1) ?? 0);
      this.#unpersisted.push(lasts ? write : { ...write, lastIndex: index - 1, lastView });
    }
  }

  #takeCommitted(): readonly Operation[] {
    const { log, committed, config } = this.#engine;
    if (this.#handedOut >= committed) return [];
    const entries = log.sliceWithin(
      this.#handedOut + 1,
      committed - this.#handedOut,
      config.committedBytesMax,
    );
    this.#handedOut += entries.length;
    return entries;
  }

  #hardStateChanged(): boolean {
    const { viewNumber, committed } = this.#engine;
    return this.#hardState.term !== viewNumber || this.#hardState.commitIndex !== committed;
  }

  #currentHardState(): HardState {
    const { viewNumber, committed } = this.#engine;
    return { term: viewNumber, votedFor: NO_MEMBER, commitIndex: committed };
  }
}
