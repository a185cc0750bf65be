import { crc32 } from 'node:zlib';
import { KvraftError } from '../base/errors.ts';
import type { VfsFile } from '../wal/vfs.ts';
import { decodePosition, encodePosition, foreignFormat, type PositionRecord } from './position-record.ts';

/*
 * The file of a simulated state: magic and format (u32 each), then frames. A frame is the length of its payload
 * (u32), the CRC-32 of the payload (u32), the payload, whose first byte is its kind:
 *
 *   1 part    entries (batch-format.ts) that count once a commit follows
 *   2 commit  a position record: all parts since the commit before it, and this position, are one batch
 *
 * Numbers are little-endian. A batch is synced before the next begins, so whatever follows the last commit is
 * what a crash left of a batch that nobody was told of.
 */

const MAGIC = 0x7473_766b;
const FORMAT = 1;
const FILE_HEADER_BYTES = 8;
const FRAME_HEADER_BYTES = 8;
const PART = 1;
const COMMIT = 2;

export function encodeFileHeader(): Uint8Array {
  const header = Buffer.alloc(FILE_HEADER_BYTES);
  header.writeUInt32LE(MAGIC, 0);
  header.writeUInt32LE(FORMAT, 4);
  return header;
}

/** The frames of one batch, or of a part of one when there is no record yet. */
export function encodeFrames(parts: readonly Uint8Array[], record: PositionRecord | null): Uint8Array[] {
  const frames = parts.flatMap((part) => encodeFrame(PART, part));
  if (record !== null) frames.push(...encodeFrame(COMMIT, encodePosition(record)));
  return frames;
}

function encodeFrame(kind: number, body: Uint8Array): Uint8Array[] {
  const header = Buffer.alloc(FRAME_HEADER_BYTES + 1);
  header[FRAME_HEADER_BYTES] = kind;
  header.writeUInt32LE(1 + body.length, 0);
  header.writeUInt32LE(crc32(body, crc32(header.subarray(FRAME_HEADER_BYTES))), 4);
  return [header, body];
}

export const bytesOf = (buffers: readonly Uint8Array[]): number =>
  buffers.reduce((sum, buffer) => sum + buffer.length, 0);

export interface RecoveredFile {
  readonly record: PositionRecord;
  /** Where the last commit ends: the next batch goes there. */
  readonly end: number;
}

/** Reads a file up to its last commit; `apply` is called with the entries in order. */
export function recoverFile(file: VfsFile, where: string, apply: (part: Uint8Array) => void): RecoveredFile {
  const bytes = Buffer.from(file.read(0, file.size()));
  if (bytes.length < FILE_HEADER_BYTES || bytes.readUInt32LE(0) !== MAGIC) {
    throw new KvraftError('STORE_DAMAGED', `${where} is no state of kvraft`);
  }
  if (bytes.readUInt32LE(4) !== FORMAT) throw foreignFormat(where, bytes.readUInt32LE(4));
  let recovered: RecoveredFile | null = null;
  let parts: Uint8Array[] = [];
  let offset = FILE_HEADER_BYTES;
  for (;;) {
    const payload = readFrame(bytes, offset);
    if (payload === null) break;
    offset += FRAME_HEADER_BYTES + payload.length;
    const body = payload.subarray(1);
    if (payload[0] === PART) {
      parts.push(body);
      continue;
    }
    for (const part of parts) apply(part);
    parts = [];
    recovered = { record: decodePosition(body, where), end: offset };
  }
  if (recovered === null) throw new KvraftError('STORE_DAMAGED', `${where} holds no complete state`);
  return recovered;
}

function readFrame(bytes: Buffer, offset: number): Buffer | null {
  if (offset + FRAME_HEADER_BYTES > bytes.length) return null;
  const end = offset + FRAME_HEADER_BYTES + bytes.readUInt32LE(offset);
  if (end === offset + FRAME_HEADER_BYTES || end > bytes.length) return null;
  const payload = bytes.subarray(offset + FRAME_HEADER_BYTES, end);
  return crc32(payload) === bytes.readUInt32LE(offset + 4) ? payload : null;
}
