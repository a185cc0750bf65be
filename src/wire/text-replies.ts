const SPACE = 0x20;
const CR = 0x0d;
const LF = 0x0a;

const firstRoomBytes = 256;

/** Most that a number takes: 2^53 − 1 has 16 digits. */
const digitsMax = 16;

const noBytes = Buffer.alloc(0);
const okWord = Buffer.from('OK ', 'latin1');
const valueWord = Buffer.from('VALUE ', 'latin1');
const deletedLine = Buffer.from('DELETED\r\n', 'latin1');

/**
 * Encodes replies one after the other into one piece of bytes, so that the replies of a turn, header and value
 * together, leave in one write.
 */
export class TextReplies {
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

  /** `OK <version>`: the answer to `set` and `cas`. */
  ok(version: number): void {
    this.#reserve(okWord.length + digitsMax + 2);
    this.#put(okWord);
    this.#number(version);
    this.#lineEnd();
  }

  /** The answer to `delete`. */
  deleted(): void {
    this.#reserve(deletedLine.length);
    this.#put(deletedLine);
  }

  /** `VALUE <numbytes>` and the value: the answer to `get`. */
  value(value: Uint8Array): void {
    this.#reserve(valueWord.length + digitsMax + 2 + value.length + 2);
    this.#put(valueWord);
    this.#valueFrom(value);
  }

  /** `VALUE <version> <exptime> <numbytes>` and the value: the answer to `getm`. `exptimeS` in seconds from now. */
  valueWithMeta(version: number, exptimeS: number, value: Uint8Array): void {
    this.#reserve(valueWord.length + 3 * (digitsMax + 1) + 2 + value.length + 2);
    this.#put(valueWord);
    this.#number(version);
    this.#byte(SPACE);
    this.#number(exptimeS);
    this.#byte(SPACE);
    this.#valueFrom(value);
  }

  /** A line of ASCII: an error. */
  line(text: string): void {
    this.#reserve(text.length + 2);
    this.#ascii(text);
    this.#lineEnd();
  }

  #valueFrom(value: Uint8Array): void {
    this.#number(value.length);
    this.#lineEnd();
    this.#put(value);
    this.#lineEnd();
  }

  /** Makes sure of room for `count` more bytes; the methods below rely on it. */
  #reserve(count: number): void {
    const needed = this.#length + count;
    if (this.#bytes.length >= needed) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#length * 2, firstRoomBytes));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }

  #put(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #number(number: number): void {
    this.#ascii(String(number));
  }

  #ascii(text: string): void {
    for (let i = 0; i < text.length; i++) this.#byte(text.charCodeAt(i));
  }

  #lineEnd(): void {
    this.#byte(CR);
    this.#byte(LF);
  }

  #byte(byte: number): void {
    this.#bytes[this.#length++] = byte;
  }
}
