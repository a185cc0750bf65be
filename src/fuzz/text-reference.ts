import type { TextDialect } from '../wire/text-dialects.ts';
import type { TextRequestLimits } from '../wire/text-requests.ts';

interface Stored {
  readonly value: string;
  readonly version: number;
  readonly exptime: string;
}

export interface Expected {
  readonly replies: string;
  /** Nothing behind some place of the input was read. */
  readonly closed: boolean;
}

/**
 * What a server answers to a whole input, written down a second time from docs/text-protocol.md: slowly, with the
 * input and the state at hand in whole. One byte a character. `redirect` is what a server that does not lead says.
 */
export class TextReference {
  readonly #limits: TextRequestLimits;
  readonly #dialect: TextDialect;
  readonly #redirect: string | null;
  readonly #stored = new Map<string, Stored>();
  #version = 0;
  #replies = '';

  constructor(limits: TextRequestLimits, dialect: TextDialect, redirect: string | null) {
    this.#limits = limits;
    this.#dialect = dialect;
    this.#redirect = redirect;
  }

  answer(input: string): Expected {
    let at: number | null = 0;
    while (at !== null && at < input.length) at = this.#request(input, at);
    return { replies: this.#replies, closed: at === null };
  }

  /** Where the next request starts; past the end if the input ends within this one; null if nothing more is read. */
  #request(input: string, start: number): number | null {
    const { lineBytesMax, skippedBytesMax } = this.#limits;
    const lineFeed = input.indexOf('\n', start);
    const end = lineFeed === -1 ? input.length : lineFeed;
    if (end - start > lineBytesMax) {
      this.#error();
      if (announces(input.slice(start, start + lineBytesMax))) return null;
      const next = lineFeed === -1 ? input.length : lineFeed + 1;
      return next - start - lineBytesMax > skippedBytesMax ? null : next;
    }
    if (lineFeed === -1) return Infinity;
    const line = input.slice(start, lineFeed);
    const isBare = !line.endsWith('\r');
    const fields = (isBare ? line : line.slice(0, -1)).split(/[ \t]+/).filter((field) => field !== '');
    return fields.length === 0 ? lineFeed + 1 : this.#command(fields, input, lineFeed + 1, isBare);
  }

  #command(fields: readonly string[], input: string, next: number, isBare: boolean): number | null {
    const [word = '', key = '', ...rest] = fields;
    const counts: Record<string, number> = { get: 0, getm: 0, delete: 0, set: 2, cas: 3 };
    const count = Object.hasOwn(counts, word) ? (counts[word] ?? -1) : -1;
    const noreply = rest.length === count + 1 && rest.at(-1) === 'noreply' && !word.startsWith('get');
    const numbers = noreply ? rest.slice(0, -1) : rest;
    if (count === -1 || fields.length < 2 || numbers.length !== count) {
      this.#error();
      return next;
    }
    // oxlint-disable-next-line no-control-regex -- these are what keys may not have
    const keyOk = key.length <= this.#limits.keyBytesMax && !/[\0-\x1f\x7f]/.test(key);
    if (count === 0) {
      if (!keyOk) this.#error(noreply);
      else if (word === 'delete') this.#delete(key, noreply);
      else this.#read(word, key);
      return next;
    }
    if (!numbers.every((number) => /^\d+$/.test(number))) {
      this.#error(noreply);
      return next;
    }
    const [exptime = '', version = '', length = ''] = count === 3 ? numbers : [numbers[0], '0', numbers[1]];
    const within =
      keyOk &&
      BigInt(exptime) <= 999_999_999_999n &&
      BigInt(version) <= BigInt(Number.MAX_SAFE_INTEGER) &&
      BigInt(length) <= BigInt(this.#limits.valueBytesMax);
    if (!within) {
      this.#error(noreply);
      if (BigInt(length) > BigInt(this.#limits.skippedBytesMax)) return null;
    }
    const valueEnd = next + Number(length);
    const behind = input.slice(valueEnd, valueEnd + 2);
    if (valueEnd >= input.length || behind === '\r') return Infinity;
    const isEnded = behind === '\r\n' || (isBare && behind.startsWith('\n'));
    if (!isEnded) {
      if (within) this.#error(noreply);
      return null;
    }
    if (within) {
      const value = input.slice(next, valueEnd);
      if (word === 'set') this.#set(key, exptime, value, noreply);
      else this.#cas(key, exptime, Number(version), value, noreply);
    }
    return valueEnd + (behind === '\r\n' ? 2 : 1);
  }

  #error(noreply = false): void {
    this.#reply(this.#dialect.malformed, noreply);
  }

  #reply(line: string, noreply: boolean): void {
    if (!noreply) this.#replies += `${line}\r\n`;
  }

  /** Whether the request is answered elsewhere; what needs no reply is done all the same. */
  #isRedirected(noreply: boolean): boolean {
    if (this.#redirect === null || noreply) return false;
    this.#reply(this.#redirect, false);
    return true;
  }

  #read(word: string, key: string): void {
    if (this.#isRedirected(false)) return;
    const stored = this.#stored.get(key);
    if (stored === undefined) return this.#reply(this.#dialect.notFound, false);
    const meta = word === 'getm' ? `${stored.version} ${BigInt(stored.exptime)} ` : '';
    this.#reply(`VALUE ${meta}${stored.value.length}\r\n${stored.value}`, false);
  }

  #set(key: string, exptime: string, value: string, noreply: boolean): void {
    if (this.#isRedirected(noreply)) return;
    if (this.#dialect.setWhen === 'absent' && this.#stored.has(key)) {
      return this.#reply(this.#dialect.versionMismatch, noreply);
    }
    this.#put(key, exptime, value, noreply);
  }

  #cas(key: string, exptime: string, version: number, value: string, noreply: boolean): void {
    if (this.#isRedirected(noreply)) return;
    const stored = this.#stored.get(key);
    if (stored === undefined) return this.#reply(this.#dialect.notFound, noreply);
    if (stored.version !== version) return this.#reply(this.#dialect.versionMismatch, noreply);
    this.#put(key, exptime, value, noreply);
  }

  #put(key: string, exptime: string, value: string, noreply: boolean): void {
    const version = ++this.#version;
    this.#stored.set(key, { value, version, exptime });
    this.#reply(`OK ${version}`, noreply);
  }

  #delete(key: string, noreply: boolean): void {
    if (this.#isRedirected(noreply)) return;
    if (!this.#stored.delete(key)) return this.#reply(this.#dialect.notFound, noreply);
    this.#version++;
    this.#reply('DELETED', noreply);
  }
}

/** Whether a line that starts like this, and is too long, may be followed by a value. */
function announces(start: string): boolean {
  const [word = ''] = /[^ \t]*$|[^ \t]+/.exec(start.replace(/^[ \t]+/, '')) ?? [];
  const isCut = start.endsWith(word) && !/[ \t]/.test(start.replace(/^[ \t]+/, '')) && word.length < 6;
  return isCut || word === 'set' || word === 'cas';
}
