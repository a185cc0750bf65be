export { dumpWal } from './dump.ts';
export { lockFolder, type FolderLock } from './folder-lock.ts';
export { nodeVfs } from './node-vfs.ts';
export type { Done, Vfs, VfsFile } from './vfs.ts';
export { openWal, type WalOptions } from './wal.ts';
export type { RecoveredLog, Wal, WalBatch, WalEvents } from './wal-types.ts';
