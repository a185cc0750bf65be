import { existsSync } from 'node:fs';
import { open, rename, truncate, type FileHandle } from 'node:fs/promises';
import type { BatchOperation } from '../../client/index.ts';
import { parseOperation } from './json-lines.ts';
import { readLines } from './line-reader.ts';

const BUFFER_BYTES = 256 * 1024;

/** Where the lines of an export go. */
export interface ExportTarget {
  /** The last key that it has from an export that was interrupted. */
  readonly lastKey: Uint8Array | null;
  write(line: string): Promise<void>;
  /** The export is complete. */
  finish(): Promise<void>;
  /** It is not, and may be gone on with. */
  leave(): Promise<void>;
}

/** A file that has its name only once it is complete; until then it is called `….partial`. */
export class ExportFile implements ExportTarget {
  readonly #file: string;
  readonly #handle: FileHandle;
  readonly lastKey: Uint8Array | null;
  #lines: string[] = [];
  #bytes = 0;

  private constructor(file: string, handle: FileHandle, lastKey: Uint8Array | null) {
    this.#file = file;
    this.#handle = handle;
    this.lastKey = lastKey;
  }

  /** `resume`: goes on behind what an export before has left. */
  static async open(file: string, resume: boolean): Promise<ExportFile> {
    const partial = partialName(file);
    if (!resume || !existsSync(partial)) return new ExportFile(file, await open(partial, 'w'), null);
    let offset = 0;
    let last: BatchOperation | null = null;
    for await (const { text, endOffset } of readLines(partial, 0, 1)) {
      try {
        last = parseOperation(text);
      } catch {
        // The write of this line was cut short.
        break;
      }
      offset = endOffset;
    }
    await truncate(partial, offset);
    return new ExportFile(file, await open(partial, 'a'), last === null ? null : Buffer.from(last.key));
  }

  async write(line: string): Promise<void> {
    this.#lines.push(line);
    this.#bytes += line.length;
    if (this.#bytes >= BUFFER_BYTES) await this.#flush();
  }

  async finish(): Promise<void> {
    await this.#flush();
    await this.#handle.sync();
    await this.#handle.close();
    await rename(partialName(this.#file), this.#file);
  }

  async leave(): Promise<void> {
    await this.#flush();
    await this.#handle.close();
  }

  async #flush(): Promise<void> {
    const text = this.#lines.join('');
    this.#lines = [];
    this.#bytes = 0;
    await this.#handle.appendFile(text);
  }
}

export const partialName = (file: string): string => `${file}.partial`;
