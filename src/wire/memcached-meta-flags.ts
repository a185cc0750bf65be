import type { TokenLine } from './memcached-tokens.ts';

/** The flags of a meta command. Times are as clients give them: see `ttlOf`. */
export interface MetaFlags {
  /** The flags that are answered, in the order of the request: single letters, and `O` with its token. */
  readonly returns: readonly string[];
  /** `b`: the key stands in the request, and in the answer, as base64. */
  readonly base64: boolean;
  /** `q`: the expected outcome is not answered. */
  readonly quiet: boolean;
  /** `v`: the value is asked for. */
  readonly value: boolean;
  /** `I` */
  readonly invalidate: boolean;
  /** `T`: the time to live to set. */
  readonly exptime: number | null;
  /** `N`: a key that is not there is made, with this time to live. */
  readonly vivify: number | null;
  /** `R`: a key with less than this to live is to be made anew by the one who asks. */
  readonly recache: number | null;
  /** `C`: the version that the key must have. */
  readonly version: number | null;
  /** `F` */
  readonly clientFlags: number;
  /** `M`: one letter, '' without the flag. */
  readonly mode: string;
  /** `D` */
  readonly delta: bigint;
  /** `J` */
  readonly initial: bigint;
}

type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

const badToken = 'CLIENT_ERROR bad token in command line format';
const letterMax = 127;
const opaqueBytesMax = 32;
const uint32Max = 0xffff_ffff;

/** Stands for all versions that no key can have: 0, which means none here, and what is past 2^53 − 1. */
const unheldVersion = Number.MAX_SAFE_INTEGER;

/** The version that a client's 64-bit number means. */
export function versionOf(unique: bigint): number {
  return unique === 0n || unique > BigInt(unheldVersion) ? unheldVersion : Number(unique);
}

export const noMetaFlags: MetaFlags = {
  returns: [],
  base64: false,
  quiet: false,
  value: false,
  invalidate: false,
  exptime: null,
  vivify: null,
  recache: null,
  version: null,
  clientFlags: 0,
  mode: '',
  delta: 1n,
  initial: 0n,
};

/**
 * The flags from token `first` on, of a command that answers the letters of `returned`; or the error line. As in
 * memcached, an unknown or repeated flag ends the reading, and of several bad arguments the last is the one named.
 */
export function readMetaFlags(line: TokenLine, first: number, returned: string): MetaFlags | string {
  const returns: string[] = [];
  const flags: Writable<MetaFlags> = { ...noMetaFlags, returns };
  let error = '';
  let seen = '';
  for (let token = first; token < line.count; token++) {
    const code = line.bytes[line.start(token)] ?? 0;
    const letter = String.fromCharCode(code);
    if (code >= letterMax || seen.includes(letter)) return 'CLIENT_ERROR duplicate flag';
    seen += letter;
    const fault = readFlag(line, token, letter, flags);
    if (fault === unknown) return fault;
    if (fault !== '') error = fault;
    if (returned.includes(letter)) returns.push(letter === 'O' ? line.text(token) : letter);
  }
  return error === '' ? flags : error;
}

const unknown = 'CLIENT_ERROR invalid flag';

/** Returns the error line, '' if there is none. */
function readFlag(line: TokenLine, token: number, letter: string, flags: Writable<MetaFlags>): string {
  switch (letter) {
    case 'b':
      flags.base64 = true;
      return '';
    case 'q':
      flags.quiet = true;
      return '';
    case 'v':
      flags.value = true;
      return '';
    case 'I':
      flags.invalidate = true;
      return '';
    case 'T':
      return isNumber((flags.exptime = line.integer(token, 1)));
    case 'N':
      return isNumber((flags.vivify = line.integer(token, 1)));
    case 'R':
      return isNumber((flags.recache = line.integer(token, 1)));
    case 'C': {
      const unique = line.uint64(token, 1);
      flags.version = unique === null ? null : versionOf(unique);
      return unique === null ? badToken : '';
    }
    case 'F':
      flags.clientFlags = line.integer(token, 1);
      return flags.clientFlags >= 0 && flags.clientFlags <= uint32Max
        ? ''
        : 'CLIENT_ERROR bad command line format';
    case 'M':
      flags.mode = line.argument(token);
      return flags.mode.length === 1 ? '' : 'CLIENT_ERROR incorrect length for M token';
    case 'D':
      return isNumeric((flags.delta = line.uint64(token, 1) ?? -1n), 'delta');
    case 'J':
      return isNumeric((flags.initial = line.uint64(token, 1) ?? -1n), 'initial');
    case 'O':
      return line.length(token) > opaqueBytesMax ? 'CLIENT_ERROR opaque token too long' : '';
    // What is only returned, and what means nothing here: hints for proxies, and for a cache that evicts.
    case 'k':
    case 's':
    case 't':
    case 'c':
    case 'f':
    case 'h':
    case 'l':
    case 'u':
    case 'P':
    case 'L':
      return '';
    default:
      return unknown;
  }
}

const isNumber = (value: number): string => (Number.isNaN(value) ? badToken : '');

const isNumeric = (value: bigint, name: string): string =>
  value < 0n ? `CLIENT_ERROR invalid numeric ${name} value` : '';

/** The bytes that a key in base64 stands for, one per character; null if it is none. */
export function decodeBase64Key(encoded: string): string | null {
  const bytes = Buffer.from(encoded, 'base64');
  return bytes.length > 0 && bytes.toString('base64') === encoded ? bytes.toString('latin1') : null;
}
