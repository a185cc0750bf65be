import { assert } from '../base/assert.ts';
import { MemcachedLine } from './memcached-line.ts';
import type { MemcachedLimits, MemcachedRequest } from './memcached-requests.ts';
import { packWord } from './packed-word.ts';
import { RequestFramer, type Follow } from './request-framer.ts';

const SPACE = 0x20;

/** Commands whose lines may be long. */
const retrievals = new Set(
  ['get', 'gets', 'gat', 'gats'].map((word) => packWord(Buffer.from(word, 'latin1'), 0, word.length)),
);

/** Turns the bytes of one connection, in pieces of any size, into requests of memcached's text protocol. */
export class MemcachedParser extends RequestFramer<MemcachedRequest> {
  readonly #limits: MemcachedLimits;
  readonly #line: MemcachedLine;

  constructor(limits: MemcachedLimits) {
    super(limits);
    this.#limits = limits;
    this.#line = new MemcachedLine(limits);
  }

  protected get valueBytes(): number {
    return this.#line.valueBytes;
  }

  protected readLine(bytes: Buffer, start: number, end: number, out: MemcachedRequest[]): Follow {
    return this.#line.read(bytes, start, end, out);
  }

  protected takeValue(value: Uint8Array, out: MemcachedRequest[]): void {
    const { started } = this.#line;
    assert(started !== null, 'a value belongs to a request');
    if (started.kind === 'ms') {
      const { kind, key, flags } = started;
      out.push({ kind, key, flags, value });
    } else {
      const { kind, key, flags, exptime, version, noreply } = started;
      out.push({ kind, key, flags, exptime, version, value, noreply });
    }
  }

  /** memcached goes on with what follows; but that is the client's data, and not to be taken for commands. */
  protected refuseValueEnd(accepted: boolean, out: MemcachedRequest[]): void {
    const { started } = this.#line;
    const silent = !accepted || (started !== null && started.kind !== 'ms' && started.noreply);
    out.push({ kind: 'line', text: silent ? '' : 'CLIENT_ERROR bad data chunk', close: true });
  }

  protected longLineBytesMax(bytes: Buffer, start: number, end: number): number {
    let from = start;
    while (from < end && bytes[from] === SPACE) from++;
    let to = from;
    while (to < end && bytes[to] !== SPACE) to++;
    return retrievals.has(packWord(bytes, from, to))
      ? this.#limits.keysLineBytesMax
      : this.#limits.lineBytesMax;
  }

  /** Whatever follows such a line is not known: it may be a value. */
  protected refuseLine(_bytes: Buffer, _start: number, _end: number, out: MemcachedRequest[]): 'close' {
    out.push({ kind: 'line', text: 'CLIENT_ERROR line too long', close: true });
    return 'close';
  }

  protected refuseEndlessLine(): void {
    assert(false, 'lines are not dropped');
  }
}
