import fs from 'node:fs';
import { KvraftError } from '../base/errors.ts';

/*
 * LMDB trusts its files: what it maps into memory and then cannot read ends the process by a signal. What can be
 * seen from outside is checked, and made, before it opens them.
 */

export const DATA_FILE = 'data.mdb';
const LOCK_FILE = 'lock.mdb';

/** Where the parts of a meta page stand (LMDB's `MDB_meta` behind the head of a page). */
const MAGIC_AT = 24;
const VERSION_AT = 28;
const PAGE_SIZE_AT = 48;
const LAST_PAGE_AT = 144;
const META_BYTES = 168;
const MAGIC = 0xbeefc0de;

/** A lock file for 126 readers. */
const LOCK_BYTES = 8_272;

/** Throws `STORE_DAMAGED` where the data file of an environment is none. One that does not exist yet is fine. */
export function checkDataFile(folder: string): void {
  const path = `${folder}/${DATA_FILE}`;
  if (!fs.existsSync(path)) return;
  const file = fs.openSync(path, 'r');
  try {
    const { size } = fs.fstatSync(file);
    if (size === 0) return;
    const pageSize = checkMeta(file, path, 0, size);
    checkMeta(file, path, pageSize, size);
  } finally {
    fs.closeSync(file);
  }
}

/** There are two meta pages, of which the newer one counts. Returns the size of a page. */
function checkMeta(file: number, path: string, offset: number, size: number): number {
  const meta = Buffer.alloc(META_BYTES);
  const isWhole = fs.readSync(file, meta, 0, META_BYTES, offset) === META_BYTES;
  const pageSize = meta.readUInt32LE(PAGE_SIZE_AT);
  if (!isWhole || meta.readUInt32LE(MAGIC_AT) !== MAGIC || pageSize < 256 || pageSize > 65_536) {
    throw new KvraftError('STORE_DAMAGED', `${path}, byte ${offset}: this is no page of a state`);
  }
  const version = meta.readUInt32LE(VERSION_AT);
  if (version !== 2) {
    throw new KvraftError('STORE_DAMAGED', `${path}, byte ${offset}: LMDB's format ${version} is not known`);
  }
  // Every page up to this one was written before the meta page that names it.
  const bytes = (meta.readBigUInt64LE(LAST_PAGE_AT) + 1n) * BigInt(pageSize);
  if (bytes > BigInt(size)) {
    const message = `${path} was cut off: it has only ${size} of ${bytes} bytes`;
    throw new KvraftError('STORE_DAMAGED', `${message}; rebuild this server from the others`);
  }
  return pageSize;
}

/**
 * Gives a lock file its blocks by writing it, which a full disk answers with an error. LMDB itself would leave it
 * to the first access in memory, and a full disk then ends the process.
 */
export function reserveLockFile(folder: string): void {
  const file = fs.openSync(`${folder}/${LOCK_FILE}`, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o644);
  try {
    const { size } = fs.fstatSync(file);
    if (size < LOCK_BYTES) fs.writeSync(file, Buffer.alloc(LOCK_BYTES - size), 0, LOCK_BYTES - size, size);
  } finally {
    fs.closeSync(file);
  }
}
