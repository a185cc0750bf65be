import { assert } from '../base/assert.ts';
import type { VfsFile } from '../wal/vfs.ts';
import type { Done } from './backend.ts';
import { bytesOf, encodeFileHeader } from './sim-log.ts';

/** A file of a simulated state that batches are appended to, one at a time. */
export class SimFile {
  readonly name: string;
  readonly #file: VfsFile;
  #end: number;
  #busy = false;
  #onIdle: (() => void) | null = null;

  /** `end` is where the next batch goes. */
  constructor(name: string, file: VfsFile, end: number) {
    this.name = name;
    this.#file = file;
    this.#end = end;
  }

  /** A new file, empty but for its header. */
  static create(name: string, file: VfsFile): SimFile {
    const header = encodeFileHeader();
    file.writeSync([header], 0);
    return new SimFile(name, file, header.length);
  }

  get bytes(): number {
    return this.#end;
  }

  /** Writes the frames, and syncs the file if asked to. After an error the same place is written again. */
  append(frames: readonly Uint8Array[], sync: boolean, done: Done): void {
    assert(!this.#busy && this.#onIdle === null, 'one write at a time');
    this.#busy = true;
    const finish = (error: Error | null): void => {
      this.#busy = false;
      if (error === null) this.#end += bytesOf(frames);
      if (this.#onIdle !== null) this.#onIdle();
      else done(error);
    };
    this.#file.write(frames, this.#end, (error) => {
      if (error !== null || !sync || this.#onIdle !== null) finish(error);
      else this.#file.sync(finish);
    });
  }

  /** The same, at once. */
  appendSync(frames: readonly Uint8Array[]): void {
    this.#file.writeSync(frames, this.#end);
    this.#file.syncSync();
    this.#end += bytesOf(frames);
  }

  /** Closes the file as soon as nothing is being written to it, and calls `closed` then. No `done` follows. */
  close(closed: () => void): void {
    const close = (): void => {
      this.#file.close();
      closed();
    };
    if (this.#busy) this.#onIdle = close;
    else close();
  }
}
