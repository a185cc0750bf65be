import { crc32 } from 'node:zlib';
import { KvraftError } from '../base/errors.ts';
import type { Position } from './store.ts';

/** Raised when the layout of what is on disk changes in a way that older versions cannot read. */
export const STATE_FORMAT = 1;

const RECORD_BYTES = 40;

/** What the state on disk speaks of; written in the same transaction as the data. */
export interface PositionRecord {
  readonly position: Position;
  /** As `Store.installedIndex`. */
  readonly installedIndex: number;
}

export const ZERO_POSITION: Position = { index: 0, term: 0, stampMs: 0 };

/** Format (u32), index, term, stamp, installed index (f64 each), CRC-32 of all before. Little-endian. */
export function encodePosition({ position, installedIndex }: PositionRecord): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(RECORD_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, STATE_FORMAT, true);
  view.setFloat64(4, position.index, true);
  view.setFloat64(12, position.term, true);
  view.setFloat64(20, position.stampMs, true);
  view.setFloat64(28, installedIndex, true);
  view.setUint32(36, crc32(bytes.subarray(0, 36)), true);
  return bytes;
}

/** Throws `STORE_DAMAGED` when the bytes are no such record; `where` says in the message where they lie. */
export function decodePosition(bytes: Uint8Array | undefined, where: string): PositionRecord {
  if (bytes === undefined) throw new KvraftError('STORE_DAMAGED', `${where} does not say what it holds`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const format = bytes.length < 4 ? 0 : view.getUint32(0, true);
  if (format > STATE_FORMAT) throw foreignFormat(where, format);
  if (bytes.length !== RECORD_BYTES || view.getUint32(36, true) !== crc32(bytes.subarray(0, 36))) {
    throw new KvraftError('STORE_DAMAGED', `${where} holds a damaged position`);
  }
  return {
    position: {
      index: view.getFloat64(4, true),
      term: view.getFloat64(12, true),
      stampMs: view.getFloat64(20, true),
    },
    installedIndex: view.getFloat64(28, true),
  };
}

export const foreignFormat = (where: string, format: number | string): KvraftError =>
  new KvraftError(
    'STORE_DAMAGED',
    `${where} is of format ${format}, this version of kvraft reads format ${STATE_FORMAT}: ` +
      `start the version that wrote it, or rebuild this server from the others`,
  );
