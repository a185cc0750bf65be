import { putKey, putStamp, type RequestShape, type Wire, type WireHandler } from './wire.ts';

/** A request with gaps: where the key and the value's stamp go. */
export interface RequestTemplate {
  readonly bytes: Buffer;
  readonly keyAt: number;
  /** Negative for a read. */
  readonly valueAt: number;
}

const LF = 0x0a;
const CR = 0x0d;

/** Builds a request around a key and, for a write, a value. */
export function template(
  head: string,
  key: string,
  middle: string,
  value: string,
  tail: string,
): RequestTemplate {
  return {
    bytes: Buffer.from(head + key + middle + value + tail, 'latin1'),
    keyAt: head.length,
    valueAt: value === '' ? -1 : head.length + key.length + middle.length,
  };
}

/** What a protocol whose replies come in the order of the requests, each with a line in front, has to say. */
export interface LineProtocol {
  request(shape: RequestShape): RequestTemplate;
  /** What the line of a write's success begins with. */
  readonly acknowledgement: string;
  /** What a line that a value follows begins with. */
  readonly valueMark: string;
  /** What the line begins with that says that there is no value. */
  readonly missing: string;
  /** Bytes behind a value, its line end included. */
  readonly valueTailBytes: number;
}

/** The wire of all such protocols: the line's last number is the length of the value behind it. */
export class OrderedWire implements Wire {
  readonly #protocol: LineProtocol;
  readonly #template: RequestTemplate;
  readonly #handler: WireHandler;
  readonly #isWrite: boolean;
  /** Slots of the requests that were sent, in order, in a ring. */
  #ring = new Int32Array(64);
  #head = 0;
  #waiting = 0;
  /** The beginning of a reply that has not come whole. */
  #carry: Buffer | null = null;

  constructor(protocol: LineProtocol, shape: RequestShape, handler: WireHandler) {
    this.#protocol = protocol;
    this.#template = protocol.request(shape);
    this.#handler = handler;
    this.#isWrite = shape.work === 'write';
  }

  hello(): Buffer | null {
    return null;
  }

  get requestBytesMax(): number {
    return this.#template.bytes.length;
  }

  encode(out: Buffer, at: number, slot: number, key: number, number: number): number {
    const { bytes, keyAt, valueAt } = this.#template;
    out.set(bytes, at);
    putKey(out, at + keyAt, key);
    if (valueAt >= 0) putStamp(out, at + valueAt, key, number);
    if (this.#waiting === this.#ring.length) this.#growRing();
    this.#ring[(this.#head + this.#waiting++) & (this.#ring.length - 1)] = slot;
    return at + bytes.length;
  }

  receive(chunk: Buffer): void {
    const bytes = this.#carry === null ? chunk : Buffer.concat([this.#carry, chunk]);
    this.#carry = null;
    let at = 0;
    while (at < bytes.length) {
      const end = this.#reply(bytes, at);
      if (end < 0) {
        this.#carry = Buffer.from(bytes.subarray(at));
        return;
      }
      at = end;
    }
  }

  #growRing(): void {
    const larger = new Int32Array(this.#ring.length * 2);
    for (let i = 0; i < this.#waiting; i++)
      larger[i] = this.#ring[(this.#head + i) & (this.#ring.length - 1)] ?? 0;
    this.#ring = larger;
    this.#head = 0;
  }

  #nextSlot(): number {
    if (this.#waiting === 0) throw new Error('a reply came to no request');
    const slot = this.#ring[this.#head] ?? 0;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.#waiting--;
    return slot;
  }

  /** Takes the reply at `start` and returns where it ends; -1 when it is not whole. */
  #reply(bytes: Buffer, start: number): number {
    let lineEnd = start;
    while (lineEnd < bytes.length && bytes[lineEnd] !== LF) lineEnd++;
    if (lineEnd === bytes.length) return -1;
    const { acknowledgement, valueMark, missing, valueTailBytes } = this.#protocol;
    if (this.#isWrite && beginsWith(bytes, start, acknowledgement)) {
      this.#handler.succeeded(this.#nextSlot(), bytes, -1);
      return lineEnd + 1;
    }
    const isMissing = !this.#isWrite && beginsWith(bytes, start, missing);
    if (!this.#isWrite && !isMissing && beginsWith(bytes, start, valueMark)) {
      const end = lineEnd + 1 + lastNumber(bytes, start, lineEnd) + valueTailBytes;
      if (end > bytes.length) return -1;
      this.#handler.succeeded(this.#nextSlot(), bytes, lineEnd + 1);
      return end;
    }
    const slot = this.#nextSlot();
    if (isMissing) this.#handler.missed(slot);
    else this.#handler.failed(slot, bytes.toString('latin1', start, lineEnd).trimEnd());
    return lineEnd + 1;
  }
}

function beginsWith(bytes: Buffer, start: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** The decimal number that ends the line in front of its line feed at `lineEnd`. */
function lastNumber(bytes: Buffer, start: number, lineEnd: number): number {
  let at = bytes[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd;
  let number = 0;
  for (let scale = 1; --at >= start; scale *= 10) {
    const digit = (bytes[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) break;
    number += digit * scale;
  }
  return number;
}
