import { assert } from '../base/assert.ts';
import type { Clock, Timer } from '../base/clock.ts';
import type { Prng } from '../base/prng.ts';
import type { BackendInstall, StoreBackend } from './backend.ts';
import { Floors } from './floors.ts';
import { Flush, flushCost } from './flush.ts';
import type { Entry, Layered } from './byte-map.ts';
import { Generation } from './generation.ts';
import { hashKey } from './key-hash.ts';
import { assertKey } from './keys.ts';
import { mergeLayers, type Layer } from '../base/merge-layers.ts';
import { ReadCache } from './read-cache.ts';
import { SnapshotInstall } from './snapshot-install.ts';
import { OpenSnapshots } from './snapshots.ts';
import type { Position, RangeOptions, StateKey, Store, StoreInstall, StoreSnapshot } from './store.ts';

const MIB = 1024 * 1024;
/**
 * Large and rare flushes write a key that changes often once for many changes, and a page once for many keys; how long
 * the log is that a restart replays goes by the two of them.
 */
const FLUSH_BYTES = 48 * MIB;
const FLUSH_INTERVAL_MS = 30_000;
/**
 * State that is kept in memory is put here in pieces of this size, or of this share of what is flushed, with a rest after
 * each; in larger ones where more than half as much is written meanwhile, so that it comes to an end.
 */
const SAVE_BYTES = MIB / 4;
const SAVE_SHARE = 1 / 8;
const SAVE_REST_MS = 1;
const SAVED_PER_WRITTEN = 2;
const CACHE_BYTES = 48 * MIB;
/** Nothing applied for so long: a flush disturbs nobody now, and a restart finds little to replay. */
const QUIET_MS = 1_000;

/**
 * A flush comes when this share at least of the bytes or of the time for it is there: at another one each time, and on
 * every server. Servers that apply the same writes would otherwise all flush at the same moment, and none of them be quick
 * then; so a majority is.
 */
const FLUSH_SHARE_MIN = 0.6;

export interface StoreOptions {
  readonly clock: Clock;
  readonly prng: Prng;
  /**
   * Bytes in memory past which what was applied is frozen and flushed, at the latest; the overlay holds about twice that
   * while a flush runs.
   */
  readonly flushBytes?: number;
  /** How long applied writes wait for a flush at most, milliseconds; in quiet times they do not wait. */
  readonly flushIntervalMs?: number;
  /** Bytes of what was flushed or read that are kept in memory. */
  readonly cacheBytes?: number;
  /** How long a snapshot may be held before it is closed. */
  readonly snapshotMsMax?: number;
}

/**
 * State under a write overlay. Writes go into the active generation, in memory; when that is large enough it is
 * frozen, and flushed in the background while a new one takes the writes. A read looks in the active generation,
 * in the frozen one, in the cache of what the backend holds, then there.
 *
 * Values are copied on their way in. Those that `get` and `range` give out may be views of what the overlay holds: they
 * are not to be written to, and stay valid for as long as somebody keeps them (and keep a chunk of memory with them).
 */
export class OverlayStore implements Store {
  beforeFreeze: (bytesMax: number) => boolean = () => true;
  onFlushed: () => void = () => undefined;
  onFatal: (error: Error) => void = (error) => {
    throw error;
  };

  readonly #backend: StoreBackend;
  readonly #clock: Clock;
  readonly #flushBytes: number;
  readonly #flushIntervalMs: number;
  readonly #snapshots: OpenSnapshots;
  readonly #floors = new Floors();
  #position: Position;
  #durable: Position;
  /** The position up to which everything is frozen or flushed. */
  #frozenPosition: Position;
  #active = new Generation();
  #flush: Flush | null = null;
  /** State that is kept in memory is being put here, so that the generation can be frozen. */
  #isFreezing = false;
  #freezeTimer: Timer | null = null;
  /**
   * What a flush brings to the backend is here before it is there: until then the flush's generation hides it. So the
   * cache never has an older value than the backend.
   */
  #cache: ReadCache;
  readonly #cacheBytes: number;
  #flushTimer: Timer | null = null;
  readonly #prng: Prng;
  #flushShare: number;
  #install: SnapshotInstall | null = null;
  #logDurableIndex = 0;
  #outOfSpace = false;
  #failed = false;
  #lastKey: StateKey = '';
  #lastHash = hashKey('');
  /** Counts the writes: a walk must not see any. */
  #writes = 0;
  /** What all writes cost a flush. */
  #writtenCost = 0;
  #closing: ((error: Error | null) => void) | null = null;

  constructor(backend: StoreBackend, options: StoreOptions) {
    this.#backend = backend;
    this.#clock = options.clock;
    this.#prng = options.prng;
    this.#flushShare = drawFlushShare(options.prng);
    this.#flushBytes = options.flushBytes ?? FLUSH_BYTES;
    this.#flushIntervalMs = options.flushIntervalMs ?? FLUSH_INTERVAL_MS;
    this.#snapshots = new OpenSnapshots(options.clock, options.snapshotMsMax ?? 10 * 60_000);
    this.#cacheBytes = options.cacheBytes ?? CACHE_BYTES;
    this.#cache = new ReadCache(this.#cacheBytes);
    this.#position = backend.position;
    this.#durable = backend.position;
    this.#frozenPosition = backend.position;
    backend.onFatal = (error) => this.#fail(error);
  }

  get position(): Position {
    return this.#position;
  }

  get durablePosition(): Position {
    return this.#durable;
  }

  get installedIndex(): number {
    return this.#backend.installedIndex;
  }

  get unflushedBytes(): number {
    return this.#active.bytes + (this.#flush?.generation.bytes ?? 0);
  }

  get outOfSpace(): boolean {
    return this.#outOfSpace;
  }

  get(key: StateKey): Uint8Array | undefined {
    const hash = this.#hashOf(key);
    const active = this.#active.get(key, hash);
    if (active !== undefined) return active ?? undefined;
    const frozen = this.#flush?.generation.get(key, hash);
    if (frozen !== undefined) return frozen ?? undefined;
    const cached = this.#cache.get(key, hash);
    if (cached !== undefined) return cached;
    const value = this.#backend.get(key);
    if (value !== undefined) this.#cache.put(key, hash, value);
    return value;
  }

  put(key: StateKey, value: Uint8Array): void {
    assertKey(key);
    this.#writes++;
    this.#writtenCost += flushCost(key, value);
    this.#active.put(key, value, this.#hashOf(key));
    this.#floors.put(key);
  }

  delete(key: StateKey): void {
    assertKey(key);
    const hash = this.#hashOf(key);
    const active = this.#active.get(key, hash);
    if (active === null) return;
    this.#writes++;
    this.#writtenCost += flushCost(key, null);
    // A key that came and went within one generation leaves no trace on disk; to know costs a look there.
    const hidden = active === undefined ? this.#mayLieBelow(key) : this.#liesBelow(key);
    if (hidden) this.#active.put(key, null, hash);
    else this.#active.remove(key, hash);
  }

  *range({
    start,
    end,
    reverse = false,
    limit = Infinity,
  }: RangeOptions): Generator<[StateKey, Uint8Array], undefined> {
    const from = reverse ? start : this.#floors.raise(start);
    const writes = this.#writes;
    let count = 0;
    if (from < end && limit > 0) {
      for (const entry of mergeLayers(this.#layers(from, end, reverse), reverse)) {
        if (count === 0 && !reverse) this.#floors.found(start, entry[0]);
        yield entry;
        assert(this.#writes === writes, 'nothing is written while a range is being walked');
        if (++count >= limit) return undefined;
      }
    }
    if (count === 0 && !reverse && limit > 0 && start < end) this.#floors.found(start, end);
    return undefined;
  }

  advance(position: Position): void {
    assert(position.index >= this.#position.index, `position ${position.index} does not go back`);
    const { index, term, stampMs } = position;
    this.#position = { index, term, stampMs };
    this.#freezeWhenFull();
    this.#flushInTime();
  }

  setLogDurable(index: number): void {
    this.#logDurableIndex = index;
    this.#flush?.setLogDurable(index);
  }

  flush(): void {
    const unchanged = this.#active.isEmpty && this.#position.index === this.#frozenPosition.index;
    if (!unchanged) this.#freezeSoon();
  }

  openSnapshot(): StoreSnapshot {
    return this.#snapshots.open(() => this.#backend.openSnapshot());
  }

  beginInstall(position: Position): StoreInstall {
    assert(this.#install === null, 'one install at a time');
    const { index, term, stampMs } = position;
    const at = { index, term, stampMs };
    const install = new SnapshotInstall(this.#backend.beginInstall(at), at, this.#clock, {
      onCommit: (staged) => this.#switchTo(staged, at),
      onEnd: () => (this.#install = null),
    });
    this.#install = install;
    return install;
  }

  close(done: (error: Error | null) => void): void {
    assert(this.#closing === null, 'closed once');
    if (this.#isFreezing && this.#mayFreeze() && this.beforeFreeze(Infinity)) this.#freeze();
    this.#endFreezing();
    this.#flush?.hurry();
    this.#closing = done;
    this.#flushTimer?.cancel();
    this.#install?.abort();
    this.#snapshots.closeAll();
    if (this.#flush?.isUnderWay !== true) this.#closeBackend();
  }

  #layers(start: StateKey, end: StateKey, reverse: boolean): Layer<Uint8Array>[] {
    const layers: Layer<Uint8Array>[] = [this.#active.range(start, end, reverse)];
    if (this.#flush !== null) layers.push(this.#flush.generation.range(start, end, reverse));
    layers.push(this.#backend.range({ start, end, reverse }));
    return layers;
  }

  #liesBelow(key: StateKey): boolean {
    const frozen: Layered | undefined = this.#flush?.generation.get(key, this.#hashOf(key));
    return frozen === undefined ? this.#backend.has(key) : frozen !== null;
  }

  #mayLieBelow(key: StateKey): boolean {
    return this.#flush?.generation.get(key, this.#hashOf(key)) !== null;
  }

  /** A key is read and then written. */
  #hashOf(key: StateKey): number {
    if (key !== this.#lastKey) {
      this.#lastKey = key;
      this.#lastHash = hashKey(key);
    }
    return this.#lastHash;
  }

  #encoded({ key, hash, value }: Entry): void {
    if (value === null) this.#cache.remove(key, hash);
    else this.#cache.put(key, hash, value);
  }

  #mayFreeze(): boolean {
    return this.#flush === null && !this.#failed && this.#closing === null;
  }

  /** What is applied now is flushed when nothing comes after it, or when it has waited for long. */
  #flushInTime(waitMs = this.#flushShare * this.#flushIntervalMs): void {
    if (this.#flushTimer !== null) return;
    const stepMs = Math.min(waitMs, QUIET_MS);
    const writes = this.#writes;
    this.#flushTimer = this.#clock.setTimer(stepMs, () => {
      this.#flushTimer = null;
      if (stepMs === waitMs || writes === this.#writes) this.flush();
      else this.#flushInTime(waitMs - stepMs);
    });
  }

  #freezeWhenFull(): void {
    if (this.#active.bytes >= this.#flushShare * this.#flushBytes) this.#freezeSoon();
  }

  #freezeSoon(): void {
    if (this.#isFreezing) return;
    this.#isFreezing = true;
    this.#goOnFreezing(0);
  }

  /** So much was written since the last piece was saved. */
  #goOnFreezing(written: number): void {
    this.#isFreezing = this.#mayFreeze();
    if (!this.#isFreezing) return;
    const piece = Math.min(SAVE_BYTES, SAVE_SHARE * this.#flushBytes);
    if (this.beforeFreeze(Math.max(piece, SAVED_PER_WRITTEN * written))) return this.#freeze();
    const before = this.#writtenCost;
    this.#freezeTimer = this.#clock.setTimer(SAVE_REST_MS, () =>
      this.#goOnFreezing(this.#writtenCost - before),
    );
  }

  #endFreezing(): void {
    this.#isFreezing = false;
    this.#freezeTimer?.cancel();
  }

  #freeze(): void {
    this.#endFreezing();
    const flush = new Flush({
      backend: this.#backend,
      clock: this.#clock,
      generation: this.#active,
      writtenCost: () => this.#writtenCost,
      position: this.#position,
      onEntry: (entry) => this.#encoded(entry),
      onFlushed: () => this.#flushed(flush),
      onFull: () => {
        this.#outOfSpace = true;
        if (this.#closing !== null) this.#closeBackend();
      },
      onFatal: (error) => this.#fail(error),
    });
    this.#active = new Generation(this.#active);
    this.#frozenPosition = this.#position;
    this.#flushShare = drawFlushShare(this.#prng);
    this.#flush = flush;
    flush.setLogDurable(this.#logDurableIndex);
  }

  #flushed(flush: Flush): void {
    assert(this.#flush === flush, 'one flush at a time');
    this.#flush = null;
    this.#outOfSpace = false;
    this.#durable = this.#frozenPosition;
    this.onFlushed();
    if (this.#closing !== null) {
      this.#closeBackend();
      return;
    }
    this.#freezeWhenFull();
    if (!this.#active.isEmpty) this.#flushInTime();
  }

  /** Reported once. Nothing is written any more, and nothing is waited for. */
  #fail(error: Error): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#flush?.cancel();
    this.onFatal(error);
    if (this.#closing !== null) this.#closeBackend();
  }

  /** A snapshot takes the place of everything, of what is in memory, too. */
  #switchTo(install: BackendInstall, position: Position): void {
    this.#flush?.cancel();
    this.#flush = null;
    this.#endFreezing();
    this.#outOfSpace = false;
    this.#snapshots.closeAll();
    try {
      install.commit();
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }
    this.#writes++;
    this.#active = new Generation();
    this.#cache = new ReadCache(this.#cacheBytes);
    this.#floors.clear();
    this.#position = position;
    this.#durable = position;
    this.#frozenPosition = position;
    // What the log held durably was another one: the new one begins behind the snapshot, and holds nothing yet.
    this.#logDurableIndex = position.index;
  }

  #closeBackend(): void {
    assert(this.#closing !== null, 'closing');
    this.#flush?.cancel();
    this.#backend.close(this.#closing);
  }
}

const drawFlushShare = (prng: Prng): number => FLUSH_SHARE_MIN + (1 - FLUSH_SHARE_MIN) * prng.float();
