import { TextParser } from './text-parser.ts';
import { textRequestLimits, type TextRequest, type TextRequestLimits } from './text-requests.ts';

/** A request with its value as text, one byte per character, so that it compares and prints well. */
export type Parsed = Record<string, string | number | boolean>;

/** Small ones, so that tests pass them with little input. */
export const smallLimits: TextRequestLimits = {
  ...textRequestLimits,
  keyBytesMax: 10,
  valueBytesMax: 20,
  lineBytesMax: 60,
  skippedBytesMax: 100,
};

const toParsed = (request: TextRequest): Parsed =>
  'value' in request ? { ...request, value: Buffer.from(request.value).toString('latin1') } : { ...request };

/** What comes out of the pieces, given one after the other. Each is a buffer of its own. */
export function parsePieces(pieces: readonly string[], limits: TextRequestLimits = smallLimits): Parsed[] {
  const parser = new TextParser(limits);
  const requests: TextRequest[] = [];
  for (const piece of pieces) parser.parse(Buffer.from(piece, 'latin1'), requests);
  return requests.map(toParsed);
}

/** Every way to give the input in one or two pieces, and byte by byte. */
export function* cuts(input: string): Generator<string[]> {
  yield [input];
  for (let at = 1; at < input.length; at++) yield [input.slice(0, at), input.slice(at)];
  yield input.split('');
}
