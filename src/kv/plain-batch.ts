/**
 * The form that most log entries have: a batch of plain operations on keys, which are `set`, `cas`, `delete` and
 * `append` without anything unusual. Batches of others stand in the log as MessagePack, see `commands.ts`.
 *
 *     0xc1                      no MessagePack begins so
 *     session     uint
 *     number      uint          at least 1
 *     back        uint          number − lowest, less than the number
 *     operations  uint          how many follow; nothing stands behind them
 *
 * and each operation
 *
 *     kind        u8            see `KIND`
 *     key         uint length, from 1 to `keyBytesCeiling`, and bytes
 *     version     uint          of a `cas` and a `delete`
 *     flags       uint          of a `set` and a `cas`, below 2^32
 *     ttlMs       uint          of a `set` and a `cas`
 *     value       uint length and bytes; of a `delete` none
 *
 * A uint is an integer below 2^53 in groups of seven bits, the lowest first, all but the last with the high bit set
 * (LEB128), in as few bytes as it takes. So a batch has one form only.
 */
import { limits } from '../base/limits.ts';
import type { BatchCommand } from './commands.ts';
import { isUint } from './fields.ts';
import type { Op, When } from './ops.ts';

export const PLAIN_BATCH = 0xc1;

/** In the log for good: never given to another operation. */
const KIND = { setAlways: 1, setAbsent: 2, setPresent: 3, cas: 4, delete: 5, append: 6 } as const;

const kindOfSet = { always: KIND.setAlways, absent: KIND.setAbsent, present: KIND.setPresent } as const;

const UINT_BYTES_MAX = 8;
const HEADER_BYTES_MAX = 1 + 4 * UINT_BYTES_MAX;
/** Of an operation, beside key and value: kind, two lengths, and the longest fields. */
const OP_BYTES_MAX = 1 + 5 * UINT_BYTES_MAX;
/** Kind, the length of the key, a byte of it, and one more field. */
const OP_BYTES_MIN = 4;
const FLAGS_MAX = 0xffff_ffff;

/** Null if the batch is not plain. */
export function encodePlainBatch(batch: BatchCommand): Uint8Array | null {
  if (batch.atomic || batch.fence !== undefined) return null;
  let bytesMax = HEADER_BYTES_MAX;
  for (const op of batch.ops) {
    if (!isPlain(op)) return null;
    bytesMax += OP_BYTES_MAX + op.key.length + (op.op === 'delete' ? 0 : op.value.length);
  }
  const writer = new Writer(bytesMax);
  writer.byte(PLAIN_BATCH);
  writer.uint(batch.session);
  writer.uint(batch.number);
  writer.uint(batch.number - batch.lowest);
  writer.uint(batch.ops.length);
  for (const op of batch.ops) if (isPlain(op)) writeOp(writer, op);
  return writer.written();
}

/** Null if the bytes, which begin with `PLAIN_BATCH`, are no batch. Values in it alias them. */
export function decodePlainBatch(bytes: Uint8Array): BatchCommand | null {
  const reader = new Reader(bytes, 1);
  const session = reader.uint();
  const number = reader.uint();
  const back = reader.uint();
  const count = reader.uint();
  if (reader.failed || back >= number || count * OP_BYTES_MIN > reader.left) return null;
  const ops: Op[] = [];
  for (let i = 0; i < count; i++) {
    const op = readOp(reader);
    if (op === null || reader.failed) return null;
    ops.push(op);
  }
  if (reader.left > 0) return null;
  return { command: 'batch', session, number, lowest: number - back, atomic: false, ops };
}

type PlainOp = Extract<Op, { op: 'set' | 'cas' | 'delete' | 'append' }>;

function isPlain(op: Op): op is PlainOp {
  switch (op.op) {
    case 'set':
      return isUint(op.ttlMs) && (op.lease ?? 0) === 0;
    case 'cas':
      return isUint(op.version) && isUint(op.ttlMs) && (op.lease ?? 0) === 0 && op.orOlder !== true;
    case 'delete':
      return isUint(op.version);
    case 'append':
      return op.when === 'always' && (op.version ?? 0) === 0;
    default:
      return false;
  }
}

function writeOp(writer: Writer, op: PlainOp): void {
  switch (op.op) {
    case 'set':
      writer.byte(kindOfSet[op.when]);
      writer.text(op.key);
      writer.uint(op.flags);
      writer.uint(op.ttlMs);
      return writer.bytes(op.value);
    case 'cas':
      writer.byte(KIND.cas);
      writer.text(op.key);
      writer.uint(op.version);
      writer.uint(op.flags);
      writer.uint(op.ttlMs);
      return writer.bytes(op.value);
    case 'delete':
      writer.byte(KIND.delete);
      writer.text(op.key);
      return writer.uint(op.version);
    case 'append':
      writer.byte(KIND.append);
      writer.text(op.key);
      return writer.bytes(op.value);
  }
}

/** Of no use if the reader has failed. Null if there is no such operation. */
function readOp(reader: Reader): Op | null {
  const kind = reader.byte();
  const key = reader.key();
  switch (kind) {
    case KIND.setAlways:
      return readSet(reader, key, 'always');
    case KIND.setAbsent:
      return readSet(reader, key, 'absent');
    case KIND.setPresent:
      return readSet(reader, key, 'present');
    case KIND.cas: {
      const version = reader.uint();
      const flags = reader.flags();
      const ttlMs = reader.uint();
      return { op: 'cas', key, value: reader.bytes(), flags, ttlMs, version };
    }
    case KIND.delete:
      return { op: 'delete', key, version: reader.uint() };
    case KIND.append:
      return { op: 'append', key, value: reader.bytes(), when: 'always' };
    default:
      return null;
  }
}

function readSet(reader: Reader, key: string, when: When): Op {
  const flags = reader.flags();
  const ttlMs = reader.uint();
  return { op: 'set', key, value: reader.bytes(), flags, ttlMs, when };
}

class Writer {
  readonly #bytes: Buffer;
  #at = 0;

  /** Of room for so many bytes; more must not be written. */
  constructor(bytesMax: number) {
    this.#bytes = Buffer.allocUnsafe(bytesMax);
  }

  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  byte(byte: number): void {
    this.#bytes[this.#at++] = byte;
  }

  uint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#at++] = rest;
  }

  /** Characters of one byte each. */
  text(text: string): void {
    const { length } = text;
    this.uint(length);
    for (let i = 0; i < length; i++) this.#bytes[this.#at + i] = text.charCodeAt(i);
    this.#at += length;
  }

  bytes(bytes: Uint8Array): void {
    this.uint(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }
}

/** Reads fields one after the other. Where one is not what it must be, the reader has failed, and says so when asked. */
class Reader {
  readonly #bytes: Buffer;
  #at: number;
  failed = false;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = at;
  }

  /** Bytes that were not read. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    if (this.#at < this.#bytes.length) return this.#bytes[this.#at++] ?? 0;
    this.failed = true;
    return 0;
  }

  uint(): number {
    const first = this.byte();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    let unit = 0x80;
    for (let i = 1; i < UINT_BYTES_MAX; i++) {
      const byte = this.byte();
      value += (byte & 0x7f) * unit;
      unit *= 0x80;
      if (byte >= 0x80) continue;
      // A last group of zero could have been left out.
      if (byte === 0 || value > Number.MAX_SAFE_INTEGER) break;
      return value;
    }
    this.failed = true;
    return 0;
  }

  flags(): number {
    const flags = this.uint();
    if (flags > FLAGS_MAX) this.failed = true;
    return flags;
  }

  key(): string {
    const length = this.uint();
    if (length === 0 || length > limits.keyBytesCeiling) this.failed = true;
    const start = this.#skip(length);
    return this.#bytes.toString('latin1', start, this.#at);
  }

  bytes(): Uint8Array {
    const start = this.#skip(this.uint());
    return this.#bytes.subarray(start, this.#at);
  }

  /** Where so many bytes begin; none if they are not there. */
  #skip(length: number): number {
    const start = this.#at;
    if (this.failed || length > this.left) this.failed = true;
    else this.#at += length;
    return start;
  }
}
