const SPACE = 0x20;
const CR = 0x0d;
const LF = 0x0a;

const firstRoomBytes = 256;

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

  protected number(number: number): void {
    this.text(String(number));
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
}
