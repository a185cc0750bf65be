import { Packr, RESERVE_START_SPACE } from 'msgpackr/pack';
import { messageOf } from './errors.ts';
import { protocolError } from './protocol-error.ts';

/**
 * Nesting that is read. Values of our own are five deep; a hostile one of 100,000 arrays must not get to the
 * decoder, which recurses.
 */
const DEPTH_MAX = 32;

const packr = new Packr({
  useRecords: false,
  variableMapSize: true,
  encodeUndefinedAsNil: true,
  int64AsType: 'number',
});

/** Encodes one value; the first `reservedBytes` (at most 255) of the result are left for the caller to fill. */
export function pack(value: unknown, reservedBytes: number): Buffer {
  return packr.pack(value, RESERVE_START_SPACE | reservedBytes);
}

/**
 * Decodes exactly one value of nil, booleans, numbers, text, bytes, arrays and maps; throws `PROTOCOL` on anything
 * else. Bytes in the result alias `bytes`.
 */
export function unpack(bytes: Buffer): unknown {
  checkPlain(bytes);
  try {
    return packr.unpack(bytes) as unknown;
  } catch (cause) {
    throw protocolError(`bytes that are not msgpack: ${messageOf(cause)}`, cause);
  }
}

/**
 * Walks over the value without building it, so that the decoder sees whole and flat values only: no extension
 * types (which make dates, patterns, errors and code of their own), no deep nesting, nothing cut or left over.
 */
function checkPlain(bytes: Buffer): void {
  /** Values that are still to come, per level of nesting. */
  const pending = [1];
  let at = 0;
  while (pending.length > 0) {
    const level = pending.length - 1;
    const left = pending[level] ?? 0;
    if (left === 0) {
      pending.pop();
      continue;
    }
    pending[level] = left - 1;
    const items = itemsOf(bytes, at);
    at += sizeOf(bytes, at);
    if (at > bytes.length) throw protocolError('msgpack that ends too early');
    if (items === 0) continue;
    if (pending.length > DEPTH_MAX) throw protocolError('msgpack that is nested too deeply');
    pending.push(items);
  }
  if (at !== bytes.length) throw protocolError('msgpack with bytes left over');
}

/** Bytes of the value at `at`, without its items. Past the end, bytes count as zero: the sum shows it. */
function sizeOf(bytes: Buffer, at: number): number {
  const token = bytes[at] ?? 0;
  if (token <= 0x9f || token >= 0xe0) return 1; // small integers, and the heads of small maps and arrays
  if (token <= 0xbf) return 1 + (token & 0x1f); // short text
  switch (token) {
    case 0xc0: // nil
    case 0xc2: // false
    case 0xc3: // true
      return 1;
    case 0xc4: // bytes
    case 0xd9: // text
      return 2 + uint(bytes, at + 1, 1);
    case 0xc5:
    case 0xda:
      return 3 + uint(bytes, at + 1, 2);
    case 0xc6:
    case 0xdb:
      return 5 + uint(bytes, at + 1, 4);
    case 0xcc: // integers of 1, 2, 4 and 8 bytes
    case 0xd0:
      return 2;
    case 0xcd:
    case 0xd1:
      return 3;
    case 0xce:
    case 0xd2:
    case 0xca: // float
      return 5;
    case 0xcf:
    case 0xd3:
    case 0xcb:
      return 9;
    case 0xdc: // arrays and maps
    case 0xde:
      return 3;
    case 0xdd:
    case 0xdf:
      return 5;
    default:
      throw protocolError(`msgpack of a kind that is not spoken here (${token})`);
  }
}

/** Items of the array or map (two per pair) at `at`; 0 for other values. */
function itemsOf(bytes: Buffer, at: number): number {
  const token = bytes[at] ?? 0;
  if (token < 0x80) return 0;
  if (token <= 0x8f) return 2 * (token & 0x0f);
  if (token <= 0x9f) return token & 0x0f;
  if (token === 0xdc) return uint(bytes, at + 1, 2);
  if (token === 0xdd) return uint(bytes, at + 1, 4);
  if (token === 0xde) return 2 * uint(bytes, at + 1, 2);
  if (token === 0xdf) return 2 * uint(bytes, at + 1, 4);
  return 0;
}

function uint(bytes: Buffer, at: number, size: 1 | 2 | 4): number {
  let value = 0;
  for (let i = at; i < at + size; i++) value = value * 256 + (bytes[i] ?? 0);
  return value;
}
