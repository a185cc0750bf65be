import { KvraftError } from '../../base/errors.ts';

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '0': '\0' };

/** A part of a word: in single quotes as it is, in double quotes with escapes, else up to a blank. */
const PART = /'([^']*)'|"((?:[^"\\]|\\.)*)"|((?:[^\s'"\\]|\\.)+)/gsy;
const BLANKS = /\s*/gy;

/**
 * The words of a line, as a shell has them: blanks part them, quotes and backslashes keep them together. `\n`, `\r`,
 * `\t`, `\0` and `\u{…}` stand for characters, any other escaped character for itself.
 */
export function shellWords(line: string): string[] {
  const words: string[] = [];
  let at = blanksEnd(line, 0);
  while (at < line.length) {
    let word = '';
    const start = at;
    while (at < line.length && !/\s/.test(line.charAt(at))) {
      PART.lastIndex = at;
      const part = PART.exec(line);
      if (part === null) throw new KvraftError('INVALID_ARGUMENT', `a quote is open: ${line.slice(start)}`);
      const [all, single, double, bare] = part;
      word += single ?? unescaped(double ?? bare ?? '');
      at += all.length;
    }
    words.push(word);
    at = blanksEnd(line, at);
  }
  return words;
}

/** A word as it can be typed. */
export function quoted(word: string): string {
  if (/^[\w./:@%+=,-]+$/.test(word)) return word;
  return `"${word.replaceAll(/["\\]/g, String.raw`\$&`).replaceAll('\n', String.raw`\n`)}"`;
}

function blanksEnd(line: string, from: number): number {
  BLANKS.lastIndex = from;
  BLANKS.exec(line);
  return BLANKS.lastIndex;
}

function unescaped(text: string): string {
  return text.replaceAll(
    /\\(?:u\{([0-9a-f]{1,6})\}|(.))/gis,
    (_, code: string | undefined, character: string) =>
      code === undefined
        ? (ESCAPES[character] ?? character)
        : String.fromCodePoint(Number.parseInt(code, 16)),
  );
}
