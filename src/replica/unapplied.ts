import { assert } from '../base/assert.ts';
import type { Entry } from '../raft/types.ts';
import type { Store } from '../store/store.ts';
import type { ReplicaOptions } from './options.ts';

interface UnappliedParts {
  readonly node: { applied(index: number): void };
  readonly store: Store;
  readonly options: ReplicaOptions;
}

/** Committed entries that wait for the state machine, and for room in the store. */
export class Unapplied {
  readonly #parts: UnappliedParts;
  readonly #execute: (entry: Entry) => void;
  #entries: Entry[] = [];

  /** `execute` has the state machine do what an entry says. */
  constructor(parts: UnappliedParts, execute: (entry: Entry) => void) {
    this.#parts = parts;
    this.#execute = execute;
  }

  add(entries: readonly Entry[]): void {
    for (const entry of entries) this.#entries.push(entry);
  }

  /** A whole state takes their place. */
  clear(): void {
    this.#entries = [];
  }

  /** Applies what the store has room for. */
  apply(): void {
    const { node, store, options } = this.#parts;
    let count = 0;
    for (const entry of this.#entries) {
      if (store.unflushedBytes > options.unflushedBytesMax) break;
      if (entry.index !== store.position.index + 1)
        assert(false, `entry ${entry.index} follows the applied state`);
      this.#execute(entry);
      store.advance({ index: entry.index, term: entry.term, stampMs: entry.stampMs });
      count++;
    }
    if (count === 0) return;
    this.#entries = count === this.#entries.length ? [] : this.#entries.slice(count);
    node.applied(store.position.index);
  }
}
