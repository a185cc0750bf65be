/** The words of a memcached command line, and the numbers among them. */

const SPACE = 0x20;
const PLUS = 0x2b;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;

/** More than any command but a retrieval has. */
const tokensMax = 24;

/** Where the tokens of the line that is being read start and end. */
const starts = new Int32Array(tokensMax);
const ends = new Int32Array(tokensMax);

/** Digits that always make an exact number. */
const exactDigitsMax = 15;
const uint64Max = 2n ** 64n - 1n;

/**
 * A command line, split at its blanks (nothing else separates). There is one at a time in a thread: the positions of
 * its tokens are valid until the next one is split.
 */
export class TokenLine {
  bytes: Buffer = Buffer.alloc(0);
  /** How many tokens there are; counting stops at 24. */
  count = 0;
  #end = 0;

  /** The line is `bytes` from `start` to `end`, without its end. */
  split(bytes: Buffer, start: number, end: number): void {
    this.bytes = bytes;
    this.#end = end;
    this.count = 0;
    let at = start;
    while (this.count < tokensMax) {
      while (at < end && bytes[at] === SPACE) at++;
      if (at === end) return;
      starts[this.count] = at;
      while (at < end && bytes[at] !== SPACE) at++;
      ends[this.count++] = at;
    }
  }

  start(token: number): number {
    return starts[token] ?? 0;
  }

  end(token: number): number {
    return ends[token] ?? 0;
  }

  length(token: number): number {
    return this.end(token) - this.start(token);
  }

  /** The token's bytes, one per character; '' if there is none. */
  text(token: number): string {
    return token < this.count ? this.bytes.toString('latin1', this.start(token), this.end(token)) : '';
  }

  /** The token's bytes from its second one on, as `text`. */
  argument(token: number): string {
    return this.bytes.toString('latin1', this.start(token) + 1, this.end(token));
  }

  is(token: number, word: string): boolean {
    if (token >= this.count || this.length(token) !== word.length) return false;
    const start = this.start(token);
    for (let i = 0; i < word.length; i++) if (this.bytes[start + i] !== word.charCodeAt(i)) return false;
    return true;
  }

  /** All tokens from `first` on, also those that are not counted; null if one has more than `bytesMax` bytes. */
  texts(first: number, bytesMax: number): string[] | null {
    const texts: string[] = [];
    const end = this.#end;
    let at = first < this.count ? this.start(first) : end;
    while (at < end) {
      const start = at;
      while (at < end && this.bytes[at] !== SPACE) at++;
      if (at - start > bytesMax) return null;
      texts.push(this.bytes.toString('latin1', start, at));
      while (at < end && this.bytes[at] === SPACE) at++;
    }
    return texts;
  }

  /** The token, from its byte `skipped` on, as an integer with or without a sign; NaN if it is none or not exact. */
  integer(token: number, skipped = 0): number {
    let at = this.start(token) + skipped;
    const sign = this.bytes[at];
    const signed = at < this.end(token) && (sign === PLUS || sign === MINUS);
    if (signed) at++;
    const digits = this.#digits(at, this.end(token));
    const magnitude = digits === null ? Number.NaN : Number(digits);
    if (!Number.isSafeInteger(magnitude)) return Number.NaN;
    return signed && sign === MINUS ? 0 - magnitude : magnitude;
  }

  /** The token, from its byte `skipped` on, as an unsigned 64-bit integer; null if it is none. */
  uint64(token: number, skipped = 0): bigint | null {
    let at = this.start(token) + skipped;
    if (at < this.end(token) && this.bytes[at] === PLUS) at++;
    const digits = this.#digits(at, this.end(token));
    if (digits === null) return null;
    const value = BigInt(digits);
    return value <= uint64Max ? value : null;
  }

  /** Plain decimal digits: as a number when there are few, else as they stand. Null for anything else. */
  #digits(start: number, end: number): number | string | null {
    if (start >= end) return null;
    let number = 0;
    for (let i = start; i < end; i++) {
      const byte = this.bytes[i] ?? 0;
      if (byte < ZERO || byte > NINE) return null;
      number = number * 10 + (byte - ZERO);
    }
    return end - start <= exactDigitsMax ? number : this.bytes.toString('latin1', start, end);
  }
}
