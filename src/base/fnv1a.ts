/** 32-bit FNV-1a (Fowler, Noll, Vo; public domain) over all parts, one after the other. */
export function fnv1a(...parts: readonly Uint8Array[]): number {
  let hash = 0x811c9dc5;
  for (const part of parts) {
    for (const byte of part) hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return hash >>> 0;
}
