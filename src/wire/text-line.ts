import { packedBytesMax, packWord } from './packed-word.ts';
import { exptimeSMax, type TextRequestLimits } from './text-requests.ts';

const SPACE = 0x20;
const TAB = 0x09;
const ZERO = 0x30;
const NINE = 0x39;
const DELETE = 0x7f;

/** One more than any command has, so that a field too many shows. */
const fieldsMax = 7;

/** Where the fields of the line that is being read start and end: of use only within one call of `read`. */
const fieldStarts = new Int32Array(fieldsMax);
const fieldEnds = new Int32Array(fieldsMax);

const startOf = (field: number): number => fieldStarts[field] ?? 0;
const endOf = (field: number): number => fieldEnds[field] ?? 0;

/** How each command's line is made: which field stands where, counted from the command itself. */
interface Command {
  readonly kind: 'get' | 'getm' | 'set' | 'cas' | 'delete';
  /** Fields with the command and without `noreply`. */
  readonly fields: number;
  readonly takesNoreply: boolean;
  /** Positions of numbers; 0 where the command has none. */
  readonly exptimeAt: number;
  readonly versionAt: number;
  readonly numbytesAt: number;
}

const commands: readonly Command[] = [
  { kind: 'get', fields: 2, takesNoreply: false, exptimeAt: 0, versionAt: 0, numbytesAt: 0 },
  { kind: 'getm', fields: 2, takesNoreply: false, exptimeAt: 0, versionAt: 0, numbytesAt: 0 },
  { kind: 'set', fields: 4, takesNoreply: true, exptimeAt: 2, versionAt: 0, numbytesAt: 3 },
  { kind: 'cas', fields: 5, takesNoreply: true, exptimeAt: 2, versionAt: 3, numbytesAt: 4 },
  { kind: 'delete', fields: 2, takesNoreply: true, exptimeAt: 0, versionAt: 0, numbytesAt: 0 },
];

const commandsByWord = new Map<number, Command>(
  commands.map((command) => {
    const word = Buffer.from(command.kind, 'latin1');
    return [packWord(word, 0, word.length), command];
  }),
);

const noreplyWord = Buffer.from('noreply', 'latin1');

/** Finds the fields between blanks, and returns how many there are; it stops counting at `fieldsMax`. */
function splitFields(bytes: Uint8Array, start: number, end: number): number {
  let count = 0;
  let at = start;
  while (count < fieldsMax) {
    while (at < end && isBlank(bytes[at])) at++;
    if (at === end) break;
    fieldStarts[count] = at;
    while (at < end && !isBlank(bytes[at])) at++;
    fieldEnds[count] = at;
    count++;
  }
  return count;
}

/** Plain decimal digits as a number, −1 for anything else. Inexact, and then larger, above 2^53 − 1. */
function readNumber(bytes: Uint8Array, field: number): number {
  const end = endOf(field);
  let number = 0;
  for (let i = startOf(field); i < end; i++) {
    const byte = bytes[i] ?? 0;
    if (byte < ZERO || byte > NINE) return -1;
    number = number * 10 + (byte - ZERO);
  }
  return number;
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB;
}

function isNoreply(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== noreplyWord.length) return false;
  for (let i = 0; i < noreplyWord.length; i++) if (bytes[start + i] !== noreplyWord[i]) return false;
  return true;
}

function hasControlByte(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const byte = bytes[i] ?? 0;
    if (byte < SPACE || byte === DELETE) return true;
  }
  return false;
}

/**
 * What a line turned out to be. `refused` has the right form, so that where its value ends is known, but is past
 * a limit; `malformed` has not, and the next line is the next request.
 */
export type LineVerdict = 'empty' | 'accepted' | 'refused' | 'malformed';

/**
 * Reads one command line. The result stands in its fields until the next one is read: a line makes no garbage
 * but its key.
 */
export class TextLine {
  kind: Command['kind'] = 'get';
  key = '';
  exptimeS = 0;
  version = 0;
  /** Whether a value follows the line, and its length as the line says it: any number, also an infinite one. */
  hasValue = false;
  valueBytes = 0;
  /** Also of a refused or malformed line, when the word stood in its place. */
  noreply = false;
  readonly #limits: TextRequestLimits;

  constructor(limits: TextRequestLimits) {
    this.#limits = limits;
  }

  /** The line is `bytes` from `start` to `end`, without its end. */
  read(bytes: Buffer, start: number, end: number): LineVerdict {
    this.noreply = false;
    const count = splitFields(bytes, start, end);
    if (count === 0) return 'empty';
    const command = commandsByWord.get(packWord(bytes, startOf(0), endOf(0)));
    if (command === undefined) return 'malformed';
    if (count !== command.fields) {
      if (count !== command.fields + 1 || !command.takesNoreply) return 'malformed';
      if (!isNoreply(bytes, startOf(command.fields), endOf(command.fields))) return 'malformed';
      this.noreply = true;
    }
    return this.#readFields(command, bytes);
  }

  #readFields(command: Command, bytes: Buffer): LineVerdict {
    const keyOk = this.#readKey(bytes);
    this.kind = command.kind;
    this.hasValue = command.numbytesAt > 0;
    if (!this.hasValue) return keyOk ? 'accepted' : 'malformed';
    this.exptimeS = readNumber(bytes, command.exptimeAt);
    this.version = command.versionAt === 0 ? 0 : readNumber(bytes, command.versionAt);
    this.valueBytes = readNumber(bytes, command.numbytesAt);
    if (this.exptimeS < 0 || this.version < 0 || this.valueBytes < 0) return 'malformed';
    const within =
      this.exptimeS <= exptimeSMax &&
      this.version <= Number.MAX_SAFE_INTEGER &&
      this.valueBytes <= this.#limits.valueBytesMax;
    return keyOk && within ? 'accepted' : 'refused';
  }

  #readKey(bytes: Buffer): boolean {
    const start = startOf(1);
    const end = endOf(1);
    if (end - start > this.#limits.keyBytesMax || hasControlByte(bytes, start, end)) return false;
    this.key = bytes.toString('latin1', start, end);
    return true;
  }
}

/**
 * Whether a line of which only the beginning is known may be followed by a value: then what follows the line must
 * not be read as commands.
 */
export function mayAnnounceValue(bytes: Uint8Array, start: number, end: number): boolean {
  let from = start;
  while (from < end && isBlank(bytes[from])) from++;
  let to = from;
  while (to < end && !isBlank(bytes[to])) to++;
  const wordIsCut = to === end && to - from < packedBytesMax;
  return wordIsCut || (commandsByWord.get(packWord(bytes, from, to))?.numbytesAt ?? 0) > 0;
}
