import type { HardState } from '../raft/types.ts';
import type { Store } from '../store/store.ts';
import type { Wal, WalBatch } from '../wal/wal-types.ts';

/** Writes what a core wants durable, and tells the store how far its log is. */
export class LogWriter {
  readonly #wal: Wal;
  readonly #store: Store;
  /** A commit index that was not written yet; it goes with the next write. */
  #unwritten: HardState | null = null;

  constructor({ wal, store }: { readonly wal: Wal; readonly store: Store }) {
    this.#wal = wal;
    this.#store = store;
  }

  /** `done` is called once this batch and all before it are durable; `isAwaited` where something waits for that. */
  write(batch: WalBatch, isAwaited: boolean, done: () => void): void {
    let hardState = batch.hardState ?? this.#unwritten;
    if (!batch.mustSync && batch.entries.length === 0 && !isAwaited) {
      // A commit index alone is not worth a write: recovery finds it again.
      this.#unwritten = hardState;
      return;
    }
    this.#unwritten = null;
    const first = batch.entries[0]?.index ?? Infinity;
    if (hardState !== null && hardState.commitIndex >= first) {
      // It stands before the entries. After a write that was torn in between, it would speak of those that they replace.
      this.#unwritten = hardState;
      hardState = { ...hardState, commitIndex: first - 1 };
    }
    this.#wal.append({ ...batch, hardState }, () => {
      this.#store.setLogDurable(this.#wal.durableIndex);
      done();
    });
    // A conflict takes entries back that were durable: what replaces them is not yet.
    this.#store.setLogDurable(this.#wal.durableIndex);
  }
}
