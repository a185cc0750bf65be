import { assert } from '../base/assert.ts';
import type { Clock, Timer } from '../base/clock.ts';
import type { Prng } from '../base/prng.ts';
import type { HardState } from '../raft/types.ts';
import {
  BASE_RECORD_BYTES,
  RecordEncoder,
  SEGMENT_HEADER_BYTES,
  comparePlaces,
  recordBytes,
  type LogRecord,
  type Place,
} from './format.ts';
import type { HardStateSlots } from './hard-state-slots.ts';
import type { LogState } from './log-state.ts';
import { SegmentReserver } from './segment-reserver.ts';
import { dropEntriesFrom, type OpenSegment, type Segment } from './segment.ts';
import type { Done, Vfs } from './vfs.ts';
import type { Wal, WalBatch, WalEvents } from './wal-types.ts';
import { WriteQueue, type PendingWrite } from './write-queue.ts';

/**
 * The end of every segment takes only records that let older segments go: on a full disk they are what makes
 * room for the next segment.
 */
const CUT_ROOM_BYTES = 4 * BASE_RECORD_BYTES;
/** A segment must hold its opening, an entry and that room. */
export const SEGMENT_OVERHEAD_BYTES = SEGMENT_HEADER_BYTES + BASE_RECORD_BYTES + CUT_ROOM_BYTES;

/** How long the log rests before how far it is durable is put on record. */
const MARK_DELAY_MS = 50;

export interface DiskWalParts {
  readonly vfs: Vfs;
  readonly folder: string;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly events: WalEvents;
  readonly slots: HardStateSlots;
  readonly segmentBytes: number;
  /** Those with records, oldest first; the last one is `current`. */
  readonly segments: Segment[];
  readonly current: OpenSegment | null;
  /** The one that waits to be used, when an earlier process has made it. */
  readonly reserved: OpenSegment | null;
  readonly state: LogState;
  /** The end of the log, all of which is durable. */
  readonly durable: Place;
}

/** What one write to one segment carries. */
interface Cycle {
  readonly segment: OpenSegment;
  readonly buffers: readonly Uint8Array[];
  readonly bytes: number;
  readonly mustSync: boolean;
  /** The calls that are complete with it. */
  readonly finished: readonly PendingWrite[];
}

/**
 * The log of a running server. One write and one sync are under way at most; what is called meanwhile waits and
 * goes out as one write with one sync (group commit). A segment is synced to its end before the next one gets its
 * first record, so a torn tail can only stand in the last segment that has records.
 */
export class DiskWal implements Wal {
  readonly #vfs: Vfs;
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #events: WalEvents;
  readonly #slots: HardStateSlots;
  readonly #reserver: SegmentReserver;
  readonly segmentBytes: number;
  readonly #segments: Segment[];
  #current: OpenSegment | null;
  /** Segments that nobody needs, to be removed one after the other. */
  readonly #obsolete: Segment[] = [];
  #removing = false;
  /** After the last record that was encoded. */
  readonly #state: LogState;
  readonly #queue = new WriteQueue();
  /** The last index after everything that is queued. */
  #queuedIndex: number;
  /** The compaction that was asked for last and is not on record yet. */
  #cut: { readonly index: number; readonly term: number } | null = null;
  #durable: Place;
  #synced: { readonly hardState: HardState; readonly lastIndex: number };
  #durableIndex: number;
  /** Whether something was written since the last sync. */
  #unsynced = false;
  #busySinceMs: number | null = null;
  #markTimer: Timer | null = null;
  #failed: Error | null = null;
  #closing: Done | null = null;
  #closed = false;

  constructor(parts: DiskWalParts) {
    this.#vfs = parts.vfs;
    this.#folder = parts.folder;
    this.#clock = parts.clock;
    this.#events = parts.events;
    this.#slots = parts.slots;
    this.segmentBytes = parts.segmentBytes;
    this.#segments = parts.segments;
    this.#current = parts.current;
    this.#state = parts.state;
    this.#queuedIndex = parts.state.lastIndex;
    this.#durable = parts.durable;
    this.#synced = { hardState: parts.state.hardState, lastIndex: parts.state.lastIndex };
    this.#durableIndex = parts.state.lastIndex;
    this.#reserver = new SegmentReserver(parts.vfs, parts.folder, parts, {
      onSettled: () => {
        this.#pump();
        this.#closeIfDone();
      },
      onSpace: (available, error) => this.#events.onSpace(available, error),
      onFatal: (error) => this.#fail(error),
    });
    if (parts.reserved === null) this.#reserver.reserve((parts.current?.sequence ?? 0) + 1);
    else this.#reserver.adopt(parts.reserved);
  }

  get durableIndex(): number {
    return this.#durableIndex;
  }

  get synced(): { readonly hardState: HardState; readonly lastIndex: number } {
    return this.#synced;
  }

  get bytesOnDisk(): number {
    const reserved = this.#reserver.ready?.size ?? 0;
    return [...this.#obsolete, ...this.#segments].reduce(
      (sum, { size }) => sum + size,
      reserved + this.#slots.bytes,
    );
  }

  get stalledMs(): number {
    const since = Math.min(this.#busySinceMs ?? Infinity, this.#slots.busySinceMs ?? Infinity);
    return since === Infinity ? 0 : this.#clock.monotonicMs() - since;
  }

  append({ hardState, entries, mustSync }: WalBatch, done: () => void): void {
    const records: LogRecord[] = [];
    // First, so that no entry is ever found without the term that it was accepted in.
    if (hardState !== null) records.push({ type: 'hard-state', hardState });
    for (const entry of entries) {
      const record: LogRecord = { type: 'entry', entry };
      assert(
        recordBytes(record) + SEGMENT_OVERHEAD_BYTES <= this.segmentBytes,
        `entry ${entry.index} of ${entry.data.length} bytes fits into a segment`,
      );
      records.push(record);
    }
    const first = entries[0]?.index ?? Infinity;
    assert(
      first === Infinity || first <= this.#queuedIndex + 1,
      `entry ${first} follows ${this.#queuedIndex}`,
    );
    this.#queuedIndex = entries.at(-1)?.index ?? this.#queuedIndex;
    this.#enqueue({ records, mustSync, keepsIndex: first - 1, done });
  }

  reset(index: number, term: number, hardState: HardState, done: () => void): void {
    this.#queuedIndex = index;
    this.#enqueue({
      records: [{ type: 'reset', index, term, hardState }],
      mustSync: true,
      keepsIndex: index,
      done,
    });
  }

  compact(index: number, term: number): void {
    if (this.#failed !== null || this.#closing !== null) return;
    if (index <= Math.max(this.#state.baseIndex, this.#cut?.index ?? 0)) return;
    this.#cut = { index, term };
    this.#pump();
  }

  close(done: Done): void {
    assert(this.#closing === null, 'the log is closed once');
    this.#closing = done;
    this.#markTimer?.cancel();
    this.#closeIfDone();
  }

  #enqueue(pending: PendingWrite): void {
    assert(this.#closing === null, 'nothing is appended to a log that is being closed');
    if (this.#failed !== null) return;
    this.#durableIndex = Math.min(this.#durableIndex, pending.keepsIndex);
    this.#queue.push(pending);
    this.#pump();
  }

  /** Starts the next write when none is under way and there is something to write and a place for it. */
  #pump(): void {
    if (this.#busySinceMs !== null || this.#failed !== null) return;
    const current = this.#current;
    const cycle = current === null ? null : this.#gather(current);
    if (cycle !== null) {
      this.#start(cycle);
    } else if (this.#queue.length === 0) {
      return;
    } else if (current !== null && this.#unsynced) {
      this.#start(syncOnly(current));
    } else if (this.#reserver.ready !== null) {
      const next = this.#gather(this.#startSegment());
      assert(next !== null, 'a new segment takes its opening');
      this.#start(next);
    }
  }

  /** Encodes what the segment still takes; null when that is nothing. */
  #gather(segment: OpenSegment): Cycle | null {
    const encoder = new RecordEncoder(segment.id, segment.lastCrc, this.#durable);
    const room = segment.size - CUT_ROOM_BYTES;
    const add = (record: LogRecord, limit: number): boolean => {
      if (segment.end + encoder.bytes + recordBytes(record) > limit) return false;
      this.#apply(segment, record);
      encoder.add(record);
      return true;
    };
    if (segment.end === SEGMENT_HEADER_BYTES) encoder.add(this.#state.opening());
    const cutFrees = this.#gatherCut(segment, add);
    const { mustSync, finished } = this.#queue.take((record) => add(record, room));
    if (encoder.bytes === 0 && finished.length === 0) return null;
    encoder.finish();
    const { buffers, bytes, lastCrc } = encoder;
    segment.lastCrc = lastCrc;
    return { segment, buffers, bytes, mustSync: mustSync || cutFrees, finished };
  }

  /** Puts the compaction that waits on record, ahead of the queue; whether that lets a segment go. */
  #gatherCut(segment: OpenSegment, add: (record: LogRecord, limit: number) => boolean): boolean {
    const { baseIndex, lastIndex, hardState } = this.#state;
    if (this.#cut === null || this.#cut.index > lastIndex) return false;
    const { index, term } = this.#cut;
    const oldest = this.#segments[0];
    const frees = oldest !== undefined && oldest !== segment && oldest.lastIndex <= index;
    const limit = frees ? segment.size : segment.size - CUT_ROOM_BYTES;
    const written = index > baseIndex && add({ type: 'base', index, term, lastIndex, hardState }, limit);
    if (written || index <= baseIndex) this.#cut = null;
    return written && frees;
  }

  #apply(segment: Segment, record: LogRecord): void {
    const contradiction = this.#state.contradiction(record);
    assert(contradiction === null, contradiction ?? '');
    if (record.type === 'reset') dropEntriesFrom(this.#segments, 1);
    if (record.type === 'entry') {
      const { index } = record.entry;
      if (index <= this.#state.lastIndex) dropEntriesFrom(this.#segments, index);
      segment.lastIndex = index;
    }
    this.#state.apply(record);
  }

  #startSegment(): OpenSegment {
    const segment = this.#reserver.take();
    segment.lastCrc = this.#current?.lastCrc ?? 0;
    this.#current?.file.close();
    this.#current = segment;
    this.#segments.push(segment);
    return segment;
  }

  #start(cycle: Cycle): void {
    this.#busySinceMs = this.#clock.monotonicMs();
    const { segment, buffers, bytes } = cycle;
    if (bytes > 0) {
      const position = segment.end;
      segment.end += bytes;
      this.#unsynced = true;
      segment.file.write(
        buffers,
        position,
        this.#unlessFailed(() => this.#written(cycle)),
      );
    } else if (cycle.mustSync && this.#unsynced) {
      this.#written(cycle);
    } else {
      this.#clock.defer(() => this.#complete(cycle));
    }
  }

  #written(cycle: Cycle): void {
    if (cycle.mustSync) cycle.segment.file.sync(this.#unlessFailed(() => this.#onSynced(cycle)));
    else this.#complete(cycle);
  }

  #onSynced(cycle: Cycle): void {
    const { sequence, end } = cycle.segment;
    const { lastIndex, baseIndex, hardState } = this.#state;
    this.#unsynced = false;
    this.#durable = { segment: sequence, offset: end };
    this.#synced = { hardState, lastIndex };
    this.#durableIndex = Math.min(lastIndex, this.#queue.keepsIndex);
    // Here, where everything that was encoded is durable: a drop of entries that is not yet must not count.
    while (this.#segments[0] !== cycle.segment && (this.#segments[0]?.lastIndex ?? Infinity) <= baseIndex) {
      this.#obsolete.push(...this.#segments.splice(0, 1));
    }
    if (this.#reserver.idle) this.#reserver.reserve(sequence + 1);
    const slot = this.#slots.last;
    const saved =
      slot.hardState.term === hardState.term &&
      slot.hardState.votedFor === hardState.votedFor &&
      slot.durable.segment === sequence;
    if (saved) this.#complete(cycle);
    else
      this.#slots.save(
        hardState,
        this.#durable,
        this.#unlessFailed(() => this.#complete(cycle)),
      );
  }

  #complete({ finished }: Cycle): void {
    this.#busySinceMs = null;
    this.#pump();
    for (const { done } of finished) done();
    this.#removeObsolete();
    this.#mark();
    this.#closeIfDone();
  }

  /** One removal at a time, each durable before the next: so a segment that is missing between others is damage. */
  #removeObsolete(): void {
    const segment = this.#obsolete[0];
    if (segment === undefined || this.#removing || this.#failed !== null) return;
    this.#removing = true;
    try {
      this.#vfs.remove(segment.path);
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    this.#vfs.syncFolderLater(
      this.#folder,
      this.#unlessFailed(() => {
        this.#removing = false;
        this.#obsolete.shift();
        this.#reserver.tryAgain();
        this.#removeObsolete();
        this.#closeIfDone();
      }),
    );
  }

  /**
   * Puts on record how far the log is durable, once it has rested: the last batch is then as protected as those
   * that others follow. Under load the next batch says the same for nothing.
   */
  #mark(): void {
    const durable = this.#durable;
    const marked = comparePlaces(durable, this.#slots.last.durable) === 0;
    if (marked || this.#markTimer !== null || this.#closing !== null || this.#failed !== null) return;
    this.#markTimer = this.#clock.setTimer(MARK_DELAY_MS, () => {
      this.#markTimer = null;
      if (this.#failed !== null) return;
      if (this.#busySinceMs !== null || comparePlaces(durable, this.#durable) !== 0) this.#mark();
      else this.#saveMark();
    });
  }

  #saveMark(): void {
    this.#slots.save(
      this.#synced.hardState,
      this.#durable,
      this.#unlessFailed(() => this.#closeIfDone()),
    );
  }

  #closeIfDone(): void {
    const done = this.#closing;
    if (done === null) return;
    if (this.#failed !== null) {
      this.#finishClose(done);
      return;
    }
    const waitsForSegment = this.#queue.length > 0 && this.#reserver.busy;
    const busy = this.#busySinceMs !== null || this.#slots.busySinceMs !== null || this.#removing;
    if (busy || waitsForSegment) return;
    if (this.#current !== null && this.#unsynced) {
      this.#start(syncOnly(this.#current));
    } else if (comparePlaces(this.#durable, this.#slots.last.durable) !== 0) {
      this.#saveMark();
    } else {
      this.#finishClose(done);
    }
  }

  #finishClose(done: Done): void {
    if (this.#closed) return;
    this.#closed = true;
    const failed = this.#failed;
    if (failed !== null) {
      // Files stay open: an operation may still be under way on them, and the process ends.
      this.#clock.defer(() => done(failed));
      return;
    }
    this.#reserver.close(() => {
      this.#current?.file.close();
      this.#slots.close();
      this.#clock.defer(() => done(null));
    });
  }

  #fail(error: Error): void {
    if (this.#failed !== null) return;
    this.#failed = error;
    this.#queue.clear();
    this.#markTimer?.cancel();
    this.#reserver.close(() => undefined);
    this.#events.onFatal(error);
    this.#closeIfDone();
  }

  /** A callback that passes errors on to `#fail`, and does nothing once anything failed. */
  #unlessFailed(next: () => void): Done {
    return (error) => {
      if (this.#failed !== null) return;
      if (error === null) next();
      else this.#fail(error);
    };
  }
}

const syncOnly = (segment: OpenSegment): Cycle => ({
  segment,
  buffers: [],
  bytes: 0,
  mustSync: true,
  finished: [],
});
