import { assert } from '../base/assert.ts';
import type { StateMachine } from '../replica/state-machine.ts';
import type { StateStorage } from '../store/store.ts';
import { runBatch } from './batch.ts';
import type { ChangeEvent } from './change-log.ts';
import { ChangeLog } from './change-log.ts';
import type { BatchCommand, Command } from './commands.ts';
import { decodeCommand, encodeCommand } from './commands.ts';
import { KeySpace } from './key-space.ts';
import type { Lease } from './leases.ts';
import { Leases } from './leases.ts';
import type { StateHeader } from './state-header.ts';
import { hashedCounters, loadHeader, saveHeader } from './state-header.ts';
import type { KvOptions } from './options.ts';
import { defaultKvOptions } from './options.ts';
import type { KeyPin } from './pinned-keys.ts';
import type { RangePage, RangeQuery } from './range.ts';
import { lastingRecord, passingRecords } from './record-room.ts';
import type { RecordView } from './records.ts';
import { decodeRecord } from './records.ts';
import type { Reply } from './replies.ts';
import type { Admission } from './sessions.ts';
import { Sessions } from './sessions.ts';
import { StateHash } from './state-hash.ts';

/**
 * The replicated key-value state. Its only inputs are commands and the stamps of their entries, which never fall.
 * Records stand in the storage; sessions, the change log and counters are kept in memory between `load` and `save`.
 */
export class KvStateMachine implements StateMachine<Reply> {
  readonly #storage: StateStorage;
  readonly #options: KvOptions;
  readonly #hash = new StateHash();
  readonly #changes: ChangeLog;
  readonly #leases: Leases;
  readonly #keys: KeySpace;
  readonly #sessions: Sessions;
  readonly #passingRecord = passingRecords();
  /** Of the last entry since `load`. */
  #stampMs = 0;
  /**
   * The last expire command had more to drop than it may at once: what was due at its stamp counts as gone, and goes
   * with the next ones. Not saved: before anybody reads, a leader that finds something due appends the command anew.
   */
  #goneThroughMs = 0;

  /** Called when `version` has changed, within the call that changed it: `apply` or `load`. */
  onChange: () => void = () => undefined;

  /** The state is empty until `load`. */
  constructor(storage: StateStorage, options: Partial<KvOptions> = {}) {
    this.#storage = storage;
    this.#options = { ...defaultKvOptions, ...options };
    this.#changes = new ChangeLog(storage, this.#options.changeLogBytesMax);
    this.#leases = new Leases(storage, this.#hash, this.#options);
    this.#keys = new KeySpace(storage, this.#hash, this.#changes, this.#leases);
    this.#sessions = new Sessions(storage, this.#hash, this.#options);
  }

  apply(bytes: Uint8Array, stampMs: number): Reply {
    assert(stampMs >= this.#stampMs, 'stamps never fall along the log');
    this.#stampMs = stampMs;
    const { version } = this;
    this.#keys.flushDue(stampMs);
    const command = decodeCommand(bytes);
    const reply: Reply = command === null ? { status: 'malformed' } : this.#execute(command, stampMs);
    if (this.version !== version) this.onChange();
    return reply;
  }

  /** The key as of the last applied entry: see `ExpiryIndex` for why reads do not go by log time. */
  get(key: string): RecordView | undefined {
    const record = this.#keys.read(key);
    return record === undefined || this.#keys.isDue(record, this.#goneThroughMs)
      ? undefined
      : decodeRecord(record);
  }

  /** A page of the keys as of the last applied entry. */
  range(query: RangeQuery): RangePage {
    return this.#keys.range(query, this.#goneThroughMs);
  }

  /** Pins the keys as of the last applied entry, for reads over many turns; see `PinnedKeys`. */
  pin(): KeyPin {
    return this.#keys.pin(this.#goneThroughMs);
  }

  /** Pins that are held, and bytes that they hold. */
  get pinned(): { readonly count: number; readonly bytes: number } {
    return this.#keys.pinned;
  }

  /** A lease as of the last applied entry. One that was revoked is none. */
  lease(id: number): Lease | undefined {
    return this.#leases.isAlive(id, this.#goneThroughMs) ? this.#leases.get(id) : undefined;
  }

  get leaseCount(): number {
    return this.#leases.count;
  }

  /** The log time of the last entry that was applied since `load`. */
  get stampMs(): number {
    return this.#stampMs;
  }

  get keyCount(): number {
    return this.#keys.count;
  }

  /** The version of the last change of any key. */
  get version(): number {
    return this.#keys.version;
  }

  get sessionCount(): number {
    return this.#sessions.count;
  }

  /** How long a session lives without use, in log time. */
  get sessionTtlMs(): number {
    return this.#options.sessionTtlMs;
  }

  /**
   * What would become of a batch with these numbers now: to refuse it before it is proposed. The limit on replies
   * holds exactly, the limit on their bytes as far as requests are applied.
   */
  preview(session: number, number: number, lowest: number): Admission['verdict'] {
    return this.#sessions.preview(session, number, lowest);
  }

  /** Changes from version `from` on, at most `limit`; `compacted` if the first of them is no longer kept. */
  changes(from: number, limit: number): ChangeEvent[] | 'compacted' {
    return this.#changes.read(from, limit);
  }

  save(bytesMax = Infinity): boolean {
    if (!this.#changes.save(bytesMax)) return false;
    this.#sessions.save();
    saveHeader(this.#storage, this.#header());
    return true;
  }

  /** Throws `STORE_DAMAGED`. */
  load(): void {
    const header = loadHeader(this.#storage);
    this.#stampMs = 0;
    this.#goneThroughMs = 0;
    this.#hash.restore(header.sums);
    this.#leases.load(header.lastLease);
    this.#keys.load(header);
    this.#sessions.load(header.lastSession);
    this.#changes.load(header.changesCompactedThrough, header.version);
    this.onChange();
  }

  stateHash(): string {
    return this.#hash.digest(hashedCounters(this.#header()));
  }

  nextDeadlineMs(): number | null {
    const keys = this.#keys;
    const deadlines = [
      keys.nextExpiryMs(),
      keys.nextPurgeMs,
      keys.nextFlushMs,
      this.#leases.nextMs(),
      this.#sessions.nextMs(),
    ];
    let next: number | null = null;
    for (const deadline of deadlines) {
      if (deadline !== null && (next === null || deadline < next)) next = deadline;
    }
    return next;
  }

  deadlineCommand(): Uint8Array {
    return encodeCommand({ command: 'expire' });
  }

  #execute(command: Command, stampMs: number): Reply {
    switch (command.command) {
      case 'batch':
        return this.#batch(command, stampMs);
      case 'register': {
        const session = this.#sessions.register(stampMs);
        return session === null ? { status: 'too-many-sessions' } : { status: 'registered', session };
      }
      case 'keep-alive':
        return {
          status: this.#sessions.keepAlive(command.session, stampMs) ? 'kept-alive' : 'session-expired',
        };
      case 'end-session':
        this.#sessions.end(command.session);
        return { status: 'ended' };
      case 'expire':
        return this.#expire(stampMs);
    }
  }

  #expire(stampMs: number): Reply {
    const keys = this.#keys;
    const { expiredKeysMax, purgedRecordsMax, purgedBytesMax } = this.#options;
    const before = keys.count;
    let dropped = keys.expireDue(stampMs, expiredKeysMax);
    dropped += keys.endDueLeases(stampMs, expiredKeysMax - dropped);
    this.#goneThroughMs = dropped >= expiredKeysMax ? stampMs : 0;
    keys.purge(stampMs, purgedRecordsMax, purgedBytesMax);
    return { status: 'expired', keys: before - keys.count, sessions: this.#sessions.expireDue(stampMs) };
  }

  #batch(batch: BatchCommand, stampMs: number): Reply {
    const { session, number, lowest } = batch;
    const admission = this.#sessions.admit(session, number, lowest, stampMs);
    if (admission.verdict === 'repeated') return { status: 'ok', results: admission.results };
    if (admission.verdict !== 'execute') return { status: admission.verdict };
    const { valueBytesMax, sessionReplyBytesMax } = this.#options;
    const results = runBatch(this.#keys, batch, {
      stampMs,
      valueBytesMax,
      replyBytesMax: sessionReplyBytesMax,
      leases: this.#leases,
      // An atomic batch holds all its records until it is known to be possible.
      allocate: batch.atomic ? lastingRecord : this.#passingRecord,
    });
    this.#sessions.record(session, number, results);
    return { status: 'ok', results };
  }

  #header(): StateHeader {
    return {
      ...this.#keys.state,
      lastSession: this.#sessions.lastId,
      lastLease: this.#leases.lastId,
      changesCompactedThrough: this.#changes.compactedThrough,
      sums: this.#hash.sums,
    };
  }
}
