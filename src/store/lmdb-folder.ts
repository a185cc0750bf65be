import fs from 'node:fs';
import { KvraftError } from '../base/errors.ts';
import { checkDataFile, DATA_FILE } from './lmdb-file.ts';
import { parsePointer, POINTER, pointerText } from './pointer.ts';

/**
 * The folder of a state: one environment a subfolder, of which the pointer names the current one. The others are
 * what a crash left, or a snapshot that is being received.
 */
export class LmdbFolder {
  readonly #folder: string;
  #lastNumber = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The name of the current environment, null in a new folder. Throws `STORE_DAMAGED`. */
  current(): string | null {
    const pointer = this.path(POINTER);
    if (!fs.existsSync(pointer)) {
      const orphan = this.#states().find((name) => name !== FIRST_STATE);
      if (orphan === undefined) return null;
      throw this.missingPointer(orphan);
    }
    const name = parsePointer(fs.readFileSync(pointer), pointer);
    const data = `${this.path(name)}/${DATA_FILE}`;
    if (!fs.existsSync(data)) {
      throw new KvraftError('STORE_DAMAGED', `${data}, which ${POINTER} names, is missing`);
    }
    return name;
  }

  /** Creates the folder. A crash before its pointer was written may have left the first environment in it. */
  createFirst(): string {
    const path = this.path(FIRST_STATE);
    fs.mkdirSync(path, { recursive: true });
    try {
      checkDataFile(path);
    } catch {
      // Power failed while it was created: nobody was told of anything in it.
      fs.rmSync(`${path}/${DATA_FILE}`);
    }
    return FIRST_STATE;
  }

  /** Removes all but the named environment and the pointer. */
  removeLeftovers(current: string): void {
    this.#lastNumber = Number(current.slice(STATE_PREFIX.length));
    for (const name of fs.readdirSync(this.#folder)) {
      if (name !== current && (name.startsWith(STATE_PREFIX) || name.startsWith(`${POINTER}.`))) {
        fs.rmSync(this.path(name), { recursive: true, force: true });
      }
    }
  }

  nextName(): string {
    this.#lastNumber++;
    return `${STATE_PREFIX}${this.#lastNumber}`;
  }

  path(name: string): string {
    return `${this.#folder}/${name}`;
  }

  /**
   * Makes the files of an environment durable in their folders, and writes the pointer that is to name it under a
   * name of its own. The pointer takes space now, so that the switch needs none.
   */
  preparePointer(name: string): void {
    syncPath(this.path(name));
    const file = fs.openSync(this.path(`${POINTER}.${name}`), 'w');
    try {
      fs.writeFileSync(file, pointerText(name));
      fs.fsyncSync(file);
    } finally {
      fs.closeSync(file);
    }
    syncPath(this.#folder);
  }

  /** Makes the prepared pointer the one that counts, durably. */
  switchPointer(name: string): void {
    fs.renameSync(this.path(`${POINTER}.${name}`), this.path(POINTER));
    syncPath(this.#folder);
  }

  /** Forgets a pointer that was prepared. */
  discardPointer(name: string): void {
    fs.rmSync(this.path(`${POINTER}.${name}`), { force: true });
  }

  /** There is a state but no pointer: nothing is deleted on a guess. */
  missingPointer(name: string): KvraftError {
    return new KvraftError(
      'STORE_DAMAGED',
      `${this.path(POINTER)} is missing beside ${this.path(name)}: ` +
        `restore it from a backup, or rebuild this server from the others`,
    );
  }

  #states(): string[] {
    if (!fs.existsSync(this.#folder)) return [];
    return fs.readdirSync(this.#folder).filter((name) => name.startsWith(STATE_PREFIX));
  }
}

const STATE_PREFIX = 'state-';
const FIRST_STATE = `${STATE_PREFIX}1`;

/** fsync of a folder: what was created or renamed in it is durable. Windows has no such thing, nor the need. */
function syncPath(path: string): void {
  if (process.platform === 'win32') return;
  const folder = fs.openSync(path, 'r');
  try {
    fs.fsyncSync(folder);
  } finally {
    fs.closeSync(folder);
  }
}
