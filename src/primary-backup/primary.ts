/** What the primary of a view does. */
import type { MemberId } from '../raft/types.ts';
import { Progress } from '../raft/tracker/progress.ts';
import type { Engine } from './engine.ts';
import { Reading } from './reading.ts';
import { sameLife, type CommitOk, type Life, type Prepare, type PrepareOk } from './types.ts';

/** Operations that a backup may be behind for the primary to wait for it: it then has them in a moment. */
const BEHIND_MAX = 1_000;

/**
 * How much the backup counts. `alone`: not yet, the primary commits by itself. `closing`: it is nearly there, and
 * nothing more is committed without it, so that it catches up. `in-sync`: it holds everything that was ever
 * committed, and from here to the end of the view nothing is committed and no read confirmed that it did not accept.
 */
export type Sync = 'alone' | 'closing' | 'in-sync';

/** One view in which this server is the primary. */
export class Primacy {
  readonly engine: Engine;
  readonly #reading: Reading;
  /** Whose answers the progress of each server speaks of. */
  readonly #lives = new Map<MemberId, Life>();
  #uncommittedBytes = 0;
  sync: Sync = 'alone';
  #ticks = 0;
  /** When the backup was heard last, in ticks of this view. */
  #heardAt = 0;

  constructor(engine: Engine) {
    this.engine = engine;
    this.#reading = new Reading(engine);
    const { log, config } = engine;
    engine.peers.clear();
    for (const server of config.servers) {
      if (server !== engine.id) engine.peers.set(server, new Progress(server, log.lastIndex + 1, config));
    }
    // Cuts off, wherever it arrives, what earlier views left behind that this server does not know.
    engine.append({
      index: log.lastIndex + 1,
      term: engine.view.number,
      type: 'normal',
      stampMs: log.lastStampMs,
      data: new Uint8Array(0),
    });
    engine.preparesDue = true;
    this.maybeCommit();
    this.#beat();
  }

  /** Whether its backup has not been heard for too long. */
  get isBackupUnreachable(): boolean {
    const { view, config } = this.engine;
    return view.backup !== null && this.#ticks - this.#heardAt > config.unreachableTicks;
  }

  propose(data: Uint8Array, stampMs: number): number | 'overloaded' {
    const { log, config, view } = this.engine;
    const uncommitted = this.#uncommittedBytes;
    if (uncommitted > 0 && uncommitted + data.length > config.uncommittedBytesMax) return 'overloaded';
    this.#uncommittedBytes += data.length;
    const index = log.lastIndex + 1;
    this.engine.append({
      index,
      term: view.number,
      type: 'normal',
      stampMs: Math.max(stampMs, log.lastStampMs),
      data,
    });
    this.engine.preparesDue = true;
    return index;
  }

  tick(): void {
    this.#ticks++;
    const { peers, config } = this.engine;
    if (this.sync === 'closing' && this.isBackupUnreachable) this.sync = 'alone';
    if (this.#ticks % config.commitTicks !== 0) return;
    for (const peer of peers.values()) {
      peer.beat();
      peer.probeSent = false;
      if (peer.stuck) peer.becomeProbe();
      peer.recentActive = peer.recentActive && this.#ticks % (config.commitTicks * 16) !== 0;
    }
    this.engine.preparesDue = true;
    this.#beat();
  }

  /** Commits what is durable here and, if the backup counts, there. */
  maybeCommit(): void {
    const engine = this.engine;
    const { view, log, committed: before } = engine;
    const matched = view.backup === null ? 0 : (engine.peers.get(view.backup.server)?.matchIndex ?? 0);
    engine.commitTo(this.sync === 'alone' ? engine.persisted : Math.min(engine.persisted, matched));
    if (engine.committed > before)
      this.#uncommittedBytes -= log.bytesOfTerm(view.number, before + 1, engine.committed + 1);
  }

  onPrepareOk(message: PrepareOk): void {
    const peer = this.#hear(message);
    if (peer === undefined) return;
    if (message.accepted) this.#accepted(peer, message);
    else this.#refused(peer, message);
  }

  onCommitOk(message: CommitOk): void {
    const peer = this.#hear(message);
    if (peer === undefined) return;
    this.#checkTransfer(peer);
    if (this.#isBackup(message)) this.#reading.confirmed(message.round);
  }

  /** What is known of the server that answers; undefined if the answer is to be passed over. */
  #hear(message: PrepareOk | CommitOk): Progress | undefined {
    const { peers, log, config } = this.engine;
    const { from, folder, boot } = message;
    let peer = peers.get(from);
    if (peer === undefined) return undefined;
    const life: Life = { server: from, folder, boot };
    if (this.#isBackup(message)) {
      this.#heardAt = this.#ticks;
    } else if (this.engine.view.backup?.server === from) {
      // Another life of the backup's server: what it holds does not count in this view, and the next one is near.
      return undefined;
    }
    const known = this.#lives.get(from) ?? life;
    this.#lives.set(from, life);
    if (!sameLife(known, life)) {
      // Perhaps another folder with other data: nothing is known of it, so it is asked about the last operation.
      peer = new Progress(from, log.lastIndex, config);
      peers.set(from, peer);
    }
    peer.recentActive = true;
    return peer;
  }

  /** The answer comes from the life that the view names. */
  #isBackup({ from, folder, boot }: PrepareOk | CommitOk): boolean {
    return sameLife({ server: from, folder, boot }, this.engine.view.backup);
  }

  /** The answer that says that a whole state arrived may have been lost: it is asked for, where that helps. */
  #checkTransfer(peer: Progress): void {
    const { snapshotIndex, member } = peer;
    if (peer.state !== 'snapshot' || snapshotIndex === 0) return;
    const prevView = this.engine.log.termAt(snapshotIndex);
    if (prevView === undefined) return peer.becomeProbe();
    this.engine.messages.push(this.#prepare(member, { prevIndex: snapshotIndex, prevView, entries: [] }));
  }

  #accepted(peer: Progress, message: PrepareOk): void {
    const engine = this.engine;
    const { log } = engine;
    if (message.index > log.lastIndex) return;
    if (!peer.update(message.index)) return;
    const { state, nextIndex, snapshotIndex } = peer;
    const arrived = state === 'snapshot' && nextIndex >= log.firstIndex;
    if (state === 'probe' || arrived) peer.becomeReplicate();
    else if (state === 'snapshot' && snapshotIndex > 0 && message.index >= snapshotIndex) peer.becomeProbe();
    engine.preparesDue = true;
    if (this.#isBackup(message)) this.#progress(peer);
  }

  /** The backup holds more than before. */
  #progress(backup: Progress): void {
    const engine = this.engine;
    if (this.sync === 'alone' && backup.state === 'replicate') {
      if (engine.log.lastIndex - backup.matchIndex <= BEHIND_MAX) this.sync = 'closing';
    }
    // It holds everything that was ever committed, the view's first operation included: so its log is a part of this one.
    const isWhole =
      backup.matchIndex >= engine.committed && engine.log.termAt(backup.matchIndex) === engine.view.number;
    if (this.sync === 'closing' && isWhole) this.sync = 'in-sync';
    this.maybeCommit();
  }

  /** Backs up to where the two logs can agree. */
  #refused(peer: Progress, { index, hintIndex, hintView }: PrepareOk): void {
    if (peer.state === 'snapshot' || index <= peer.matchIndex) return;
    if (peer.state === 'replicate') {
      peer.becomeProbe();
    } else {
      if (index !== peer.nextIndex - 1) return;
      const shared = this.engine.log.lastWithTermAtMost(hintIndex, hintView).index;
      peer.nextIndex = Math.max(peer.matchIndex + 1, Math.min(index, shared + 1));
      peer.probeSent = false;
    }
    this.engine.preparesDue = true;
  }

  // Feeding the others.

  sendPrepares(): void {
    const engine = this.engine;
    engine.preparesDue = false;
    for (const peer of engine.peers.values()) this.#sendPreparesTo(peer);
    const backup = this.sync === 'in-sync' ? engine.view.backup : null;
    if (this.#reading.startRound(backup !== null) && backup !== null) {
      const peer = engine.peers.get(backup.server);
      if (peer !== undefined) this.#sendBeat(peer);
    }
  }

  get hasPrepares(): boolean {
    const { log, peers } = this.engine;
    for (const peer of peers.values()) {
      if (!peer.paused && peer.nextIndex <= log.lastIndex) return true;
    }
    return this.#reading.isRoundDue;
  }

  #sendPreparesTo(peer: Progress): void {
    const engine = this.engine;
    const { prepareEntriesMax, prepareBytesMax } = engine.config;
    while (!peer.paused && peer.nextIndex <= engine.log.lastIndex) {
      const prevIndex = peer.nextIndex - 1;
      const prevView = engine.log.termAt(prevIndex);
      if (prevView === undefined) {
        // The log was cut past it. A server that does not answer would not take the whole state either.
        if (!peer.recentActive) return;
        peer.becomeSnapshot();
        engine.transfersWanted.push(peer.member);
        return;
      }
      const entries = engine.log.sliceWithin(peer.nextIndex, prepareEntriesMax, prepareBytesMax);
      let bytes = 0;
      for (const entry of entries) bytes += entry.data.length;
      peer.toldCommit = Math.min(engine.committed, prevIndex + entries.length);
      peer.sent(prevIndex + entries.length, bytes);
      engine.messages.push(this.#prepare(peer.member, { prevIndex, prevView, entries }));
    }
  }

  /** Tells a server at once how far operations are committed, as far as it is known to hold them. */
  sendCommitTo(server: MemberId): void {
    const peer = this.engine.peers.get(server);
    const { log, committed } = this.engine;
    if (peer?.state !== 'replicate' || Math.min(peer.matchIndex, committed) <= peer.toldCommit) return;
    const prevView = log.termAt(peer.matchIndex);
    if (prevView === undefined) return;
    peer.toldCommit = Math.min(peer.matchIndex, committed);
    const position = { prevIndex: peer.matchIndex, prevView, entries: [] };
    this.engine.messages.push(this.#prepare(server, position));
  }

  #prepare(to: MemberId, position: Pick<Prepare, 'prevIndex' | 'prevView' | 'entries'>): Prepare {
    const { id, view, committed } = this.engine;
    return { type: 'Prepare', from: id, to, view: view.number, ...position, committed };
  }

  /** Every server is told that the primary is there; the backup confirms the newest round of reads by its answer. */
  #beat(): void {
    for (const peer of this.engine.peers.values()) this.#sendBeat(peer);
  }

  #sendBeat({ member, matchIndex }: Progress): void {
    const { id, view, messages, committed } = this.engine;
    messages.push({
      type: 'Commit',
      from: id,
      to: member,
      view: view.number,
      committed: Math.min(committed, matchIndex),
      round: this.#reading.round,
    });
  }

  // Reads.

  read(context: number, asker: { from: MemberId; minIndex: number; stampMs: number }): void {
    this.#reading.add({ context, ...asker, index: Math.max(this.engine.committed, asker.minIndex) });
    this.engine.preparesDue = true;
  }

  /** What this server reads itself and waits for confirmation goes to the next view, if it leads that, too. */
  takeOver(former: Primacy): void {
    for (const read of former.#reading.pending()) this.#reading.add(read);
  }
}
