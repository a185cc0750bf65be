import { RingQueue } from '#dist/base/ring-queue.js';
import type { KvService } from '#dist/listeners/kv-service.js';
import type { Vfs, VfsFile } from '#dist/wal/vfs.js';

/** No group commit: a write of a connection begins when that of the one before is done. */
export function oneAtATime(service: KvService): KvService {
  const waiting = new RingQueue<() => void>();
  let isBusy = false;
  const next = (): void => {
    const start = waiting.shift();
    isBusy = start !== undefined;
    start?.();
  };
  return {
    write(ops, deadlineMs, done) {
      waiting.push(() =>
        service.write(ops, deadlineMs, (outcome) => {
          done(outcome);
          next();
        }),
      );
      if (!isBusy) next();
    },
    readBarrier: (deadlineMs, done) => service.readBarrier(deadlineMs, done),
    get: (key) => service.get(key),
  };
}

/** No sharing of confirmations: every read asks once more for itself. */
export function readTwice(service: KvService): KvService {
  return {
    write: (ops, deadlineMs, done) => service.write(ops, deadlineMs, done),
    readBarrier: (deadlineMs, done) =>
      service.readBarrier(deadlineMs, () => service.readBarrier(deadlineMs, done)),
    get: (key) => service.get(key),
  };
}

const wrapped = (vfs: Vfs, wrap: (file: VfsFile) => VfsFile): Vfs => ({
  makeFolder: (path) => vfs.makeFolder(path),
  list: (path) => vfs.list(path),
  exists: (path) => vfs.exists(path),
  open: (path, create) => wrap(vfs.open(path, create)),
  createPreallocated: (path, size, done) =>
    vfs.createPreallocated(path, size, (error, file) => done(error, file === null ? null : wrap(file))),
  readFile: (path) => vfs.readFile(path),
  rename: (from, to) => vfs.rename(from, to),
  remove: (path) => vfs.remove(path),
  syncFolder: (path) => vfs.syncFolder(path),
  syncFolderLater: (path, done) => vfs.syncFolderLater(path, done),
});

const file = (inner: VfsFile, changed: Partial<VfsFile>): VfsFile => ({
  size: () => inner.size(),
  read: (position, length) => inner.read(position, length),
  write: (buffers, position, done) => inner.write(buffers, position, done),
  sync: (done) => inner.sync(done),
  writeSync: (buffers, position) => inner.writeSync(buffers, position),
  syncSync: () => inner.syncSync(),
  truncateSync: (size) => inner.truncateSync(size),
  close: () => inner.close(),
  ...changed,
});

/** A sync too many. */
export const syncTwice = (vfs: Vfs): Vfs =>
  wrapped(vfs, (inner) =>
    file(inner, {
      sync: (done) => inner.sync((error) => (error === null ? inner.sync(done) : done(error))),
    }),
  );

/** Everything is written a second time. */
export const writeTwice = (vfs: Vfs): Vfs =>
  wrapped(vfs, (inner) =>
    file(inner, {
      write: (buffers, position, done) =>
        inner.write(buffers, position, (error) =>
          error === null ? inner.write(buffers, position, done) : done(error),
        ),
    }),
  );
