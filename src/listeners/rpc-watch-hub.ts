import type { ChangeEvent } from '../kv/change-log.ts';
import type { KvReads } from './kv-reader.ts';

/** Changes that are looked through at a time, so that no watch holds up the others for long. */
const CHANGES_MAX = 4_096;

/** Somebody who waits for changes. */
export interface Watcher {
  /** There are changes that it has not seen. */
  changed(): void;
}

/** Tells the watches of all connections of a server of changes, and reads each change once for all of them. */
export class RpcWatchHub {
  readonly #reads: KvReads;
  readonly #watchers = new Set<Watcher>();
  #unsubscribe: (() => void) | null = null;
  /** The changes that were read last: most watches ask for the same. */
  #last: {
    readonly from: number;
    readonly at: number;
    readonly changes: ChangeEvent[] | 'compacted';
  } | null = null;

  constructor(reads: KvReads) {
    this.#reads = reads;
  }

  /** From version `from` on, as many as are looked through at a time. */
  changes(from: number): ChangeEvent[] | 'compacted' {
    const at = this.#reads.version;
    if (this.#last?.from !== from || this.#last.at !== at) {
      this.#last = { from, at, changes: this.#reads.changes(from, CHANGES_MAX) };
    }
    return this.#last.changes;
  }

  add(watcher: Watcher): void {
    this.#watchers.add(watcher);
    this.#unsubscribe ??= this.#reads.subscribe(() => {
      for (const watcher of this.#watchers) watcher.changed();
    });
  }

  remove(watcher: Watcher): void {
    this.#watchers.delete(watcher);
    if (this.#watchers.size > 0) return;
    this.#unsubscribe?.();
    this.#unsubscribe = null;
    this.#last = null;
  }
}
