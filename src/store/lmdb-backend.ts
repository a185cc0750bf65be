import { assert } from '../base/assert.ts';
import {
  diskError,
  type BackendInstall,
  type BackendSnapshot,
  type BackendWrite,
  type Done,
  type StoreBackend,
} from './backend.ts';
import { LAST_KEY, POSITION_KEY } from './keys.ts';
import { EnvReader, openEnv, type Env } from './lmdb-env.ts';
import { LmdbFolder } from './lmdb-folder.ts';
import { LmdbInstall } from './lmdb-install.ts';
import { LmdbWriter } from './lmdb-writer.ts';
import { OverlayStore, type StoreOptions } from './overlay-store.ts';
import { encodePosition, ZERO_POSITION, type PositionRecord } from './position-record.ts';
import type { Position, RangeOptions, StateKey, Store } from './store.ts';

/** Opens, or creates, the state in a folder. Throws `STORE_DAMAGED`. One process at a time may have it open. */
export function openLmdbStore(folder: string, options: StoreOptions): Store {
  return new OverlayStore(new LmdbBackend(folder), options);
}

/**
 * A state in LMDB. The main thread reads, through transactions that are renewed every turn of the event loop and
 * after every write; a thread of its own writes.
 */
class LmdbBackend implements StoreBackend {
  onFatal: (error: Error) => void = () => undefined;
  readonly #folder: LmdbFolder;
  readonly #writer: LmdbWriter;
  #name: string;
  #env: Env;
  #reader: EnvReader;
  #record: PositionRecord;
  /** The write under way. */
  #writeId: number | null = null;

  constructor(folder: string) {
    this.#folder = new LmdbFolder(folder);
    const current = this.#folder.current();
    this.#name = current ?? this.#folder.createFirst();
    this.#env = openEnv(this.#path, false);
    this.#reader = new EnvReader(this.#env);
    if (current === null) this.#initialize();
    this.#record = this.#reader.positionRecord(this.#path);
    this.#folder.removeLeftovers(this.#name);
    this.#writer = new LmdbWriter((error) => this.onFatal(error));
  }

  get position(): Position {
    return this.#record.position;
  }

  get installedIndex(): number {
    return this.#record.installedIndex;
  }

  get(key: StateKey): Uint8Array | undefined {
    return this.#reader.get(key);
  }

  has(key: StateKey): boolean {
    return this.#env.doesExist(key);
  }

  range(options: RangeOptions): Generator<[StateKey, Uint8Array], undefined> {
    return this.#reader.range(options);
  }

  beginWrite(): BackendWrite {
    assert(this.#writeId === null, 'one write at a time');
    const folder = this.#path;
    this.#writer.notify({ type: 'begin', folder });
    return {
      add: (records) => this.#writer.notify({ type: 'collect', folder, records }, [records.buffer]),
      commit: (position, done) => this.#commit(folder, position, done),
    };
  }

  openSnapshot(): BackendSnapshot {
    const transaction = this.#env.useReadTransaction();
    const reader = new EnvReader(this.#env, transaction);
    let open = true;
    return {
      // It may be ahead of what this thread was told of, never behind, so it is read where the data is.
      position: reader.positionRecord(this.#path).position,
      entries: () => reader.range({ start: '', end: LAST_KEY }),
      close: () => {
        if (open) transaction.done();
        open = false;
      },
    };
  }

  beginInstall(position: Position): BackendInstall {
    const record = { position, installedIndex: position.index };
    return new LmdbInstall(this.#folder, this.#writer, record, (name) => this.#switchTo(name, record));
  }

  close(done: Done): void {
    this.#writer.stop(() => closeEnv(this.#env, done));
  }

  #commit(folder: string, position: Position, done: Done): void {
    const record = { position, installedIndex: 0 };
    const bytes = encodePosition(record);
    const request = { type: 'write', folder, position: bytes } as const;
    this.#writeId = this.#writer.request(request, [bytes.buffer], 'cannot write the state', (error) => {
      this.#writeId = null;
      if (error === null) {
        // Else reads of this turn would go on in the transaction from before the write.
        this.#env.resetReadTxn();
        this.#record = record;
      }
      done(error);
    });
  }

  get #path(): string {
    return this.#folder.path(this.#name);
  }

  /** Gives a new environment its first position. One that has more already has lost its pointer. */
  #initialize(): void {
    const record = { position: ZERO_POSITION, installedIndex: 0 };
    const existing = this.#reader.get(POSITION_KEY);
    if (existing === undefined) {
      this.#env.transactionSync(() => void this.#env.put(POSITION_KEY, encodePosition(record)));
    } else if (this.#reader.positionRecord(this.#path).position.index > 0) {
      closeEnv(this.#env, () => undefined);
      throw this.#folder.missingPointer(this.#name);
    }
    this.#folder.preparePointer(this.#name);
    this.#folder.switchPointer(this.#name);
  }

  #switchTo(name: string, record: PositionRecord): void {
    const old = { name: this.#name, env: this.#env };
    if (this.#writeId !== null) this.#writer.forget(this.#writeId);
    this.#writeId = null;
    this.#folder.switchPointer(name);
    this.#name = name;
    this.#env = openEnv(this.#path, false);
    this.#reader = new EnvReader(this.#env);
    this.#record = record;
    const release = { type: 'release', folder: this.#folder.path(old.name) } as const;
    this.#writer.request(release, [], 'cannot close the old state', () => {
      closeEnv(old.env, () => {
        const remove = { type: 'remove', folder: this.#folder.path(old.name) } as const;
        // What cannot be removed now is removed when the state is opened the next time.
        this.#writer.request(remove, [], 'cannot remove the old state', () => undefined);
      });
    });
  }
}

function closeEnv(env: Env, done: Done): void {
  env.close().then(
    () => done(null),
    (error: unknown) => done(diskError(error, 'cannot close the state')),
  );
}
