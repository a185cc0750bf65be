import type { Text } from '../text.ts';

/** Numbers for values, so that states compare and hash as numbers. 0 stands for no value. */
export class ValueTable {
  readonly #ids = new Map<Text, number>();
  readonly #texts: Text[] = [''];

  /** How many numbers there are, 0 included. */
  get size(): number {
    return this.#texts.length;
  }

  idOf(text: Text): number {
    let id = this.#ids.get(text);
    if (id === undefined) {
      id = this.#texts.length;
      this.#texts.push(text);
      this.#ids.set(text, id);
    }
    return id;
  }

  /** The value with the number `id`, which is not 0. */
  textOf(id: number): Text {
    return this.#texts[id] as Text;
  }
}

/**
 * Counts the reads and writes of each value that are left. A value that somebody still has to read, and that
 * nobody is left to write, must be the present one.
 */
export class ValueCounts {
  readonly #reads: Int32Array;
  readonly #writes: Int32Array;
  /** Reads left of values without writes left. */
  #stranded = 0;

  constructor(size: number) {
    this.#reads = new Int32Array(size);
    this.#writes = new Int32Array(size);
  }

  readsOf(value: number): number {
    return this.#reads[value] as number;
  }

  addRead(value: number): void {
    this.#reads[value] = this.readsOf(value) + 1;
    if (this.#writes[value] === 0) this.#stranded++;
  }

  removeRead(value: number): void {
    this.#reads[value] = this.readsOf(value) - 1;
    if (this.#writes[value] === 0) this.#stranded--;
  }

  addWrite(value: number): void {
    if (this.#writes[value] === 0) this.#stranded -= this.readsOf(value);
    this.#writes[value] = (this.#writes[value] as number) + 1;
  }

  removeWrite(value: number): void {
    this.#writes[value] = (this.#writes[value] as number) - 1;
    if (this.#writes[value] === 0) this.#stranded += this.readsOf(value);
  }

  /** Whether a read of some other value than the present one is left that no write can serve any more. */
  isHopeless(present: number): boolean {
    return this.#stranded > (this.#writes[present] === 0 ? this.readsOf(present) : 0);
  }
}
