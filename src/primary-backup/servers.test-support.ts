import assert from 'node:assert/strict';
import type { Entry, HardState, MemberId, SnapshotMeta } from '../raft/types.ts';
import { NO_CONF } from './engine.ts';
import { PrimaryBackup, type Ready } from './primary-backup.ts';
import type { Life, ServerMessage, View } from './types.ts';

const FOLDER = '0123456789abcdef';
const UNREACHABLE_TICKS = 10;

/** What survives a crash. */
interface Disk {
  view: number;
  committed: number;
  base: { index: number; view: number; stampMs: number };
  entries: Entry[];
  applied: string[];
  appliedIndex: number;
}

/** One core and its disk; the disk can be made to wait. */
export class TestServer {
  readonly id: MemberId;
  readonly disk: Disk = {
    view: 0,
    committed: 0,
    base: { index: 0, view: 0, stampMs: 0 },
    entries: [],
    applied: [],
    appliedIndex: 0,
  };
  core: PrimaryBackup;
  boot = 0;
  /** Readys that are being written, as long as the disk is slow. */
  readonly writing: Ready[] = [];
  diskIsSlow = false;
  isUp = true;
  /** A whole state that arrived and is not taken over yet. */
  staged: { readonly applied: readonly string[] } | null = null;
  /** Contexts of reads that were confirmed, with the operation number that each must include. */
  readonly reads = new Map<number, number>();
  readonly #servers: readonly MemberId[];

  constructor(id: MemberId, servers: readonly MemberId[]) {
    this.id = id;
    this.#servers = servers;
    this.core = this.#open();
  }

  get life(): Life {
    return { server: this.id, folder: FOLDER, boot: this.boot };
  }

  /** Data of the operations that it has applied. */
  get applied(): string {
    return this.disk.applied.join(' ');
  }

  /** A crash and a restart: what was being written is lost. */
  restart(): void {
    this.writing.length = 0;
    this.core = this.#open();
    this.isUp = true;
  }

  #open(): PrimaryBackup {
    this.boot++;
    const { view, committed, base, entries, appliedIndex } = this.disk;
    return new PrimaryBackup({
      life: this.life,
      servers: this.#servers,
      initial: {
        view,
        committed: Math.min(committed, entries.at(-1)?.index ?? base.index),
        baseIndex: base.index,
        baseView: base.view,
        entries,
        appliedIndex,
        appliedStampMs: base.stampMs,
      },
      commitTicks: 1,
      unreachableTicks: UNREACHABLE_TICKS,
      prepareEntriesMax: 4,
      prepareBytesMax: 1_000,
      inflightMessagesMax: 4,
      inflightBytesMax: 4_000,
      uncommittedBytesMax: 100,
      committedBytesMax: 1_000,
    });
  }

  /** Forgets the log up to what was applied. */
  compact(): void {
    const { disk, core } = this;
    const view = core.termAt(disk.appliedIndex) ?? 0;
    core.compact(disk.appliedIndex);
    disk.base = { index: disk.appliedIndex, view, stampMs: core.lastStampMs };
    disk.entries = disk.entries.filter(({ index }) => index > disk.appliedIndex);
  }

  write(ready: Ready): readonly ServerMessage[] {
    if (ready.hardState !== null) this.#keep(ready.hardState);
    for (const entry of ready.entries) {
      this.disk.entries = this.disk.entries.filter(({ index }) => index < entry.index);
      this.disk.entries.push(entry);
    }
    this.core.persisted(ready.seq);
    return ready.messagesAfterPersist;
  }

  apply(entries: readonly Entry[]): void {
    for (const { index, data } of entries) {
      assert.equal(index, this.disk.appliedIndex + 1, 'operations are applied in their order');
      if (data.length > 0) this.disk.applied.push(Buffer.from(data).toString());
      this.disk.appliedIndex = index;
      this.core.applied(index);
    }
  }

  install({ index, term, stampMs }: SnapshotMeta, applied: readonly string[], hardState: HardState): void {
    this.disk.applied = [...applied];
    this.disk.appliedIndex = index;
    this.disk.base = { index, view: term, stampMs };
    this.disk.entries = [];
    this.#keep(hardState);
    this.core.applied(index);
  }

  #keep({ term, commitIndex }: HardState): void {
    this.disk.view = term;
    this.disk.committed = commitIndex;
  }
}

/** Cores that talk with one another without delay, except where a test holds something up. */
export class TestServers {
  readonly servers: ReadonlyMap<MemberId, TestServer>;
  view: View = { number: 0, primary: null, backup: null };
  /** Messages that are not delivered. */
  drops: (message: ServerMessage) => boolean = () => false;
  /** Everything that was sent, dropped or not. */
  readonly sent: ServerMessage[] = [];
  /** State transfers that were asked for and not made yet. */
  readonly transfers: { from: TestServer; to: MemberId }[] = [];
  #inbox: ServerMessage[] = [];

  constructor(...ids: readonly MemberId[]) {
    this.servers = new Map(ids.map((id) => [id, new TestServer(id, ids)]));
  }

  at(id: MemberId): TestServer {
    const server = this.servers.get(id);
    assert.ok(server !== undefined);
    return server;
  }

  /** The next view; those in `unaware` are not told. */
  makeView(primary: MemberId, backup: MemberId | null, unaware: readonly MemberId[] = []): void {
    this.view = {
      number: this.view.number + 1,
      primary: this.at(primary).life,
      backup: backup === null ? null : this.at(backup).life,
    };
    for (const { id } of this.servers.values()) if (!unaware.includes(id)) this.tell(id);
    this.settle();
  }

  tell(id: MemberId): void {
    this.at(id).core.onView(this.view);
  }

  propose(id: MemberId, text: string): number | string {
    const result = this.at(id).core.propose(Buffer.from(text), 0);
    this.settle();
    return result;
  }

  read(id: MemberId, context: number): boolean {
    const { core } = this.at(id);
    const asked = core.readIndex(context, { from: id, minIndex: 0, stampMs: 0 });
    this.settle();
    return asked;
  }

  tick(count = 1): void {
    for (let i = 0; i < count; i++) {
      for (const { core, isUp } of this.servers.values()) if (isUp) core.tick();
      this.settle();
    }
  }

  /** Until nobody has anything to do or say. */
  settle(): void {
    for (let isBusy = true; isBusy;) {
      isBusy = false;
      for (const server of this.servers.values()) {
        while (server.isUp && server.core.hasReady()) {
          this.#process(server, server.core.ready());
          isBusy = true;
        }
      }
      const inbox = this.#inbox;
      this.#inbox = [];
      for (const message of inbox) this.deliver(message);
      isBusy ||= inbox.length > 0;
    }
  }

  /** What waits for the disk becomes durable. */
  sync(id: MemberId): void {
    const server = this.at(id);
    for (const ready of server.writing.splice(0)) this.#send(server.write(ready));
    this.settle();
  }

  deliver(message: ServerMessage): void {
    const to = this.at(message.to);
    if (!to.isUp) return;
    if (message.type === 'AskRead') {
      const { from, context } = message;
      to.core.readIndex(context, { from, minIndex: 0, stampMs: 0 });
    } else to.core.step(message);
  }

  /** Makes the transfers that wait, or loses them. */
  transfer(arrives: boolean): void {
    for (const { from, to } of this.transfers.splice(0)) {
      const index = from.disk.appliedIndex;
      const term = from.core.termAt(index) ?? 0;
      from.core.snapshotStarted(to, index);
      if (!arrives) {
        from.core.snapshotFailed(to);
        continue;
      }
      const receiver = this.at(to);
      receiver.staged = { applied: [...from.disk.applied] };
      receiver.core.step({
        type: 'InstallSnapshot',
        from: from.id,
        to,
        term: from.core.term,
        snapshot: { index, term, stampMs: from.core.lastStampMs, confState: NO_CONF },
      });
    }
    this.settle();
  }

  #process(server: TestServer, ready: Ready): void {
    this.#send(ready.messages);
    if (ready.snapshot !== null) {
      assert.ok(ready.hardState !== null && server.staged !== null);
      server.install(ready.snapshot, server.staged.applied, ready.hardState);
      server.staged = null;
    }
    if (server.diskIsSlow) server.writing.push(ready);
    else this.#send(server.write(ready));
    server.apply(ready.committedEntries);
    for (const { context, index } of ready.readStates) server.reads.set(context, index);
    for (const to of ready.transfersWanted) this.transfers.push({ from: server, to });
  }

  #send(messages: readonly ServerMessage[]): void {
    for (const message of messages) {
      this.sent.push(message);
      if (!this.drops(message)) this.#inbox.push(message);
    }
  }
}
