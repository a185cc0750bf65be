/**
 * Two 32-bit lanes, each of which a word changes by a multiplication and a shift: what was mixed earlier stands
 * multiplied, so order and place of every word count. The last step is MurmurHash3's finalizer (Austin Appleby,
 * public domain).
 *
 * The lanes are signed, as what operators on 32 bits make them: V8 keeps such numbers in the object itself.
 */
export class Mixer {
  a = 0;
  b = 0;

  start(tag: number): void {
    this.a = 0x2545f491 ^ tag;
    this.b = 0x6a09e667 + tag;
  }

  word(word: number): void {
    const a = Math.imul(this.a ^ word, 0x9e3779b1);
    this.a = a ^ (a >>> 15);
    const b = Math.imul((this.b + word) | 0, 0x85ebca77);
    this.b = b ^ (b >>> 13);
  }

  /** An integer from 0 to 2^53 − 1. */
  long(value: number): void {
    this.word(value | 0);
    this.word(Math.floor(value / 2 ** 32));
  }

  /** Characters of one byte each, four to a word, and their number. */
  text(text: string): void {
    const { length } = text;
    let at = 0;
    for (; at + 4 <= length; at += 4) {
      const low = text.charCodeAt(at) | (text.charCodeAt(at + 1) << 8);
      this.word(low | (text.charCodeAt(at + 2) << 16) | (text.charCodeAt(at + 3) << 24));
    }
    for (; at < length; at++) this.word(text.charCodeAt(at));
    this.word(length);
  }

  finish(): void {
    this.a = avalanche(this.a);
    this.b = avalanche(this.b);
  }
}

function avalanche(lane: number): number {
  let mixed = Math.imul(lane ^ (lane >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
