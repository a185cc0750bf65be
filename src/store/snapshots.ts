import type { Clock, Timer } from '../base/clock.ts';
import { KvraftError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { BackendSnapshot } from './backend.ts';
import { SnapshotEncoder } from './snapshot-format.ts';
import type { Position, StoreSnapshot } from './store.ts';

/** One for every other server of a cluster. */
const SNAPSHOTS_MAX = limits.serversMax - 1;

/** The snapshots that are being read. Each keeps the disk from reusing pages: few at once, each for a bounded time. */
export class OpenSnapshots {
  readonly #clock: Clock;
  readonly #msMax: number;
  readonly #open = new Set<BoundedSnapshot>();

  constructor(clock: Clock, msMax: number) {
    this.#clock = clock;
    this.#msMax = msMax;
  }

  /** Throws `OVERLOADED` when too many are open. */
  open(openInBackend: () => BackendSnapshot): StoreSnapshot {
    if (this.#open.size >= SNAPSHOTS_MAX) {
      throw new KvraftError('OVERLOADED', `${SNAPSHOTS_MAX} snapshots are being read already`, {
        retryable: true,
      });
    }
    const snapshot = new BoundedSnapshot(openInBackend(), () => this.#open.delete(snapshot));
    this.#open.add(snapshot);
    const expire = (): void => snapshot.end(`it was held for more than ${this.#msMax} ms`);
    snapshot.timer = this.#clock.setTimer(this.#msMax, expire);
    return snapshot;
  }

  /** Ends all: their state is about to go. */
  closeAll(): void {
    for (const snapshot of this.#open) snapshot.end('the state that it showed was closed');
  }
}

class BoundedSnapshot implements StoreSnapshot {
  readonly position: Position;
  timer: Timer | null = null;
  readonly #backend: BackendSnapshot;
  readonly #encoder: SnapshotEncoder;
  readonly #onEnd: () => void;
  #ended: string | null = null;

  constructor(backend: BackendSnapshot, onEnd: () => void) {
    this.position = backend.position;
    this.#backend = backend;
    this.#encoder = new SnapshotEncoder(backend.position, backend.entries(), limits.snapshotChunkBytes);
    this.#onEnd = onEnd;
  }

  next(): Uint8Array | null {
    if (this.#ended !== null) {
      throw new KvraftError('TIMEOUT', `the snapshot cannot be read further: ${this.#ended}`, {
        retryable: true,
      });
    }
    return this.#encoder.next();
  }

  close(): void {
    this.end('it was closed');
  }

  end(reason: string): void {
    if (this.#ended !== null) return;
    this.#ended = reason;
    this.timer?.cancel();
    this.#backend.close();
    this.#onEnd();
  }
}
