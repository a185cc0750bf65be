const FULL = -1;

/**
 * A set of small numbers with a hash that is kept up to date, tuned for sets that hold every number up to some
 * point and few beyond it: only the words between the first that is not full and the last that is not empty make
 * its encoding.
 */
export class Bitset {
  readonly #words: Int32Array;
  /** Words before this one are full. */
  #full = 0;
  /** Words from this one on are empty. */
  #end = 0;
  #hash = 0;

  constructor(size: number) {
    this.#words = new Int32Array((size + 31) >>> 5);
  }

  /** Of the members, whatever their order; as a signed 32-bit number. */
  get hash(): number {
    return this.#hash;
  }

  has(member: number): boolean {
    return ((this.#words[member >>> 5] as number) & (1 << (member & 31))) !== 0;
  }

  /** Adds a number that is not in the set. */
  add(member: number): void {
    const word = member >>> 5;
    this.#words[word] = (this.#words[word] as number) | (1 << (member & 31));
    this.#hash ^= mix(member);
    if (word >= this.#end) this.#end = word + 1;
    while (this.#full < this.#end && this.#words[this.#full] === FULL) this.#full++;
  }

  /** Removes a number that is in the set. */
  remove(member: number): void {
    const word = member >>> 5;
    this.#words[word] = (this.#words[word] as number) & ~(1 << (member & 31));
    this.#hash ^= mix(member);
    if (word < this.#full) this.#full = word;
    while (this.#end > 0 && this.#words[this.#end - 1] === 0) this.#end--;
  }

  /** Writes the set into `target` from `offset` on, at most `size / 32 + 3` words; returns the offset behind it. Equal encodings are equal sets. */
  encode(target: Int32Array, offset: number): number {
    target[offset++] = this.#full;
    target[offset++] = this.#end;
    for (let word = this.#full; word < this.#end; word++) target[offset++] = this.#words[word] as number;
    return offset;
  }

  /** The greatest length of an encoding, in words. */
  get encodedLengthMax(): number {
    return this.#words.length + 2;
  }
}

/** Scatters a number over 32 bits (the finalizer of MurmurHash3), so that the exclusive or of several is a good hash. */
export function mix(number: number): number {
  let h = Math.imul(number + 0x9e3779b9, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 16), 0x27d4eb2f);
  return h ^ (h >>> 15);
}
