import type { Prng } from '../base/prng.ts';

/** What means something to every protocol of lines: it separates, ends, counts, names, or must not be there. */
export const lineWords: readonly string[] = [' ', '\t', '\r', '\n', '\r\n', '0', '9', 'a', '\0', 'noreply'];

/** One of the list, each as likely. */
export function pick<T>(prng: Prng, list: readonly T[]): T {
  return list[prng.below(list.length)] as T;
}

/** One of the list, as likely as its weight says. */
export function pickWeighted<T>(prng: Prng, list: readonly (readonly [weight: number, item: T])[]): T {
  let at = prng.below(list.reduce((sum, [weight]) => sum + weight, 0));
  for (const [weight, item] of list) {
    if (at < weight) return item;
    at -= weight;
  }
  throw new RangeError('weights are whole numbers above 0');
}

export const repeat = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));

/** Changes some bytes: drops, doubles, replaces and inserts them, mostly such as mean something to the protocol. */
export function mutate(prng: Prng, input: string, meaningful: readonly string[]): string {
  let text = input;
  for (let changes = 1 + prng.below(4); changes > 0; changes--) {
    const at = prng.below(text.length + 1);
    const drop = prng.below(prng.chance(0.2) ? 20 : 3);
    const insert = pickWeighted(prng, [
      [3, ''],
      [3, pick(prng, meaningful)],
      [2, String.fromCodePoint(prng.below(256))],
      [1, text.slice(at, at + prng.below(30))],
    ]);
    text = text.slice(0, at) + insert + text.slice(at + drop);
  }
  return text;
}

/** Cuts the bytes at places by chance: often not at all, sometimes byte by byte. */
export function* pieces(prng: Prng, input: Buffer): Generator<Buffer> {
  const longest = pickWeighted(prng, [
    [2, input.length + 1],
    [2, 1 + prng.below(64)],
    [1, 4],
    [1, 1],
  ]);
  for (let at = 0; at < input.length;) {
    const end = Math.min(input.length, at + 1 + prng.below(longest));
    // Of its own, as it comes from a socket: who reads it may keep or change it.
    yield Buffer.from(input.subarray(at, end));
    at = end;
  }
}
