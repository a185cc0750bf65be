import {
  decodeBase64Key,
  noMetaFlags,
  readMetaFlags,
  versionOf,
  type MetaFlags,
} from './memcached-meta-flags.ts';
import { memcachedVersion, type MemcachedLimits, type MemcachedRequest } from './memcached-requests.ts';
import { TokenLine } from './memcached-tokens.ts';
import { packWord } from './packed-word.ts';
import type { Follow } from './request-framer.ts';

/** A command whose value follows; what of it stands in the line. */
export type StartedRequest =
  | {
      readonly kind: 'set' | 'add' | 'replace' | 'append' | 'prepend' | 'cas';
      readonly key: string;
      readonly flags: number;
      readonly exptime: number;
      readonly version: number;
      readonly noreply: boolean;
    }
  | { readonly kind: 'ms'; readonly key: string; readonly flags: MetaFlags };

const badFormat = 'CLIENT_ERROR bad command line format';
const uint32Max = 0xffff_ffff;

/** Values longer than this are no values in memcached, and their length says nothing about where they end. */
const announcedBytesMax = 2 ** 31 - 3;

/** Tokens that a meta command may have. */
const metaTokensMax = 19;

type Out = MemcachedRequest[];

/** Reads command lines: what the commands are, how many tokens each has, and what memcached says of bad ones. */
export class MemcachedLine {
  /** The request whose value follows the line that was read last, and the length of what follows, wanted or not. */
  started: StartedRequest | null = null;
  valueBytes = 0;
  readonly #limits: MemcachedLimits;
  readonly #line = new TokenLine();

  constructor(limits: MemcachedLimits) {
    this.#limits = limits;
  }

  /** Appends the requests of the line to `out`, but for one whose value follows. */
  read(bytes: Buffer, start: number, end: number, out: Out): Follow {
    const line = this.#line;
    line.split(bytes, start, end);
    this.started = null;
    if (line.count === 0) return fixed(out, 'ERROR');
    switch (shortWords.get(packWord(bytes, line.start(0), line.end(0))) ?? line.text(0)) {
      case 'get':
        return this.#retrieve(out, 'get', false);
      case 'gets':
        return this.#retrieve(out, 'get', true);
      case 'gat':
        return this.#retrieve(out, 'gat', false);
      case 'gats':
        return this.#retrieve(out, 'gat', true);
      case 'set':
        return this.#store(out, 'set');
      case 'add':
        return this.#store(out, 'add');
      case 'replace':
        return this.#store(out, 'replace');
      case 'append':
        return this.#store(out, 'append');
      case 'prepend':
        return this.#store(out, 'prepend');
      case 'cas':
        return this.#store(out, 'cas');
      case 'delete':
        return this.#delete(out);
      case 'incr':
        return this.#arithmetic(out, 'incr');
      case 'decr':
        return this.#arithmetic(out, 'decr');
      case 'touch':
        return this.#touch(out);
      case 'flush_all':
        return this.#flush(out);
      case 'mg':
        return this.#meta(out, 'mg', 'stcfkO');
      case 'ms':
        return this.#metaSet(out);
      case 'md':
        return this.#meta(out, 'md', 'kO');
      case 'ma':
        return this.#meta(out, 'ma', 'ctkO');
      case 'me':
        return this.#metaDebug(out);
      case 'mn':
        return fixed(out, 'MN');
      case 'version':
        return fixed(out, `VERSION ${memcachedVersion}`);
      case 'verbosity':
        return this.#verbosity(out);
      case 'stats':
        out.push({ kind: 'stats', group: line.count > 2 ? `${line.text(1)} ${line.text(2)}` : line.text(1) });
        return 'line';
      case 'quit':
        return fixed(out, '', true);
      case 'shutdown':
        return fixed(out, 'ERROR: shutdown not enabled');
      default:
        return fixed(out, 'ERROR');
    }
  }

  #retrieve(out: Out, kind: 'get' | 'gat', withVersion: boolean): Follow {
    const line = this.#line;
    if (line.count < 2) return fixed(out, 'ERROR');
    const first = kind === 'get' ? 1 : 2;
    const exptime = kind === 'get' ? 0 : line.integer(1);
    if (Number.isNaN(exptime)) return fixed(out, 'CLIENT_ERROR invalid exptime argument');
    const keys = line.texts(first, this.#limits.keyBytesMax);
    if (keys === null) return fixed(out, badFormat);
    if (keys.length === 0) return fixed(out, 'END');
    const last = keys.length - 1;
    for (const [index, key] of keys.entries()) {
      const isLast = index === last;
      out.push(
        kind === 'get' ? { kind, key, withVersion, isLast } : { kind, key, exptime, withVersion, isLast },
      );
    }
    return 'line';
  }

  #store(out: Out, kind: 'set' | 'add' | 'replace' | 'append' | 'prepend' | 'cas'): Follow {
    const line = this.#line;
    const fields = kind === 'cas' ? 6 : 5;
    if (line.count !== fields && line.count !== fields + 1) return fixed(out, 'ERROR');
    const noreply = this.#endsWithNoreply();
    const bytes = line.integer(4);
    if (!(bytes >= 0 && bytes <= announcedBytesMax)) return refused(out, badFormat, noreply);
    const flags = line.integer(2);
    const exptime = line.integer(3);
    const unique = kind === 'cas' ? line.uint64(5) : 0n;
    const wellFormed =
      this.#keyFits() && flags >= 0 && flags <= uint32Max && !Number.isNaN(exptime) && unique !== null;
    if (!wellFormed) return this.#drop(out, badFormat, noreply, bytes);
    if (bytes > this.#limits.valueBytesMax) return this.#drop(out, tooLarge, noreply, bytes);
    const version = kind === 'cas' ? versionOf(unique) : 0;
    this.started = { kind, key: line.text(1), flags, exptime, version, noreply };
    this.valueBytes = bytes;
    return 'value';
  }

  #delete(out: Out): Follow {
    const line = this.#line;
    const { count } = line;
    if (count < 2 || count > 4) return fixed(out, 'ERROR');
    const noreply = count > 2 && this.#endsWithNoreply();
    const holdIsZero = line.is(2, '0');
    if (count === 3 ? !holdIsZero && !noreply : count === 4 && !(holdIsZero && noreply)) {
      return refused(out, `${badFormat}.  Usage: delete <key> [noreply]`, noreply);
    }
    if (!this.#keyFits()) return refused(out, badFormat, noreply);
    out.push({ kind: 'delete', key: line.text(1), noreply });
    return 'line';
  }

  #arithmetic(out: Out, kind: 'incr' | 'decr'): Follow {
    const line = this.#line;
    if (line.count !== 3 && line.count !== 4) return fixed(out, 'ERROR');
    const noreply = this.#endsWithNoreply();
    if (!this.#keyFits()) return refused(out, badFormat, noreply);
    const delta = line.uint64(2);
    if (delta === null) return refused(out, 'CLIENT_ERROR invalid numeric delta argument', noreply);
    out.push({ kind, key: line.text(1), delta, noreply });
    return 'line';
  }

  #touch(out: Out): Follow {
    const line = this.#line;
    if (line.count !== 3 && line.count !== 4) return fixed(out, 'ERROR');
    const noreply = this.#endsWithNoreply();
    if (!this.#keyFits()) return refused(out, badFormat, noreply);
    const exptime = line.integer(2);
    if (Number.isNaN(exptime)) return refused(out, 'CLIENT_ERROR invalid exptime argument', noreply);
    out.push({ kind: 'touch', key: line.text(1), exptime, noreply });
    return 'line';
  }

  #flush(out: Out): Follow {
    const line = this.#line;
    if (line.count > 3) return fixed(out, 'ERROR');
    const noreply = this.#endsWithNoreply();
    const exptime = line.count === (noreply ? 2 : 1) ? 0 : line.integer(1);
    if (Number.isNaN(exptime)) return refused(out, 'CLIENT_ERROR invalid exptime argument', noreply);
    out.push({ kind: 'flush_all', exptime, noreply });
    return 'line';
  }

  #verbosity(out: Out): Follow {
    const line = this.#line;
    if (line.count !== 2 && line.count !== 3) return fixed(out, 'ERROR');
    const level = line.integer(1);
    return refused(out, level >= 0 && level <= uint32Max ? 'OK' : badFormat, this.#endsWithNoreply());
  }

  #meta(out: Out, kind: 'mg' | 'md' | 'ma', returned: string): Follow {
    const fault = this.#metaFault(kind === 'mg' ? 'options flags are too long' : 'options flags too long');
    if (fault !== '') return fixed(out, fault);
    const flags = readMetaFlags(this.#line, 2, returned);
    if (typeof flags === 'string') return fixed(out, metaFlagFault(kind, flags));
    const key = this.#metaKey(flags.base64);
    if (key === null) return fixed(out, metaFlagFault(kind, badBase64));
    if (kind === 'ma' && !maModes.includes(flags.mode)) {
      return fixed(out, 'CLIENT_ERROR invalid mode for ma M token');
    }
    out.push({ kind, key, flags });
    return 'line';
  }

  #metaSet(out: Out): Follow {
    const line = this.#line;
    if (line.count < 2) return fixed(out, 'ERROR');
    const bytes = line.count < 3 ? Number.NaN : line.integer(2);
    if (!(bytes >= 0 && bytes <= announcedBytesMax)) return fixed(out, badFormat);
    const fault = this.#metaFault('options flags too long');
    if (fault !== '') return this.#drop(out, fault, false, bytes);
    const flags = readMetaFlags(line, 3, 'kcO');
    if (typeof flags === 'string') return this.#drop(out, flags, false, bytes);
    const key = this.#metaKey(flags.base64);
    if (key === null) return this.#drop(out, badBase64, false, bytes);
    if (!msModes.includes(flags.mode)) {
      return this.#drop(out, 'CLIENT_ERROR invalid mode for ms M token', false, bytes);
    }
    if (bytes > this.#limits.valueBytesMax) return this.#drop(out, tooLarge, false, bytes);
    this.started = { kind: 'ms', key, flags };
    this.valueBytes = bytes;
    return 'value';
  }

  #metaDebug(out: Out): Follow {
    const line = this.#line;
    if (line.count < 2 || !this.#keyFits()) return fixed(out, badFormat);
    const base64 = line.is(2, 'b');
    const key = this.#metaKey(base64);
    if (key === null) return fixed(out, badFormat);
    out.push({ kind: 'me', key, flags: base64 ? base64Flag : noMetaFlags });
    return 'line';
  }

  /** What is wrong with a meta command whatever its flags; '' if nothing. */
  #metaFault(tooMany: string): string {
    const { count } = this.#line;
    if (count < 2) return 'ERROR';
    if (!this.#keyFits()) return badFormat;
    return count > metaTokensMax ? `CLIENT_ERROR ${tooMany}` : '';
  }

  #metaKey(base64: boolean): string | null {
    const key = this.#line.text(1);
    return base64 ? decodeBase64Key(key) : key;
  }

  /** Answers a request whose value is of no use. */
  #drop(out: Out, text: string, noreply: boolean, bytes: number): Follow {
    this.valueBytes = bytes;
    const close = bytes > this.#limits.skippedBytesMax;
    fixed(out, noreply ? '' : text, close);
    return close ? 'close' : 'skip';
  }

  #keyFits(): boolean {
    return this.#line.length(1) <= this.#limits.keyBytesMax;
  }

  /** Whatever else a last token might be, only this word means something. */
  #endsWithNoreply(): boolean {
    return this.#line.is(this.#line.count - 1, 'noreply');
  }
}

const tooLarge = 'SERVER_ERROR object too large for cache';
const badBase64 = 'CLIENT_ERROR error decoding key';
const msModes: readonly string[] = ['', 'S', 'E', 'A', 'P', 'R'];
const maModes: readonly string[] = ['', 'I', '+', 'D', '-'];

const base64Flag: MetaFlags = { ...noMetaFlags, base64: true };

/** memcached names the fault of a flag to `mg` and `ms` alone. */
const metaFlagFault = (kind: 'mg' | 'md' | 'ma', fault: string): string =>
  kind === 'mg' ? fault : 'CLIENT_ERROR invalid or duplicate flag';

function fixed(out: Out, text: string, close = false): Follow {
  out.push({ kind: 'line', text, close });
  return close ? 'close' : 'line';
}

const refused = (out: Out, text: string, noreply: boolean): Follow => fixed(out, noreply ? '' : text);

/** Commands of up to six letters, which are found without making a string. */
const shortWords = new Map(
  `get gets gat gats set add append cas delete incr decr touch mg ms md ma me mn stats quit`
    .split(' ')
    .map((word) => [packWord(Buffer.from(word, 'latin1'), 0, word.length), word]),
);
