import type { Clock } from '../base/clock.ts';
import { KvraftError, messageOf } from '../base/errors.ts';
import type { Vfs } from '../wal/vfs.ts';
import {
  diskError,
  type BackendInstall,
  type BackendSnapshot,
  type BackendWrite,
  type Done,
  type StoreBackend,
} from './backend.ts';
import { readRecords, recordBytes, writeRecord } from './batch-format.ts';
import { Generation } from './generation.ts';
import { LAST_KEY } from './keys.ts';
import { OverlayStore, type StoreOptions } from './overlay-store.ts';
import { ZERO_POSITION, type PositionRecord } from './position-record.ts';
import { SimFile } from './sim-file.ts';
import { SimFolder } from './sim-folder.ts';
import { encodeFrames, recoverFile } from './sim-log.ts';
import type { Position, RangeOptions, StateKey, Store } from './store.ts';

const REWRITE_BYTES_MIN = 64 * 1024;

export interface SimStoreOptions extends StoreOptions {
  readonly vfs: Vfs;
}

/** Opens, or creates, a state on a simulated disk. Throws `STORE_DAMAGED`. */
export function openSimStore(folder: string, options: SimStoreOptions): Store {
  return new OverlayStore(new SimBackend(options.vfs, folder, options.clock), options);
}

/**
 * A state that is held in memory and kept on a simulated disk: batches are appended to a file, and when that has
 * grown to several times the state, the next batch goes into a new file together with everything before it.
 */
class SimBackend implements StoreBackend {
  onFatal: (error: Error) => void = () => undefined;
  readonly #vfs: Vfs;
  readonly #folder: SimFolder;
  readonly #clock: Clock;
  #record: PositionRecord = { position: ZERO_POSITION, installedIndex: 0 };
  #state = new Generation();
  #file: SimFile;
  /** A new file that a batch is being written to, to take the place of the current one. */
  #rewritten: SimFile | null = null;

  constructor(vfs: Vfs, folder: string, clock: Clock) {
    this.#vfs = vfs;
    this.#clock = clock;
    this.#folder = new SimFolder(vfs, folder);
    const name = this.#folder.current() ?? this.#createFirst();
    const path = this.#folder.path(name);
    const file = vfs.open(path, false);
    const { record, end } = recoverFile(file, path, (part) => applyRecords(this.#state, part));
    if (end < file.size()) file.truncateSync(end);
    // A sync that failed in the process before may have left pages that are only in the cache, and pass for clean.
    file.writeSync([file.read(0, end)], 0);
    file.syncSync();
    this.#record = record;
    this.#file = new SimFile(name, file, end);
  }

  get position(): Position {
    return this.#record.position;
  }

  get installedIndex(): number {
    return this.#record.installedIndex;
  }

  get(key: StateKey): Uint8Array | undefined {
    return this.#state.get(key) ?? undefined;
  }

  has(key: StateKey): boolean {
    return this.#state.get(key) !== undefined;
  }

  *range({ start, end, reverse = false }: RangeOptions): Generator<[StateKey, Uint8Array], undefined> {
    for (const [key, value] of this.#state.range(start, end, reverse)) {
      if (value !== null) yield [key, value];
    }
    return undefined;
  }

  beginWrite(): BackendWrite {
    const batch: Uint8Array[] = [];
    return {
      add: (records) => void batch.push(records),
      commit: (position, done) => this.#commit(batch, position, done),
    };
  }

  openSnapshot(): BackendSnapshot {
    const entries = [...this.range({ start: '', end: LAST_KEY })];
    return { position: this.position, entries: () => entries.values(), close: () => undefined };
  }

  beginInstall(position: Position): BackendInstall {
    const record = { position, installedIndex: position.index };
    const staged = this.#create();
    const state = new Generation();
    const report = (done: Done) => (error: unknown) =>
      done(error === null ? null : diskError(error, 'cannot stage a state'));
    return {
      write: (records, done) => {
        applyRecords(state, records);
        staged.append(encodeFrames([records], null), false, report(done));
      },
      finish: (done) => {
        staged.append(encodeFrames([], record), true, (error) => report(done)(error ?? this.#point(staged)));
      },
      commit: () => {
        this.#folder.switchPointer(staged.name);
        if (this.#rewritten !== null) this.#drop(this.#rewritten);
        this.#rewritten = null;
        this.#replaceFile(staged);
        this.#state = state;
        this.#record = record;
      },
      abort: () => this.#drop(staged),
    };
  }

  close(done: Done): void {
    this.#file.close(() => this.#clock.defer(() => done(null)));
  }

  #commit(batch: readonly Uint8Array[], position: Position, done: Done): void {
    const record = { position, installedIndex: 0 };
    const written = (error: unknown): void => {
      if (error !== null) return done(diskError(error, 'cannot write the state'));
      for (const part of batch) applyRecords(this.#state, part);
      this.#record = record;
      done(null);
    };
    if (this.#file.bytes < Math.max(REWRITE_BYTES_MIN, 4 * this.#state.bytes)) {
      this.#file.append(encodeFrames(batch, record), true, written);
    } else {
      this.#rewrite(encodeFrames([encodeAll(this.#state), ...batch], record), written);
    }
  }

  #createFirst(): string {
    const file = this.#create();
    file.appendSync(encodeFrames([], this.#record));
    file.close(() => undefined);
    this.#folder.preparePointer(file.name);
    this.#folder.switchPointer(file.name);
    return file.name;
  }

  #create(): SimFile {
    const name = this.#folder.nextName();
    const file = this.#vfs.open(this.#folder.path(name), true);
    try {
      return SimFile.create(name, file);
    } catch (error) {
      file.close();
      this.#folder.remove(name);
      throw error;
    }
  }

  /** Writes a whole state into a new file and switches to it. */
  #rewrite(frames: readonly Uint8Array[], written: (error: unknown) => void): void {
    let file: SimFile;
    try {
      file = this.#create();
    } catch (error) {
      return this.#clock.defer(() => written(error));
    }
    this.#rewritten = file;
    file.append(frames, true, (error) => {
      this.#rewritten = null;
      const failed: unknown = error ?? this.#point(file);
      if (failed !== null) {
        this.#drop(file);
        return written(failed);
      }
      try {
        this.#folder.switchPointer(file.name);
      } catch (error) {
        // Which of the two files a restart finds is not known: nothing may be appended to either.
        return written(new KvraftError('STORE_DAMAGED', messageOf(error), { cause: error }));
      }
      this.#replaceFile(file);
      written(null);
    });
  }

  /** Prepares the pointer to a synced file; returns what went wrong, or null. */
  #point(file: SimFile): unknown {
    try {
      this.#folder.preparePointer(file.name);
      return null;
    } catch (error) {
      return error;
    }
  }

  #replaceFile(file: SimFile): void {
    const old = this.#file;
    this.#file = file;
    this.#drop(old);
  }

  #drop(file: SimFile): void {
    file.close(() => this.#folder.remove(file.name));
  }
}

function applyRecords(state: Generation, bytes: Uint8Array): void {
  readRecords(bytes, (key, value) => {
    if (value === null) state.remove(key);
    else state.put(key, value);
  });
}

function encodeAll(state: Generation): Uint8Array {
  const entries = [...state.entries()];
  const target = Buffer.alloc(entries.reduce((sum, { key, value }) => sum + recordBytes(key, value), 0));
  let offset = 0;
  for (const { key, value } of entries) offset = writeRecord(target, offset, key, value);
  return target;
}
