import { assert } from '../base/assert.ts';
import { RequestFramer, type Follow } from './request-framer.ts';
import { mayAnnounceValue, TextLine } from './text-line.ts';
import { textRequestLimits, type TextRequest, type TextRequestLimits } from './text-requests.ts';

const malformed: TextRequest = { kind: 'error', noreply: false, close: false };

/** Turns the bytes of one connection, in pieces of any size, into requests of the text protocol. */
export class TextParser extends RequestFramer<TextRequest> {
  readonly #limits: TextRequestLimits;
  readonly #line: TextLine;

  constructor(limits: TextRequestLimits = textRequestLimits) {
    super(limits);
    this.#limits = limits;
    this.#line = new TextLine(limits);
  }

  protected get valueBytes(): number {
    return this.#line.valueBytes;
  }

  protected readLine(bytes: Buffer, start: number, end: number, out: TextRequest[]): Follow {
    const line = this.#line;
    const verdict = line.read(bytes, start, end);
    if (verdict === 'empty') return 'line';
    if (verdict === 'malformed') {
      out.push(line.noreply ? { kind: 'error', noreply: true, close: false } : malformed);
      return 'line';
    }
    if (!line.hasValue) {
      this.#pushRequest(out);
      return 'line';
    }
    if (verdict === 'accepted') return 'value';
    const close = line.valueBytes > this.#limits.skippedBytesMax;
    out.push({ kind: 'error', noreply: line.noreply, close });
    return close ? 'close' : 'skip';
  }

  #pushRequest(out: TextRequest[]): void {
    const { kind, key, noreply } = this.#line;
    assert(kind !== 'set' && kind !== 'cas', 'a command with a value is complete only with it');
    out.push(kind === 'delete' ? { kind, key, noreply } : { kind, key });
  }

  protected takeValue(value: Uint8Array, out: TextRequest[]): void {
    const { kind, key, exptimeS, version, noreply } = this.#line;
    if (kind === 'cas') out.push({ kind, key, exptimeS, version, value, noreply });
    else out.push({ kind: 'set', key, exptimeS, value, noreply });
  }

  protected refuseValueEnd(accepted: boolean, out: TextRequest[]): void {
    out.push({ kind: 'error', noreply: this.#line.noreply || !accepted, close: true });
  }

  protected longLineBytesMax(): number {
    return this.#limits.lineBytesMax;
  }

  protected refuseLine(bytes: Buffer, start: number, end: number, out: TextRequest[]): 'skip' | 'close' {
    const close = mayAnnounceValue(bytes, start, end);
    out.push({ kind: 'error', noreply: false, close });
    return close ? 'close' : 'skip';
  }

  /** The error was reported where the line became too long. */
  protected refuseEndlessLine(out: TextRequest[]): void {
    out.push({ kind: 'error', noreply: true, close: true });
  }
}
