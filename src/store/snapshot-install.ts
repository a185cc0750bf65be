import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { KvraftError } from '../base/errors.ts';
import type { BackendInstall, Done } from './backend.ts';
import { SnapshotDecoder } from './snapshot-format.ts';
import type { Position, StoreInstall } from './store.ts';

export interface InstallEvents {
  /** Switches to the staged state. */
  onCommit(staged: BackendInstall): void;
  /** Committed or aborted. */
  onEnd(): void;
}

/** Checks the pieces of a snapshot and hands their entries on to where they are staged. */
export class SnapshotInstall implements StoreInstall {
  readonly #staged: BackendInstall;
  readonly #clock: Clock;
  readonly #events: InstallEvents;
  readonly #decoder: SnapshotDecoder;
  #state: 'receiving' | 'busy' | 'finished' | 'ended' = 'receiving';

  constructor(staged: BackendInstall, position: Position, clock: Clock, events: InstallEvents) {
    this.#staged = staged;
    this.#clock = clock;
    this.#events = events;
    this.#decoder = new SnapshotDecoder(position);
  }

  write(chunk: Uint8Array, done: Done): void {
    assert(this.#state === 'receiving', 'a piece comes after the one before is taken');
    this.#state = 'busy';
    const pieces = this.#decoder.push(chunk);
    this.#writeNext(pieces, 0, done);
  }

  finish(done: Done): void {
    assert(this.#state === 'receiving', 'a snapshot is finished once, after its last piece is taken');
    this.#state = 'busy';
    if (!this.#decoder.complete) {
      this.#later(done, new KvraftError('PROTOCOL', 'the snapshot ends too early', { retryable: true }));
      return;
    }
    this.#staged.finish((error) => {
      if (this.#state !== 'busy') return;
      if (error === null) this.#state = 'finished';
      done(error);
    });
  }

  commit(): void {
    assert(this.#state === 'finished', 'only a complete snapshot takes the place of the state');
    this.#state = 'ended';
    this.#events.onEnd();
    this.#events.onCommit(this.#staged);
  }

  abort(): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#events.onEnd();
    this.#staged.abort();
  }

  #writeNext(pieces: readonly Uint8Array<ArrayBuffer>[], next: number, done: Done): void {
    const piece = pieces[next];
    if (piece === undefined) return this.#later(done, null);
    this.#staged.write(piece, (error) => {
      if (this.#state !== 'busy') return;
      if (error === null) return this.#writeNext(pieces, next + 1, done);
      done(error);
    });
  }

  #later(done: Done, error: Error | null): void {
    this.#clock.defer(() => {
      if (this.#state !== 'busy') return;
      if (error === null) this.#state = 'receiving';
      done(error);
    });
  }
}
