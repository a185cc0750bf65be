import { createReadStream } from 'node:fs';
import { KvraftError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';

/** The longest value in base64, a key, and some. */
const LINE_BYTES_MAX = 2 * limits.valueBytesCeiling;
const NEWLINE = 10;

export interface Line {
  readonly text: string;
  /** Counted from 1. */
  readonly number: number;
  /** Where the next line begins, in bytes from the start of the file. */
  readonly endOffset: number;
}

/** The lines of a file from an offset on, which is the start of line `number`; the last needs no line feed. */
export async function* readLines(
  file: string,
  offset: number,
  number: number,
  onChunk: (chunk: Buffer) => void = () => undefined,
): AsyncGenerator<Line, undefined> {
  let parts: Buffer[] = [];
  let partBytes = 0;
  let endOffset = offset;
  const take = (): Line => {
    const text = Buffer.concat(parts).toString('utf8');
    parts = [];
    partBytes = 0;
    return { text, number: number++, endOffset };
  };
  for await (const chunk of createReadStream(file, { start: offset }) as AsyncIterable<Buffer>) {
    onChunk(chunk);
    let from = 0;
    for (let to = chunk.indexOf(NEWLINE); to >= 0; to = chunk.indexOf(NEWLINE, from)) {
      parts.push(chunk.subarray(from, to));
      endOffset += to + 1 - from + partBytes;
      from = to + 1;
      yield take();
    }
    parts.push(chunk.subarray(from));
    partBytes += chunk.length - from;
    if (partBytes > LINE_BYTES_MAX) {
      throw new KvraftError('INVALID_ARGUMENT', `${file}:${number}: the line is longer than any entry`);
    }
  }
  if (partBytes > 0) {
    endOffset += partBytes;
    yield take();
  }
  return undefined;
}
