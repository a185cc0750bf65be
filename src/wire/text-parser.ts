import { assert } from '../base/assert.ts';
import { mayAnnounceValue, TextLine } from './text-line.ts';
import { textRequestLimits, type TextRequest, type TextRequestLimits } from './text-requests.ts';

const LF = 0x0a;
const CR = 0x0d;

/** What the next byte belongs to. */
type State =
  | 'line'
  /** A value that is collected. */
  | 'value'
  /** A value that was refused, and is dropped. */
  | 'skip-value'
  /** The line end after either. */
  | 'value-end'
  /** A line that was too long, and is dropped. */
  | 'skip-line'
  /** Nothing can be read safely any more. */
  | 'closed';

/** First room for a value of which more is announced than has come: what is only announced takes no memory. */
const valueRoomBytes = 64 * 1_024;

const malformed: TextRequest = { kind: 'error', noreply: false, close: false };
const nothing = new Uint8Array(0);

/**
 * Turns the bytes of one connection, in pieces of any size, into requests. It never throws; how the bytes are cut
 * never changes what comes out. It keeps at most one started line, and one value of at most twice the bytes that
 * have come of it.
 */
export class TextParser {
  readonly #limits: TextRequestLimits;
  readonly #line: TextLine;
  #state: State = 'line';
  /** A started line, and how much of it has come. */
  #lineBytes: Buffer | null = null;
  #lineLength = 0;
  /** The line under way ended by a bare `\n`, so its value may, too. */
  #bareLineEnd = false;
  /** The value under way as far as it has come; its buffer grows. */
  #value: Uint8Array = nothing;
  #valueLength = 0;
  /** What is left to drop of a value or of a line. */
  #skipLeft = 0;
  /** At `value-end`: the value was accepted. */
  #accepted = false;
  #sawCarriageReturn = false;

  constructor(limits: TextRequestLimits = textRequestLimits) {
    this.#limits = limits;
    this.#line = new TextLine(limits);
  }

  /** Nothing more will come out: the connection is to be closed. */
  get closed(): boolean {
    return this.#state === 'closed';
  }

  /** The bytes that the value under way takes once it is complete; 0 when none is. */
  get announcedBytes(): number {
    const collecting = this.#state === 'value' || (this.#state === 'value-end' && this.#accepted);
    return collecting ? this.#line.valueBytes : 0;
  }

  /**
   * Appends to `out` the requests that `chunk` completes. The chunk belongs to the parser from now on: values
   * may be views of it.
   */
  parse(chunk: Buffer, out: TextRequest[]): void {
    let at = 0;
    while (at < chunk.length) {
      switch (this.#state) {
        case 'line':
          at = this.#takeLine(chunk, at, out);
          break;
        case 'value':
          at = this.#takeValue(chunk, at);
          break;
        case 'value-end':
          at = this.#takeValueEnd(chunk, at, out);
          break;
        case 'skip-value':
          at = this.#skipValue(chunk, at);
          break;
        case 'skip-line':
          at = this.#skipLine(chunk, at, out);
          break;
        case 'closed':
          return;
      }
    }
  }

  #takeLine(chunk: Buffer, at: number, out: TextRequest[]): number {
    const end = chunk.indexOf(LF, at);
    if (this.#lineLength > 0 || end === -1) return this.#takeLinePiece(chunk, at, end, out);
    if (end - at > this.#limits.lineBytesMax) {
      return this.#refuseLongLine(chunk, at, at + this.#limits.lineBytesMax, out);
    }
    this.#takeWholeLine(chunk, at, end, out);
    return end + 1;
  }

  /** Part of a line: puts it to what has come before. `end` is where the line ends in the chunk, or −1. */
  #takeLinePiece(chunk: Buffer, at: number, end: number, out: TextRequest[]): number {
    const { lineBytesMax } = this.#limits;
    this.#lineBytes ??= Buffer.allocUnsafe(lineBytesMax);
    const pieceEnd = end === -1 ? chunk.length : end;
    const room = lineBytesMax - this.#lineLength;
    const taken = Math.min(pieceEnd - at, room);
    chunk.copy(this.#lineBytes, this.#lineLength, at, at + taken);
    this.#lineLength += taken;
    if (pieceEnd - at > room) return this.#refuseLongLine(this.#lineBytes, 0, at + taken, out);
    if (end === -1) return pieceEnd;
    const line = this.#lineBytes;
    const length = this.#lineLength;
    this.#dropLine();
    this.#takeWholeLine(line, 0, length, out);
    return end + 1;
  }

  #dropLine(): void {
    this.#lineBytes = null;
    this.#lineLength = 0;
  }

  /** The first `lineBytesMax` bytes of the line stand in `bytes` from `start` on; the chunk goes on at `next`. */
  #refuseLongLine(bytes: Buffer, start: number, next: number, out: TextRequest[]): number {
    const close = mayAnnounceValue(bytes, start, start + this.#limits.lineBytesMax);
    this.#dropLine();
    this.#skipLeft = this.#limits.skippedBytesMax;
    this.#state = close ? 'closed' : 'skip-line';
    out.push({ kind: 'error', noreply: false, close });
    return next;
  }

  #takeWholeLine(bytes: Buffer, start: number, lineEnd: number, out: TextRequest[]): void {
    const hasCarriageReturn = lineEnd > start && bytes[lineEnd - 1] === CR;
    const line = this.#line;
    const verdict = line.read(bytes, start, hasCarriageReturn ? lineEnd - 1 : lineEnd);
    if (verdict === 'empty') return;
    if (verdict === 'malformed') {
      out.push(line.noreply ? { kind: 'error', noreply: true, close: false } : malformed);
    } else if (line.hasValue) {
      this.#bareLineEnd = !hasCarriageReturn;
      this.#expectValue(verdict === 'accepted', out);
    } else {
      this.#pushRequest(out);
    }
  }

  #pushRequest(out: TextRequest[]): void {
    const { kind, key, noreply } = this.#line;
    assert(kind !== 'set' && kind !== 'cas', 'a command with a value is complete only with it');
    out.push(kind === 'delete' ? { kind, key, noreply } : { kind, key });
  }

  #expectValue(accepted: boolean, out: TextRequest[]): void {
    const { valueBytes, noreply } = this.#line;
    this.#accepted = accepted;
    this.#sawCarriageReturn = false;
    if (accepted) {
      this.#state = 'value';
      this.#valueLength = 0;
      this.#value = nothing;
      return;
    }
    const close = valueBytes > this.#limits.skippedBytesMax;
    this.#skipLeft = valueBytes;
    this.#state = close ? 'closed' : 'skip-value';
    out.push({ kind: 'error', noreply, close });
  }

  /** A value that is whole in the chunk stays there; one in pieces is collected. */
  #takeValue(chunk: Buffer, at: number): number {
    const { valueBytes } = this.#line;
    const available = chunk.length - at;
    if (this.#valueLength === 0 && available > valueBytes + 1) {
      this.#value = chunk.subarray(at, at + valueBytes);
      this.#state = 'value-end';
      return at + valueBytes;
    }
    const taken = Math.min(available, valueBytes - this.#valueLength);
    this.#makeRoom(this.#valueLength + taken);
    this.#value.set(chunk.subarray(at, at + taken), this.#valueLength);
    this.#valueLength += taken;
    if (this.#valueLength === valueBytes) this.#state = 'value-end';
    return at + taken;
  }

  /** Doubles, so that each byte is copied about twice however small the pieces are. */
  #makeRoom(neededBytes: number): void {
    const room = this.#value.length;
    if (room >= neededBytes) return;
    const wanted = Math.max(neededBytes, room * 2, valueRoomBytes);
    const grown = new Uint8Array(Math.min(this.#line.valueBytes, wanted));
    grown.set(this.#value.subarray(0, this.#valueLength));
    this.#value = grown;
  }

  /**
   * A value ends by `\r\n`; by `\n` alone only after a line that ended so. Otherwise a value that is longer than
   * announced and has a `\n` there would have its rest read as commands.
   */
  #takeValueEnd(chunk: Buffer, at: number, out: TextRequest[]): number {
    const byte = chunk[at];
    if (byte === CR && !this.#sawCarriageReturn) {
      this.#sawCarriageReturn = true;
      return at + 1;
    }
    const ended = byte === LF && (this.#sawCarriageReturn || this.#bareLineEnd);
    this.#state = ended ? 'line' : 'closed';
    if (!ended) out.push({ kind: 'error', noreply: this.#line.noreply || !this.#accepted, close: true });
    else if (this.#accepted) this.#pushWithValue(out);
    this.#value = nothing;
    return at + 1;
  }

  #pushWithValue(out: TextRequest[]): void {
    const { kind, key, exptimeS, version, noreply } = this.#line;
    const value = this.#value;
    if (kind === 'cas') out.push({ kind, key, exptimeS, version, value, noreply });
    else out.push({ kind: 'set', key, exptimeS, value, noreply });
  }

  #skipValue(chunk: Buffer, at: number): number {
    const skipped = Math.min(this.#skipLeft, chunk.length - at);
    this.#skipLeft -= skipped;
    if (this.#skipLeft === 0) this.#state = 'value-end';
    return at + skipped;
  }

  #skipLine(chunk: Buffer, at: number, out: TextRequest[]): number {
    const end = chunk.indexOf(LF, at);
    const next = end === -1 ? chunk.length : end + 1;
    this.#skipLeft -= next - at;
    if (this.#skipLeft < 0) {
      this.#state = 'closed';
      // The error was reported where the line became too long.
      out.push({ kind: 'error', noreply: true, close: true });
    } else if (end !== -1) {
      this.#state = 'line';
    }
    return next;
  }
}
