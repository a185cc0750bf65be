/** What the requests of a load are. */
export interface RequestShape {
  readonly work: 'write' | 'read';
  /** Length of a value; at least `STAMP_BYTES`. */
  readonly valueBytes: number;
}

/** What a wire tells of replies; called while it receives. */
export interface WireHandler {
  /** A write was done, or a read found a value, which begins at `valueStart`. Valid only during the call. */
  succeeded(slot: number, bytes: Buffer, valueStart: number): void;
  /** A read found no value. */
  missed(slot: number): void;
  /** The server answered with an error. */
  failed(slot: number, text: string): void;
  /** The protocol itself wants something said. */
  say(bytes: Buffer): void;
}

/**
 * One connection's side of a protocol, without its socket. Requests stand in slots: a slot is used again only once its
 * reply has come.
 */
export interface Wire {
  /** What is said before the first request, if anything. */
  hello(): Buffer | null;
  /** Most bytes that a request takes. */
  readonly requestBytesMax: number;
  /** Puts a request at `out[at…]` and returns where it ends. `number` is that of a write. */
  encode(out: Buffer, at: number, slot: number, key: number, number: number): number;
  /** Takes what the socket brought; `bytes` belongs to the caller again afterwards. Throws on malformed input. */
  receive(bytes: Buffer): void;
}

export type MakeWire = (shape: RequestShape, handler: WireHandler) => Wire;

const NUMBER_DIGITS = 12;
const KEY_DIGITS = 8;
/** A value begins with the number of its write and the key, in digits. */
export const STAMP_BYTES = NUMBER_DIGITS + KEY_DIGITS;
export const KEY_BYTES = 4 + KEY_DIGITS;
const ZERO = 0x30;

/** Most keys that the names can tell apart. */
export const KEYS_MAX = 10 ** KEY_DIGITS;

/** A key as all systems see it; all have the same length. */
export const keyText = (key: number): string => `key-${String(key).padStart(KEY_DIGITS, '0')}`;

/** A value that only wants its stamp. */
export const blankValue = (bytes: number): string => '0'.repeat(STAMP_BYTES).padEnd(bytes, 'v');

/** Puts a whole number of up to eight digits, padded by zeroes, in front of `end`. */
function putDigits(out: Buffer, start: number, end: number, number: number): void {
  let rest = number | 0;
  for (let at = end - 1; at >= start; at--) {
    const next = (rest / 10) | 0;
    out[at] = ZERO + rest - next * 10;
    rest = next;
  }
}

/** Puts the digits of a key behind its `key-`, which is there. */
export function putKey(out: Buffer, at: number, key: number): void {
  putDigits(out, at + KEY_BYTES - KEY_DIGITS, at + KEY_BYTES, key);
}

export function putStamp(out: Buffer, at: number, key: number, number: number): void {
  const middle = at + NUMBER_DIGITS / 2;
  const keyAt = at + NUMBER_DIGITS;
  const high = Math.floor(number / 1e6);
  putDigits(out, at, middle, high);
  putDigits(out, middle, keyAt, number - high * 1e6);
  putDigits(out, keyAt, keyAt + KEY_DIGITS, key);
}

/** The number of the write that made a value; NaN if none did that was to this key. */
export function readStamp(bytes: Buffer, at: number, key: number): number {
  const keyAt = at + NUMBER_DIGITS;
  if (readDigits(bytes, keyAt, keyAt + KEY_DIGITS) !== key) return Number.NaN;
  return readDigits(bytes, at, keyAt);
}

function readDigits(bytes: Buffer, start: number, end: number): number {
  let number = 0;
  for (let at = start; at < end; at++) {
    const digit = (bytes[at] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    number = number * 10 + digit;
  }
  return number;
}
