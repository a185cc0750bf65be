import {
  diskError,
  type BackendInstall,
  type BackendSnapshot,
  type BackendWrite,
  type Done,
  type StoreBackend,
} from './backend.ts';
import { readRecords } from './batch-format.ts';
import { Generation } from './generation.ts';
import { LAST_KEY } from './keys.ts';
import { ZERO_POSITION } from './position-record.ts';
import type { Position, RangeOptions, StateKey } from './store.ts';

interface PendingWrite {
  readonly keys: readonly StateKey[];
  readonly position: Position;
  /** Ends the write; with an error, nothing was written. */
  finish(error: Error | null): void;
}

export const diskFull = (): Error =>
  diskError(Object.assign(new Error('no space left'), { code: 'ENOSPC' }), 'cannot write');

/** A backend whose writes end when and how the test says. */
export class FakeBackend implements StoreBackend {
  position: Position = ZERO_POSITION;
  installedIndex = 0;
  onFatal: (error: Error) => void = () => undefined;
  /** The write under way. */
  pending: PendingWrite | null = null;
  /** Entries that walks have touched. */
  visited = 0;
  /** Keys that were asked for. */
  gets = 0;
  installs: string[] = [];
  commitError: Error | null = null;
  closed = false;
  readonly #state = new Generation();

  /** What lies there from before. */
  put(key: StateKey, value: Uint8Array): void {
    this.#state.put(key, value);
  }

  get(key: StateKey): Uint8Array | undefined {
    this.gets++;
    return this.#state.get(key) ?? undefined;
  }

  has(key: StateKey): boolean {
    return this.#state.get(key) !== undefined;
  }

  *range({ start, end, reverse = false }: RangeOptions): Generator<[StateKey, Uint8Array], undefined> {
    for (const [key, value] of this.#state.range(start, end, reverse)) {
      this.visited++;
      if (value !== null) yield [key, value];
    }
    return undefined;
  }

  beginWrite(): BackendWrite {
    const entries: [StateKey, Uint8Array | null][] = [];
    return {
      add: (records) => readRecords(records, (key, value) => void entries.push([key, value])),
      commit: (position, done) => {
        const finish = (error: Error | null): void => {
          this.pending = null;
          if (error === null) {
            for (const [key, value] of entries) {
              if (value === null) this.#state.remove(key);
              else this.#state.put(key, value);
            }
            this.position = position;
          }
          done(error);
        };
        this.pending = { keys: entries.map(([key]) => key), position, finish };
      },
    };
  }

  openSnapshot(): BackendSnapshot {
    const entries = [...this.range({ start: '', end: LAST_KEY })];
    return { position: this.position, entries: () => entries.values(), close: () => undefined };
  }

  beginInstall(): BackendInstall {
    return {
      write: () => this.installs.push('write'),
      finish: (done) => {
        this.installs.push('finish');
        done(null);
      },
      commit: () => {
        this.installs.push('commit');
        if (this.commitError !== null) throw this.commitError;
      },
      abort: () => this.installs.push('abort'),
    };
  }

  close(done: Done): void {
    this.closed = true;
    done(null);
  }
}
