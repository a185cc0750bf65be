/**
 * The narrow view of a file system that kvraft's own files are written through: Node's in production, a faulty
 * one in the simulator. What runs at start-up is synchronous; what runs while requests are served takes a
 * callback, which is never called inside the call. No promises: the simulator steps through callbacks in an
 * order of its own.
 */
export type Done = (error: Error | null) => void;

export interface VfsFile {
  /** Bytes in the file, preallocated ones included. */
  size(): number;
  /** Reads up to `length` bytes; shorter at the end of the file. */
  read(position: number, length: number): Uint8Array;
  /** Writes all buffers one after the other from `position` (bytes). Partial writes are finished or fail. */
  write(buffers: readonly Uint8Array[], position: number, done: Done): void;
  /** fdatasync: all writes that were done before it are durable when it calls back without an error. */
  sync(done: Done): void;
  /** The same two, blocking, for start-up and identity files. Throw on error. */
  writeSync(buffers: readonly Uint8Array[], position: number): void;
  syncSync(): void;
  truncateSync(size: number): void;
  close(): void;
}

export interface Vfs {
  /** Creates the folder and those above it where missing. */
  makeFolder(path: string): void;
  /** Names of the files in the folder, sorted. */
  list(path: string): string[];
  exists(path: string): boolean;
  /** Opens for reading and writing; `create` makes it when absent, else absence throws. */
  open(path: string, create: boolean): VfsFile;
  /** Creates a file of exactly `size` zero bytes with its blocks reserved, synced; ENOSPC comes back as an error. */
  createPreallocated(
    path: string,
    size: number,
    done: (error: Error | null, file: VfsFile | null) => void,
  ): void;
  readFile(path: string): Uint8Array;
  /** Replaces `to` atomically; durable only after `syncFolder`. */
  rename(from: string, to: string): void;
  remove(path: string): void;
  /** Makes creations, renames and removals in the folder durable. */
  syncFolder(path: string): void;
  /** The same without blocking, for while requests are served. */
  syncFolderLater(path: string, done: Done): void;
}
