import type { Vfs, VfsFile } from '#dist/wal/vfs.js';

/** What a log asks of the system while requests are served. */
export interface LogWork {
  /** Calls of writev. */
  writes: number;
  writtenBytes: number;
  /** Calls of fdatasync. */
  syncs: number;
}

/** The same file system, with the work on files below `folder` counted. */
export function countingVfs(vfs: Vfs, folder: string, work: LogWork): Vfs {
  const counted = (path: string, file: VfsFile): VfsFile =>
    path.startsWith(`${folder}/`) ? countingFile(file, work) : file;
  return {
    makeFolder: (path) => vfs.makeFolder(path),
    list: (path) => vfs.list(path),
    exists: (path) => vfs.exists(path),
    open: (path, create) => counted(path, vfs.open(path, create)),
    createPreallocated: (path, size, done) =>
      vfs.createPreallocated(path, size, (error, file) =>
        done(error, file === null ? null : counted(path, file)),
      ),
    readFile: (path) => vfs.readFile(path),
    rename: (from, to) => vfs.rename(from, to),
    remove: (path) => vfs.remove(path),
    syncFolder: (path) => vfs.syncFolder(path),
    syncFolderLater: (path, done) => vfs.syncFolderLater(path, done),
  };
}

function countingFile(file: VfsFile, work: LogWork): VfsFile {
  const countWrite = (buffers: readonly Uint8Array[]): void => {
    work.writes++;
    for (const { length } of buffers) work.writtenBytes += length;
  };
  return {
    size: () => file.size(),
    read: (position, length) => file.read(position, length),
    write(buffers, position, done) {
      countWrite(buffers);
      file.write(buffers, position, done);
    },
    sync(done) {
      work.syncs++;
      file.sync(done);
    },
    writeSync(buffers, position) {
      countWrite(buffers);
      file.writeSync(buffers, position);
    },
    syncSync() {
      work.syncs++;
      file.syncSync();
    },
    truncateSync: (size) => file.truncateSync(size),
    close: () => file.close(),
  };
}
