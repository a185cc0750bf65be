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

/** What follows a line: another one, its value, or a value that is of no use. `close`: that is not known. */
export type Follow = 'line' | 'value' | 'skip' | 'close';

export interface FramerLimits {
  /** Longest line, without its `\n`. */
  readonly lineBytesMax: number;
  /** What of one refused value, or of one line that is too long, is read and dropped; past it, nothing is read. */
  readonly skippedBytesMax: number;
}

/** First room for a value of which more is announced than has come: what is only announced takes no memory. */
const valueRoomBytes = 64 * 1_024;

const nothing = new Uint8Array(0);

/**
 * Cuts the bytes of one connection, in pieces of any size, into lines, and values of a length that their line
 * announced: what memcached's and the text protocol have in common. What the lines mean is for subclasses. It never
 * throws; how the bytes are cut never changes what comes out. It keeps at most one started line, and one value, each
 * in at most twice the bytes that have come of it (or little memory).
 */
export abstract class RequestFramer<Request> {
  readonly #limits: FramerLimits;
  #state: State = 'line';
  /** A started line, and how much of it has come. */
  #line: Buffer | null = null;
  #lineLength = 0;
  /** The line under way ended by a bare `\n`, so its value may, too. */
  #bareLineEnd = false;
  /** The value under way as far as it has come; its buffer grows. */
  #value: Uint8Array = nothing;
  #valueLength = 0;
  #valueBytes = 0;
  /** What is left to drop of a value or of a line. */
  #skipLeft = 0;
  /** At `value-end`: the value was accepted. */
  #accepted = false;
  #sawCarriageReturn = false;

  constructor(limits: FramerLimits) {
    this.#limits = limits;
  }

  /** Nothing more will come out: the connection is to be closed. */
  get closed(): boolean {
    return this.#state === 'closed';
  }

  /** A value is under way: what it will take is known. */
  get isInValue(): boolean {
    return this.#state === 'value' || (this.#state === 'value-end' && this.#accepted);
  }

  /** The bytes that the value under way takes once it is complete, or a long line takes now; 0 when none is. */
  get announcedBytes(): number {
    if (this.isInValue) return this.#valueBytes;
    return this.#lineLength > this.#limits.lineBytesMax ? (this.#line?.length ?? 0) : 0;
  }

  /**
   * Appends to `out` the requests that `chunk` completes. The chunk belongs to the parser from now on: values
   * may be views of it.
   */
  parse(chunk: Buffer, out: Request[]): void {
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

  /** The line is `bytes` from `start` to `end`, without its end. Tells what follows it; `valueBytes` how much of it. */
  protected abstract readLine(bytes: Buffer, start: number, end: number, out: Request[]): Follow;
  /** Of the value that the last line announced: any number. */
  protected abstract readonly valueBytes: number;
  /** The last line's value is complete. */
  protected abstract takeValue(value: Uint8Array, out: Request[]): void;
  /** No line end followed the last line's value, accepted or not. Nothing more is read. */
  protected abstract refuseValueEnd(accepted: boolean, out: Request[]): void;
  /** The limit of a line that starts like this and is longer than `lineBytesMax`. */
  protected abstract longLineBytesMax(bytes: Buffer, start: number, end: number): number;
  /** A line that starts like this is too long: it is dropped, or nothing more is read. */
  protected abstract refuseLine(bytes: Buffer, start: number, end: number, out: Request[]): 'skip' | 'close';
  /** A line that was to be dropped has no end: nothing more is read. */
  protected abstract refuseEndlessLine(out: Request[]): void;

  #takeLine(chunk: Buffer, at: number, out: Request[]): number {
    const end = chunk.indexOf(LF, at);
    if (this.#lineLength > 0 || end === -1) return this.#takeLinePiece(chunk, at, end, out);
    const { lineBytesMax } = this.#limits;
    const startEnd = at + lineBytesMax;
    if (end > startEnd && end - at > this.longLineBytesMax(chunk, at, startEnd)) {
      return this.#refuseLine(chunk, at, startEnd, out);
    }
    this.#takeWholeLine(chunk, at, end, out);
    return end + 1;
  }

  /** Part of a line: puts it to what has come before. `end` is where the line ends in the chunk, or −1. */
  #takeLinePiece(chunk: Buffer, at: number, end: number, out: Request[]): number {
    const { lineBytesMax } = this.#limits;
    const pieceEnd = end === -1 ? chunk.length : end;
    const length = this.#lineLength + pieceEnd - at;
    const first = Math.min(pieceEnd, at + Math.max(0, lineBytesMax - this.#lineLength));
    let line = this.#addToLine(chunk, at, first, lineBytesMax);
    if (length > lineBytesMax) {
      const max = this.longLineBytesMax(line, 0, lineBytesMax);
      if (length > max) return this.#refuseLine(line, 0, first, out);
      line = this.#addToLine(chunk, first, pieceEnd, max);
    }
    if (end === -1) return pieceEnd;
    this.#dropLine();
    this.#takeWholeLine(line, 0, length, out);
    return end + 1;
  }

  /** The line, now with these bytes of the chunk, which make it no longer than `bytesMax`. */
  #addToLine(chunk: Buffer, start: number, end: number, bytesMax: number): Buffer {
    const length = this.#lineLength + end - start;
    let line = this.#line;
    if (line === null || line.length < length) {
      line = Buffer.allocUnsafe(Math.min(bytesMax, Math.max(length * 2, this.#limits.lineBytesMax)));
      this.#line?.copy(line, 0, 0, this.#lineLength);
      this.#line = line;
    }
    chunk.copy(line, this.#lineLength, start, end);
    this.#lineLength = length;
    return line;
  }

  #dropLine(): void {
    this.#line = null;
    this.#lineLength = 0;
  }

  /** The first `lineBytesMax` bytes of the line stand in `bytes` from `start` on; the chunk goes on at `next`. */
  #refuseLine(bytes: Buffer, start: number, next: number, out: Request[]): number {
    const { lineBytesMax, skippedBytesMax } = this.#limits;
    const after = this.refuseLine(bytes, start, start + lineBytesMax, out);
    this.#dropLine();
    this.#skipLeft = skippedBytesMax;
    this.#state = after === 'skip' ? 'skip-line' : 'closed';
    return next;
  }

  #takeWholeLine(bytes: Buffer, start: number, lineEnd: number, out: Request[]): void {
    const hasCarriageReturn = lineEnd > start && bytes[lineEnd - 1] === CR;
    const follow = this.readLine(bytes, start, hasCarriageReturn ? lineEnd - 1 : lineEnd, out);
    if (follow === 'line') return;
    this.#bareLineEnd = !hasCarriageReturn;
    this.#sawCarriageReturn = false;
    this.#accepted = follow === 'value';
    this.#valueBytes = this.valueBytes;
    this.#valueLength = 0;
    this.#value = nothing;
    this.#skipLeft = this.#valueBytes;
    if (follow === 'value') this.#state = 'value';
    else this.#state = follow === 'skip' ? 'skip-value' : 'closed';
  }

  /** A value that is whole in the chunk stays there; one in pieces is collected. */
  #takeValue(chunk: Buffer, at: number): number {
    const valueBytes = this.#valueBytes;
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
    const grown = new Uint8Array(Math.min(this.#valueBytes, wanted));
    grown.set(this.#value.subarray(0, this.#valueLength));
    this.#value = grown;
  }

  /**
   * A value ends by `\r\n`; by `\n` alone only after a line that ended so. Otherwise a value that is longer than
   * announced and has a `\n` there would have its rest read as commands.
   */
  #takeValueEnd(chunk: Buffer, at: number, out: Request[]): number {
    const byte = chunk[at];
    if (byte === CR && !this.#sawCarriageReturn) {
      this.#sawCarriageReturn = true;
      return at + 1;
    }
    const ended = byte === LF && (this.#sawCarriageReturn || this.#bareLineEnd);
    this.#state = ended ? 'line' : 'closed';
    const value = this.#value;
    this.#value = nothing;
    if (!ended) this.refuseValueEnd(this.#accepted, out);
    else if (this.#accepted) this.takeValue(value, out);
    return at + 1;
  }

  #skipValue(chunk: Buffer, at: number): number {
    const skipped = Math.min(this.#skipLeft, chunk.length - at);
    this.#skipLeft -= skipped;
    if (this.#skipLeft === 0) this.#state = 'value-end';
    return at + skipped;
  }

  #skipLine(chunk: Buffer, at: number, out: Request[]): number {
    const end = chunk.indexOf(LF, at);
    const next = end === -1 ? chunk.length : end + 1;
    this.#skipLeft -= next - at;
    if (this.#skipLeft < 0) {
      this.#state = 'closed';
      this.refuseEndlessLine(out);
    } else if (end !== -1) {
      this.#state = 'line';
    }
    return next;
  }
}
