const SPACE = 0x20;
const CR = 0x0d;
const LF = 0x0a;
const ZERO = 0x30;

const firstRoomBytes = 256;

/** What fits into 32 bits with all its digits is divided quickly. */
const BILLION = 1e9;

/** Most that a number takes: 2^53 − 1 has 16 digits. */
export const digitsMax = 16;

const noBytes = Buffer.alloc(0);

/**
 * Encodes replies one after the other into one piece of bytes, so that the replies of a turn, header and value
 * together, leave in one write.
 */
export class ReplyBuffer {
  #bytes = noBytes;
  #length = 0;

  /** Bytes that wait for `take`. */
  get length(): number {
    return this.#length;
  }

  /** What was encoded since the last call, now the caller's. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#bytes = noBytes;
    this.#length = 0;
    return taken;
  }

  /** A line of bytes, one per character. */
  line(text: string): void {
    this.reserve(text.length + 2);
    this.text(text);
    this.lineEnd();
  }

  /** Makes sure of room for `count` more bytes; the methods below rely on it. */
  protected reserve(count: number): void {
    const needed = this.#length + count;
    if (this.#bytes.length >= needed) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#length * 2, firstRoomBytes));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }

  protected put(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** A whole number from 0 to 2^53 − 1, in digits. */
  protected number(number: number): void {
    if (number < BILLION) return this.#digits(number, digitsOf(number));
    this.number(Math.floor(number / BILLION));
    this.#digits(number % BILLION, 9);
  }

  protected text(text: string): void {
    for (let i = 0; i < text.length; i++) this.byte(text.charCodeAt(i));
  }

  protected lineEnd(): void {
    this.byte(CR);
    this.byte(LF);
  }

  protected space(): void {
    this.byte(SPACE);
  }

  protected byte(byte: number): void {
    this.#bytes[this.#length++] = byte;
  }

  /** The last so many digits of a number below a billion. */
  #digits(number: number, count: number): void {
    let rest = number | 0;
    for (let at = this.#length + count - 1; at >= this.#length; at--) {
      const tenth = (rest / 10) | 0;
      this.#bytes[at] = ZERO + rest - tenth * 10;
      rest = tenth;
    }
    this.#length += count;
  }
}

/** How many digits a number below a billion has. */
function digitsOf(number: number): number {
  let count = 1;
  for (let bound = 10; bound <= number; bound *= 10) count++;
  return count;
}
