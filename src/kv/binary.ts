/** Fixed-width numbers, in values (little-endian) and in keys (big-endian, so that they sort by size). */

const WORD = 2 ** 32;

export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

/** A missing byte reads as 0: callers check lengths first. */
export function readUint32(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
  const high = (bytes[at + 2] ?? 0) | ((bytes[at + 3] ?? 0) << 8);
  return (low | (high << 16)) >>> 0;
}

/** Writes an integer from 0 to 2^53 − 1 into 8 bytes. */
export function writeUint53(bytes: Uint8Array, at: number, value: number): void {
  writeUint32(bytes, at, value >>> 0);
  writeUint32(bytes, at + 4, Math.floor(value / WORD));
}

export function readUint53(bytes: Uint8Array, at: number): number {
  return readUint32(bytes, at) + readUint32(bytes, at + 4) * WORD;
}

/** Eight characters that sort as the number does: for keys. */
export function sortableNumber(value: number): string {
  const low = value >>> 0;
  const high = Math.floor(value / WORD);
  return String.fromCharCode(
    high >>> 24,
    (high >>> 16) & 0xff,
    (high >>> 8) & 0xff,
    high & 0xff,
    low >>> 24,
    (low >>> 16) & 0xff,
    (low >>> 8) & 0xff,
    low & 0xff,
  );
}

/** The number that `sortableNumber` wrote at `at` of a key. */
export function parseSortableNumber(key: string, at: number): number {
  let value = 0;
  for (let i = at; i < at + 8; i++) value = value * 256 + key.charCodeAt(i);
  return value;
}
