import { assert } from '../base/assert.ts';
import type { Prng } from '../base/prng.ts';
import type { InitialState, RaftConfig } from './config.ts';
import type { DurableState } from './invariants.ts';
import { RawNode } from './raw-node.ts';
import type { Ready } from './ready.ts';
import type { ConfState, Entry, HardState, MemberId, Message, ReadState, SnapshotMeta } from './types.ts';

/** Everything of a core's configuration that tests may turn; the bounds are small, so that tests reach them. */
export type Tuning = Omit<RaftConfig, 'id' | 'initial' | 'prng'>;

export const testTuning: Tuning = {
  electionTicks: 10,
  heartbeatTicks: 2,
  appendEntriesMax: 16,
  appendBytesMax: 4096,
  inflightMessagesMax: 8,
  inflightBytesMax: 65_536,
  uncommittedBytesMax: 65_536,
  committedBytesMax: 65_536,
};

/** What a server's state machine stands at: here a hash over all that was applied. */
export interface AppliedState {
  readonly index: number;
  readonly term: number;
  readonly stampMs: number;
  readonly hash: number;
}

/** What survives a crash: hard state, log, and the state as it was stored last. */
export interface Disk {
  hardState: HardState;
  baseIndex: number;
  baseTerm: number;
  entries: Entry[];
  applied: AppliedState;
  confState: ConfState;
}

/** What a node stands in: where its messages go, and who checks it. */
export interface World {
  observe(node: RawNode): void;
  restarted(node: RawNode): void;
  sent(message: Message, disk: DurableState): void;
  applied(member: MemberId, entry: Entry, state: AppliedState): void;
  installed(member: MemberId, snapshot: SnapshotMeta): void;
  /** The state that a snapshot carries. */
  stateOf(snapshot: SnapshotMeta): AppliedState;
  readConfirmed(member: MemberId, read: ReadState): void;
}

const hashEntry = (hash: number, entry: Entry): number => {
  let next = Math.imul(hash ^ entry.index, 0x01000193) ^ entry.term;
  for (const byte of entry.data) next = Math.imul(next ^ byte, 0x01000193);
  return next >>> 0;
};

/**
 * A RawNode with a modelled disk and state machine. A Ready's writes wait in a queue and reach the disk in
 * order, when `completeWrites` is called, or at once with `autoDisk`; likewise `applyEntries` and `autoApply`.
 */
export class TestNode {
  readonly id: MemberId;
  readonly disk: Disk;
  readonly #world: World;
  readonly #config: Omit<RaftConfig, 'initial'>;
  #raw: RawNode | null = null;
  #writes: Ready[] = [];
  #toApply: Entry[] = [];
  #state: AppliedState;
  autoDisk = true;
  autoApply = true;
  /** Everything applied since this object was made, for tests to look at. */
  readonly appliedEntries: Entry[] = [];
  readonly reads: ReadState[] = [];
  snapshotsWanted: MemberId[] = [];
  /** Sees every Ready as it is taken. */
  onReady: ((ready: Ready) => void) | null = null;

  constructor(id: MemberId, disk: Disk, prng: Prng, tuning: Tuning, world: World) {
    this.id = id;
    this.disk = disk;
    this.#world = world;
    this.#config = { id, prng, ...tuning };
    this.#state = disk.applied;
    this.start();
  }

  get isUp(): boolean {
    return this.#raw !== null;
  }

  get raw(): RawNode {
    assert(this.#raw !== null, `member ${this.id} is down`);
    return this.#raw;
  }

  get state(): AppliedState {
    return this.#state;
  }

  get pendingWrites(): number {
    return this.#writes.length;
  }

  get pendingEntries(): number {
    return this.#toApply.length;
  }

  start(): void {
    assert(this.#raw === null, `member ${this.id} runs already`);
    const { hardState, baseIndex, baseTerm, entries, applied, confState } = this.disk;
    const initial: InitialState = {
      hardState,
      baseIndex,
      baseTerm,
      entries: [...entries],
      appliedIndex: applied.index,
      appliedStampMs: applied.stampMs,
      confState,
    };
    this.#state = applied;
    this.#raw = new RawNode({ ...this.#config, initial });
    this.#world.restarted(this.#raw);
    this.pump();
  }

  /** Stops at once. The first `writesSurviving` of the pending writes have reached the disk unnoticed. */
  crash(writesSurviving = 0): void {
    for (const ready of this.#writes.slice(0, writesSurviving)) this.#write(ready);
    this.#raw = null;
    this.#writes = [];
    this.#toApply = [];
    this.snapshotsWanted = [];
  }

  /** Calls the core and takes what it wants done. */
  call<T>(action: (raw: RawNode) => T): T {
    const result = action(this.raw);
    this.#world.observe(this.raw);
    this.pump();
    return result;
  }

  /** Takes every Ready, and does at once what is not left to the test. */
  pump(): void {
    while (this.raw.hasReady()) {
      const ready = this.raw.ready();
      this.#world.observe(this.raw);
      this.onReady?.(ready);
      this.#take(ready);
      if (this.autoDisk) this.#completeWrites(this.#writes.length);
      if (this.autoApply) this.#applyEntries(this.#toApply.length);
      this.#checkPersisted();
    }
  }

  #take(ready: Ready): void {
    for (const message of ready.messages) this.#send(message);
    if (ready.snapshot !== null) {
      this.#toApply = [];
      this.#world.installed(this.id, ready.snapshot);
      this.#state = this.#world.stateOf(ready.snapshot);
    }
    this.#toApply.push(...ready.committedEntries);
    for (const read of ready.readStates) {
      this.reads.push(read);
      this.#world.readConfirmed(this.id, read);
    }
    this.snapshotsWanted.push(...ready.snapshotsWanted);
    this.#writes.push(ready);
  }

  #send(message: Message): void {
    const { hardState, baseIndex, entries } = this.disk;
    const { term, votedFor } = hardState;
    this.#world.sent(message, { term, votedFor, lastIndex: baseIndex + entries.length });
  }

  /** The first `count` pending writes become durable in one sync; their messages leave. */
  completeWrites(count = this.#writes.length): void {
    this.#completeWrites(count);
    this.pump();
  }

  #completeWrites(count: number): void {
    const done = this.#writes.splice(0, count);
    const last = done.at(-1);
    if (last === undefined) return;
    for (const ready of done) this.#write(ready);
    this.raw.persisted(last.seq);
    this.#world.observe(this.raw);
    this.#checkPersisted();
    for (const ready of done) ready.messagesAfterAppend.forEach((message) => this.#send(message));
  }

  /** What the core calls persisted is on disk, and no pending write takes it away again. */
  #checkPersisted(): void {
    const { disk, raw } = this;
    const index = raw.persistedIndex;
    const onDisk = index > disk.baseIndex ? disk.entries[index - disk.baseIndex - 1]?.term : disk.baseTerm;
    const isThere = index === 0 || index < disk.baseIndex || onDisk === raw.termAt(index);
    const stays = this.#writes.every(
      ({ snapshot, entries }) =>
        (snapshot === null || index === 0) && (entries[0]?.index ?? Infinity) > index,
    );
    if (!isThere || !stays)
      assert(false, `member ${this.id} calls ${index} persisted, which the disk does not hold`);
  }

  #write(ready: Ready): void {
    const { disk } = this;
    if (ready.snapshot !== null) {
      const { index, term, confState } = ready.snapshot;
      disk.baseIndex = index;
      disk.baseTerm = term;
      disk.entries = [];
      disk.confState = confState;
      disk.applied = this.#world.stateOf(ready.snapshot);
    }
    const first = ready.entries[0];
    if (first !== undefined) {
      const at = first.index - disk.baseIndex - 1;
      assert(at >= 0 && at <= disk.entries.length, `member ${this.id} writes ${first.index} past its log`);
      disk.entries.length = at;
      disk.entries.push(...ready.entries);
    }
    if (ready.hardState !== null) disk.hardState = ready.hardState;
    const last = disk.baseIndex + disk.entries.length;
    assert(disk.hardState.commitIndex <= last, `member ${this.id} writes a commit index past its log`);
  }

  /** Applies the next `count` committed entries and tells the core. */
  applyEntries(count = this.#toApply.length): void {
    this.#applyEntries(count);
    this.pump();
  }

  #applyEntries(count: number): void {
    const entries = this.#toApply.splice(0, count);
    for (const entry of entries) {
      const { index, term, stampMs } = entry;
      this.#state = { index, term, stampMs, hash: hashEntry(this.#state.hash, entry) };
      this.appliedEntries.push(entry);
      this.#world.applied(this.id, entry, this.#state);
    }
    if (entries.length === 0) return;
    this.raw.applied(this.#state.index);
    this.#world.observe(this.raw);
  }

  /** Stores the applied state, as far as the log behind it is durable. */
  flush(): void {
    const { disk, raw } = this;
    const durable = Math.min(raw.persistedIndex, disk.baseIndex + disk.entries.length);
    if (this.#state.index > durable || this.#state.index <= disk.applied.index) return;
    disk.applied = this.#state;
    disk.confState = raw.confStateAt(this.#state.index);
  }

  /** Cuts the log, on disk and in memory, up to what the stored state covers or less. */
  compact(index: number): void {
    const { disk } = this;
    const to = Math.min(index, disk.applied.index);
    // A snapshot that is not on disk yet may have replaced the log in memory.
    if (to <= disk.baseIndex || to < this.raw.firstIndex) return;
    const last = disk.entries[to - disk.baseIndex - 1];
    assert(last !== undefined, `member ${this.id} compacts to ${to} past its disk`);
    disk.entries.splice(0, to - disk.baseIndex);
    disk.baseIndex = to;
    disk.baseTerm = last.term;
    this.call((raw) => raw.compact(to));
  }

  /** A snapshot of the applied state. */
  snapshot(): SnapshotMeta {
    const { index, term, stampMs } = this.#state;
    return { index, term, stampMs, confState: this.raw.confStateAt(index) };
  }

  /** Data of the applied entries as text, without no-ops and configurations. */
  get appliedTexts(): string[] {
    return this.appliedEntries.filter(isCommand).map(textOf);
  }

  /** Data of the whole log in memory as text, without no-ops and configurations. */
  get logTexts(): string[] {
    return this.raw
      .entries(this.raw.firstIndex, this.raw.lastIndex + 1)
      .filter(isCommand)
      .map(textOf);
  }
}

const isCommand = (entry: Entry): boolean => entry.type === 'normal' && entry.data.length > 0;
export const textOf = (entry: Entry): string => Buffer.from(entry.data).toString();
