/**
 * Replies in a form in which those of memcached and of kvraft are equal, where what differs says nothing: which numbers
 * versions are, whether a second has just passed, and the blanks behind a number that memcached leaves when it gets
 * shorter.
 */
export class NormalForm {
  /** Versions in the order in which they were met: that they change, and when, is compared. */
  readonly #names = new Map<string, string>();

  of(reply: string): string {
    let text = '';
    let at = 0;
    while (at < reply.length) {
      const end = reply.indexOf('\r\n', at);
      if (end < 0) return text + reply.slice(at);
      const line = reply.slice(at, end);
      at = end + 2;
      const bytes = valueBytesOf(line);
      if (bytes < 0) {
        text += `${this.#line(line)}\r\n`;
        continue;
      }
      const value = withoutPadding(reply.slice(at, at + bytes));
      const rest = reply.slice(at + bytes, at + bytes + 2);
      at += bytes + 2;
      text += `${this.#line(withLength(line, value.length))}\r\n${value}${rest}`;
    }
    return text;
  }

  #line(line: string): string {
    if (line.startsWith('VALUE ')) {
      return line.replace(
        /^(VALUE \S+ \d+ \d+) (\d+)$/,
        (_, head, version) => `${head} ${this.#name(version)}`,
      );
    }
    if (!/^(HD|VA|EX|NS|NF|EN)\b/.test(line)) return line;
    return line
      .split(' ')
      .map((flag) => {
        if (/^c[1-9]\d*$/.test(flag)) return `c${this.#name(flag.slice(1))}`;
        return /^t\d+$/.test(flag) ? `t${timeLeft(Number(flag.slice(1)))}` : flag;
      })
      .join(' ');
  }

  #name(version: string): string {
    let name = this.#names.get(version);
    if (name === undefined) this.#names.set(version, (name = `#${this.#names.size + 1}`));
    return name;
  }
}

/**
 * A second may have passed on one side, and clocks are read differently for absolute times. Of a key that is over
 * memcached gives a negative number, as an unsigned one.
 */
function timeLeft(seconds: number): number | string {
  if (seconds > 2 ** 31) return 0;
  return seconds > 2_592_000 ? 'absolute' : Math.ceil(seconds / 10) * 10;
}

/** The length of the value behind the line, −1 if none is. */
function valueBytesOf(line: string): number {
  const length = /^(?:VALUE \S+ \d+|VA) (\d+)(?: |$)/.exec(line)?.[1];
  return length === undefined ? -1 : Number(length);
}

const withLength = (line: string, bytes: number): string =>
  line
    .replace(/^(VALUE \S+ \d+) \d+/, `$1 ${bytes}`)
    .replace(/^VA \d+/, `VA ${bytes}`)
    .replace(/ s\d+/, ` s${bytes}`);

const withoutPadding = (value: string): string => (/^\d+ +$/.test(value) ? value.trimEnd() : value);
