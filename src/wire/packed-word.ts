/** Longest word that is packed: its bytes, behind a 1, stay below 2^53 as one number. */
export const packedBytesMax = 6;

/**
 * The bytes of a short word as one number, in which zeroes in front count, too, to look it up without a string; 0 for a
 * longer word.
 */
export function packWord(bytes: Uint8Array, start: number, end: number): number {
  if (end - start > packedBytesMax) return 0;
  let packed = 1;
  for (let i = start; i < end; i++) packed = packed * 256 + (bytes[i] ?? 0);
  return packed;
}
