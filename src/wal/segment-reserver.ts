import { assert } from '../base/assert.ts';
import type { Clock, Timer } from '../base/clock.ts';
import type { Prng } from '../base/prng.ts';
import { SEGMENT_HEADER_BYTES, encodeSegmentHeader } from './format.ts';
import { segmentName, type OpenSegment } from './segment.ts';
import type { Vfs, VfsFile } from './vfs.ts';

/** What a file is called until it is a segment; a crash may leave one, which the next start removes. */
export const UNFINISHED_SUFFIX = '.tmp';

const RETRY_MS = 1_000;

export interface ReserverOptions {
  readonly segmentBytes: number;
  readonly prng: Prng;
  readonly clock: Clock;
}

export interface ReserverEvents {
  /** An attempt ended: a segment is ready, or it will be tried again. */
  onSettled(): void;
  onSpace(available: boolean, error: Error | null): void;
  onFatal(error: Error): void;
}

/**
 * Makes the next segment ahead of its use, in the background: its blocks reserved, its header durable, its name
 * durable. So a file with a segment's name always has a whole header, and a full disk is known long before an
 * entry finds no place. Nothing of the log is in such a file yet: when making it fails, it is tried again.
 */
export class SegmentReserver {
  readonly #vfs: Vfs;
  readonly #folder: string;
  readonly #options: ReserverOptions;
  readonly #events: ReserverEvents;
  #ready: OpenSegment | null = null;
  /** The sequence number that is being made or waits to be tried again. */
  #wanted: number | null = null;
  #busy = false;
  #available = true;
  #retry: Timer | null = null;
  #closed: (() => void) | null = null;

  constructor(vfs: Vfs, folder: string, options: ReserverOptions, events: ReserverEvents) {
    this.#vfs = vfs;
    this.#folder = folder;
    this.#options = options;
    this.#events = events;
  }

  /** The segment that waits to be used. */
  get ready(): OpenSegment | null {
    return this.#ready;
  }

  /** Whether a segment is being made at this moment. */
  get busy(): boolean {
    return this.#busy;
  }

  /** Whether there is neither a segment that waits nor one that is wanted. */
  get idle(): boolean {
    return this.#ready === null && this.#wanted === null;
  }

  /** Takes over one that an earlier process has made. */
  adopt(segment: OpenSegment): void {
    this.#ready = segment;
  }

  /** Hands the waiting segment out. */
  take(): OpenSegment {
    const segment = this.#ready;
    assert(segment !== null, 'a segment is taken when one is ready');
    this.#ready = null;
    return segment;
  }

  /** Starts to make the segment with this sequence number. */
  reserve(sequence: number): void {
    assert(this.#ready === null && this.#wanted === null, 'one segment is reserved at a time');
    this.#wanted = sequence;
    this.#create();
  }

  /** Space may have become free. */
  tryAgain(): void {
    if (this.#retry !== null) this.#create();
  }

  /** Calls back once nothing is under way. */
  close(done: () => void): void {
    this.#retry?.cancel();
    this.#retry = null;
    this.#closed = done;
    this.#ready?.file.close();
    if (!this.#busy) done();
  }

  #create(): void {
    this.#retry?.cancel();
    this.#retry = null;
    assert(this.#wanted !== null && !this.#busy, 'a segment is wanted and none is being made');
    const sequence = this.#wanted;
    const path = `${this.#folder}/${segmentName(sequence)}`;
    const { prng, segmentBytes } = this.#options;
    const id = 1 + prng.below(2 ** 32 - 1);
    this.#busy = true;
    this.#makeFile(
      path + UNFINISHED_SUFFIX,
      encodeSegmentHeader({ id, sequence, size: segmentBytes }),
      (error, file) => {
        const renameError = error ?? this.#attempt(() => this.#vfs.rename(path + UNFINISHED_SUFFIX, path));
        if (renameError !== null || file === null) {
          file?.close();
          this.#failed(renameError ?? new Error('no file'), path + UNFINISHED_SUFFIX);
          return;
        }
        this.#vfs.syncFolderLater(this.#folder, (syncError) => {
          this.#busy = false;
          const segment = { sequence, id, path, size: segmentBytes, file };
          this.#finish(syncError, { ...segment, end: SEGMENT_HEADER_BYTES, lastCrc: 0, lastIndex: 0 });
        });
      },
    );
  }

  #makeFile(
    path: string,
    header: Uint8Array,
    done: (error: Error | null, file: VfsFile | null) => void,
  ): void {
    this.#vfs.createPreallocated(path, this.#options.segmentBytes, (error, file) => {
      if (error !== null || file === null) {
        done(error, null);
        return;
      }
      file.write([header], 0, (writeError) => {
        if (writeError === null) file.sync((syncError) => done(syncError, file));
        else done(writeError, file);
      });
    });
  }

  #finish(syncError: Error | null, segment: OpenSegment): void {
    if (this.#closed !== null) {
      segment.file.close();
      this.#closed();
      return;
    }
    if (syncError !== null) {
      // The folder's other names may be lost with this one.
      this.#events.onFatal(syncError);
      return;
    }
    this.#ready = segment;
    this.#wanted = null;
    this.#tell(true, null);
    this.#events.onSettled();
  }

  #failed(error: Error, leftover: string): void {
    this.#busy = false;
    this.#attempt(() => {
      if (this.#vfs.exists(leftover)) this.#vfs.remove(leftover);
    });
    if (this.#closed !== null) {
      this.#closed();
      return;
    }
    this.#retry = this.#options.clock.setTimer(RETRY_MS, () => this.#create());
    this.#tell(false, error);
    this.#events.onSettled();
  }

  #tell(available: boolean, error: Error | null): void {
    if (available === this.#available) return;
    this.#available = available;
    this.#events.onSpace(available, error);
  }

  #attempt(action: () => void): Error | null {
    try {
      action();
      return null;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }
}
