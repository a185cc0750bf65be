import fs from 'node:fs';
import { diskError, type BackendInstall, type Done } from './backend.ts';
import type { LmdbFolder } from './lmdb-folder.ts';
import type { LmdbWriter } from './lmdb-writer.ts';
import { encodePosition, type PositionRecord } from './position-record.ts';

/** A state that is written into an environment of its own, beside the current one. */
export class LmdbInstall implements BackendInstall {
  readonly #folder: LmdbFolder;
  readonly #writer: LmdbWriter;
  readonly #record: PositionRecord;
  readonly #onCommit: (name: string) => void;
  readonly #name: string;
  /** The newest request: what must not call back once the install was aborted. */
  #requestId = 0;

  constructor(
    folder: LmdbFolder,
    writer: LmdbWriter,
    record: PositionRecord,
    onCommit: (name: string) => void,
  ) {
    this.#folder = folder;
    this.#writer = writer;
    this.#record = record;
    this.#onCommit = onCommit;
    this.#name = folder.nextName();
    try {
      fs.mkdirSync(this.#path);
    } catch (error) {
      throw diskError(error, 'cannot stage a state');
    }
  }

  write(records: Uint8Array<ArrayBuffer>, done: Done): void {
    const request = { type: 'stage', folder: this.#path, records } as const;
    this.#requestId = this.#writer.request(request, [records.buffer], 'cannot stage a state', done);
  }

  finish(done: Done): void {
    const position = encodePosition(this.#record);
    const request = { type: 'write', folder: this.#path, position } as const;
    this.#requestId = this.#writer.request(request, [], 'cannot stage a state', (error) => {
      done(error ?? this.#preparePointer());
    });
  }

  commit(): void {
    this.#onCommit(this.#name);
  }

  abort(): void {
    this.#writer.forget(this.#requestId);
    this.#folder.discardPointer(this.#name);
    const remove = { type: 'remove', folder: this.#path } as const;
    // What cannot be removed now is removed when the state is opened the next time.
    this.#writer.request(remove, [], 'cannot remove a staged state', () => undefined);
  }

  get #path(): string {
    return this.#folder.path(this.#name);
  }

  #preparePointer(): Error | null {
    try {
      this.#folder.preparePointer(this.#name);
      return null;
    } catch (error) {
      return diskError(error, 'cannot stage a state');
    }
  }
}
