import { mix, type Bitset } from './bitset.ts';

/**
 * The configurations (which operations have taken effect, and the state that they led to) that a search has
 * seen: Lowe's improvement of Wing and Gong's algorithm. Comparison is exact; a hash alone could call a legal
 * history illegal.
 */
export class ConfigurationSet {
  /** Encodings, one behind the other, each with its length first. */
  #arena = new Int32Array(1024);
  #used = 1;
  /** Open addressing: the place of an encoding in the arena, 0 for none. */
  #table = new Int32Array(256);
  #count = 0;
  readonly #scratch: Int32Array;

  constructor(encodedLengthMax: number) {
    this.#scratch = new Int32Array(encodedLengthMax + 2);
  }

  /** Bytes of memory in use. */
  get bytes(): number {
    return this.#arena.byteLength + this.#table.byteLength;
  }

  /** Adds a configuration; false if it is known. */
  add(mandatory: Bitset, optional: Bitset, stateId: number): boolean {
    const scratch = this.#scratch;
    scratch[1] = stateId;
    const length = optional.encode(scratch, mandatory.encode(scratch, 2));
    scratch[0] = length;
    const hash = mix(mandatory.hash ^ mix(optional.hash ^ mix(stateId)));
    const mask = this.#table.length - 1;
    let slot = hash & mask;
    for (; this.#table[slot] !== 0; slot = (slot + 1) & mask) {
      if (this.#equals(this.#table[slot] as number, length)) return false;
    }
    this.#append(slot, length, hash);
    return true;
  }

  #equals(place: number, length: number): boolean {
    for (let i = 0; i < length; i++) if (this.#arena[place + 1 + i] !== this.#scratch[i]) return false;
    return true;
  }

  #append(slot: number, length: number, hash: number): void {
    if (this.#used + length + 1 > this.#arena.length) {
      const arena = new Int32Array(Math.max(this.#arena.length * 2, this.#used + length + 1));
      arena.set(this.#arena);
      this.#arena = arena;
    }
    // The hash stands before the encoding: the table grows without computing it again.
    this.#arena[this.#used] = hash;
    for (let i = 0; i < length; i++) this.#arena[this.#used + 1 + i] = this.#scratch[i] as number;
    this.#table[slot] = this.#used;
    this.#used += length + 1;
    if (++this.#count * 2 > this.#table.length) this.#grow();
  }

  #grow(): void {
    const old = this.#table;
    const table = new Int32Array(old.length * 2);
    const mask = table.length - 1;
    for (const place of old) {
      if (place === 0) continue;
      let slot = (this.#arena[place] as number) & mask;
      while (table[slot] !== 0) slot = (slot + 1) & mask;
      table[slot] = place;
    }
    this.#table = table;
  }
}
