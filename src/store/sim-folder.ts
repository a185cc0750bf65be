import { KvraftError } from '../base/errors.ts';
import type { Vfs } from '../wal/vfs.ts';
import { parsePointer, POINTER, pointerText } from './pointer.ts';

/** The files of a simulated state: one holds the current state, the pointer names it, the others are leftovers. */
export class SimFolder {
  readonly #vfs: Vfs;
  readonly #folder: string;
  #lastNumber: number;

  /** Removes what a crash left. */
  constructor(vfs: Vfs, folder: string) {
    this.#vfs = vfs;
    this.#folder = folder;
    vfs.makeFolder(folder);
    const current = this.current();
    for (const name of vfs.list(folder)) {
      if (name !== POINTER && name !== current) vfs.remove(this.path(name));
    }
    this.#lastNumber = current === null ? 0 : Number(/\d+/.exec(current)?.[0] ?? 0);
  }

  /** The name of the file that holds the state; null in a new folder. */
  current(): string | null {
    if (!this.#vfs.exists(this.path(POINTER))) return null;
    const name = parsePointer(this.#vfs.readFile(this.path(POINTER)), this.path(POINTER));
    if (!this.#vfs.exists(this.path(name))) {
      throw new KvraftError('STORE_DAMAGED', `${this.path(name)}, which ${POINTER} names, is missing`);
    }
    return name;
  }

  nextName(): string {
    this.#lastNumber++;
    return `state-${this.#lastNumber}`;
  }

  path(name: string): string {
    return `${this.#folder}/${name}`;
  }

  /** Writes the pointer to a file that is synced, under a name of its own. */
  preparePointer(name: string): void {
    const file = this.#vfs.open(this.path(`${POINTER}.${name}`), true);
    try {
      file.writeSync([Buffer.from(pointerText(name))], 0);
      file.syncSync();
    } finally {
      file.close();
    }
    // Before the rename: names of one folder may become durable in any order.
    this.#vfs.syncFolder(this.#folder);
  }

  /** Makes the prepared pointer the one that counts, durably. */
  switchPointer(name: string): void {
    this.#vfs.rename(this.path(`${POINTER}.${name}`), this.path(POINTER));
    this.#vfs.syncFolder(this.#folder);
  }

  /** Removes a file that no pointer names, and what was prepared for it. */
  remove(name: string): void {
    for (const path of [this.path(`${POINTER}.${name}`), this.path(name)]) {
      if (this.#vfs.exists(path)) this.#vfs.remove(path);
    }
  }
}
