import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { SyncMode } from './sync-mode.ts';
import type { Done, Vfs, VfsFile } from './vfs.ts';

/** How much of a new segment is written at a time: little enough that syncs of the log hardly wait for it. */
const PREALLOCATE_PIECE_BYTES = 1024 * 1024;

/**
 * The machine's file system. Errors are Node's own, with their `code` (`ENOSPC` where the disk is full). What the
 * log writes goes to the disk on the event loop or in the thread pool, whichever suits the disk: see `SyncMode`.
 */
export function makeNodeVfs(mode: Pick<SyncMode, 'onLoop' | 'took'>): Vfs {
  return {
    makeFolder(path) {
      fs.mkdirSync(path, { recursive: true });
    },
    list: (path) =>
      fs
        .readdirSync(path, { withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ name }) => name)
        .sort(),
    exists: (path) => fs.existsSync(path),
    open: (path, create) => new LogFile(openSync(path, create), mode),
    createPreallocated(path, size, done) {
      checkSpace(dirname(path), size, (spaceError) => {
        if (spaceError !== null) {
          done(spaceError, null);
          return;
        }
        fs.open(path, 'w+', (error, descriptor) => {
          if (error !== null) {
            done(error, null);
            return;
          }
          const file = new NodeFile(descriptor);
          preallocate(file, size, (fillError) => {
            if (fillError !== null) file.close();
            done(fillError, fillError === null ? new LogFile(descriptor, mode) : null);
          });
        });
      });
    },
    readFile: (path) => fs.readFileSync(path),
    rename(from, to) {
      fs.renameSync(from, to);
    },
    remove(path) {
      fs.unlinkSync(path);
    },
    syncFolder(path) {
      const descriptor = fs.openSync(path, 'r');
      try {
        fs.fsyncSync(descriptor);
      } finally {
        fs.closeSync(descriptor);
      }
    },
    syncFolderLater(path, done) {
      fs.open(path, 'r', (error, descriptor) => {
        if (error !== null) {
          done(error);
          return;
        }
        fs.fsync(descriptor, (syncError) => {
          fs.closeSync(descriptor);
          done(syncError);
        });
      });
    },
  };
}

/** One for the process, which has one log. */
export const nodeVfs = makeNodeVfs(new SyncMode());

function openSync(path: string, create: boolean): number {
  return fs.openSync(path, create ? fs.constants.O_RDWR | fs.constants.O_CREAT : fs.constants.O_RDWR, 0o644);
}

/** Asks first: an attempt that fills the disk to its end would take the last of it from everybody else. */
function checkSpace(folder: string, size: number, done: Done): void {
  fs.statfs(folder, (error, space) => {
    if (error !== null) {
      done(error);
      return;
    }
    // Some file systems do not tell; then the attempt does.
    const free = space.blocks === 0 ? Infinity : space.bavail * space.bsize;
    const message = `ENOSPC: ${folder} has ${free} bytes left, and ${size} are to be reserved`;
    done(free >= size ? null : Object.assign(new Error(message), { code: 'ENOSPC' }));
  });
}

/**
 * Node has no fallocate, and blocks that are allocated but were never written cost every first sync a change of
 * the file's metadata: so zeroes are written. Each piece is synced by itself, because one sync of the whole would
 * keep the disk from the log's own syncs for as long.
 */
function preallocate(file: NodeFile, size: number, done: Done): void {
  const zeroes = Buffer.alloc(Math.min(size, PREALLOCATE_PIECE_BYTES));
  const next = (position: number): void => {
    if (position === size) {
      file.syncAll(done);
      return;
    }
    const piece = zeroes.subarray(0, Math.min(zeroes.length, size - position));
    file.write([piece], position, (writeError) => {
      if (writeError !== null) {
        done(writeError);
        return;
      }
      file.sync((syncError) => {
        if (syncError === null) next(position + piece.length);
        else done(syncError);
      });
    });
  };
  next(0);
}

/** What is left to write after `written` bytes of `buffers`. */
export function remainder(buffers: readonly Uint8Array[], written: number): Uint8Array[] {
  let skip = written;
  const rest: Uint8Array[] = [];
  for (const buffer of buffers) {
    if (skip < buffer.length) rest.push(skip === 0 ? buffer : buffer.subarray(skip));
    skip = Math.max(0, skip - buffer.length);
  }
  return rest;
}

/** A file that is written and synced in the thread pool. */
class NodeFile implements VfsFile {
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  size(): number {
    return fs.fstatSync(this.#descriptor).size;
  }

  read(position: number, length: number): Uint8Array {
    const bytes = Buffer.alloc(Math.max(0, Math.min(length, this.size() - position)));
    let done = 0;
    while (done < bytes.length) {
      const count = fs.readSync(this.#descriptor, bytes, done, bytes.length - done, position + done);
      if (count === 0) break;
      done += count;
    }
    return bytes.subarray(0, done);
  }

  write(buffers: readonly Uint8Array[], position: number, done: Done): void {
    fs.writev(this.#descriptor, buffers, position, (error, written) => {
      if (error !== null) {
        done(error);
        return;
      }
      const rest = remainder(buffers, written);
      if (rest.length === 0) done(null);
      else if (written === 0) done(new Error('the system wrote nothing'));
      else this.write(rest, position + written, done);
    });
  }

  sync(done: Done): void {
    fs.fdatasync(this.#descriptor, done);
  }

  /** With the file's metadata: for a new file. */
  syncAll(done: Done): void {
    fs.fsync(this.#descriptor, done);
  }

  writeSync(buffers: readonly Uint8Array[], position: number): void {
    let rest: readonly Uint8Array[] = buffers;
    for (let at = position; rest.length > 0;) {
      const written = fs.writevSync(this.#descriptor, rest, at);
      if (written === 0) throw new Error('the system wrote nothing');
      rest = remainder(rest, written);
      at += written;
    }
  }

  syncSync(): void {
    fs.fdatasyncSync(this.#descriptor);
  }

  truncateSync(size: number): void {
    fs.ftruncateSync(this.#descriptor, size);
  }

  close(): void {
    fs.closeSync(this.#descriptor);
  }
}

/** A file of the log: written and synced where `mode` says. */
class LogFile extends NodeFile {
  readonly #mode: Pick<SyncMode, 'onLoop' | 'took'>;

  constructor(descriptor: number, mode: Pick<SyncMode, 'onLoop' | 'took'>) {
    super(descriptor);
    this.#mode = mode;
  }

  override write(buffers: readonly Uint8Array[], position: number, done: Done): void {
    if (this.#mode.onLoop) {
      const error = this.#attempt(() => this.writeSync(buffers, position));
      process.nextTick(done, error);
    } else {
      super.write(buffers, position, done);
    }
  }

  override sync(done: Done): void {
    if (this.#mode.onLoop) {
      // After what waits to be sent, so that the peers write their copies at the same time.
      setImmediate(() => done(this.#attempt(() => this.syncSync())));
      return;
    }
    const startMs = performance.now();
    super.sync((error) => {
      this.#mode.took(performance.now() - startMs);
      done(error);
    });
  }

  /** Runs a blocking call; its error comes back instead of being thrown. */
  #attempt(call: () => void): Error | null {
    const startMs = performance.now();
    try {
      call();
      return null;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    } finally {
      this.#mode.took(performance.now() - startMs);
    }
  }
}
