import type { Prng } from '../base/prng.ts';
import type { TextRequestLimits } from '../wire/text-requests.ts';
import { lineWords, mutate, pick, pickWeighted, repeat } from './choices.ts';

const keys = ['a', 'b', 'c', 'k\xe9\xff', 'get', 'noreply', '0', '~!@#$%^&*'] as const;
const badKeys = ['\x01', 'a\0', 'b\x7f', 'c\r', 'k'.repeat(11), 'k'.repeat(12), 'k'.repeat(300)] as const;
/** What would do harm if it were read as requests. */
const values = [
  '',
  'x',
  '\r\n',
  '\n',
  '\r',
  'get a\r\n',
  'delete a\r\n',
  'set a 0 1\r\ne\r\n',
  'a\r\nb\r\nc',
  '\0\xff\0',
  'v'.repeat(49),
  'v'.repeat(50),
  'v'.repeat(51),
  'get b\r\n'.repeat(9),
  'w'.repeat(240),
] as const;
const numbers = [
  '0',
  '1',
  '2',
  '7',
  '00',
  '3600',
  '999999999999',
  '1000000000000',
  '9007199254740991',
  '9007199254740992',
  '99999999999999999999999',
  `1${'0'.repeat(40)}`,
] as const;
const noNumbers = ['', '-1', '+1', '1.0', '1e3', '0x1', 'x', '1x', '\0'] as const;
const words = ['get', 'getm', 'set', 'cas', 'delete', ...lineWords];
const noise = [
  'nonsense',
  'GET a',
  'get',
  'gett a',
  'set',
  'set a',
  'set a 0',
  'cas a 0 1',
  'delete',
  'get a b',
  'delete a b',
  'set a 0 1 2',
  'set a 0 1 noreply noreply',
  'quit',
  'stats',
  'noreply',
  '\xff\xfe\xfd',
  'GET / HTTP/1.1',
] as const;

/** Makes streams of requests, sound and unsound, with the limits in view. */
export class TextInput {
  readonly #prng: Prng;
  readonly #limits: TextRequestLimits;

  constructor(prng: Prng, limits: TextRequestLimits) {
    this.#prng = prng;
    this.#limits = limits;
  }

  stream(): string {
    const prng = this.#prng;
    if (prng.chance(0.05))
      return repeat(prng.below(300), () => String.fromCodePoint(prng.below(256))).join('');
    if (prng.chance(0.1)) return repeat(prng.below(150), () => pick(prng, words)).join('');
    const stream = repeat(1 + prng.below(12), () => this.#piece()).join('');
    return prng.chance(0.35) ? mutate(prng, stream, words) : stream;
  }

  #piece(): string {
    const prng = this.#prng;
    const end = prng.chance(0.8) ? '\r\n' : '\n';
    return pickWeighted(prng, [
      [6, () => this.#line([pick(prng, ['get', 'getm']), this.#key()], end)],
      [8, () => this.#store(end)],
      [2, () => this.#line(['delete', this.#key(), ...this.#noreply()], end)],
      [2, () => pick(prng, noise) + end],
      [1, () => pick(prng, ['', ' ', '\t ']) + end],
      [1, () => this.#longLine() + end],
    ])();
  }

  #store(end: string): string {
    const prng = this.#prng;
    const value = pick(prng, values);
    const isCas = prng.chance(0.4);
    const length = pickWeighted(prng, [
      [20, String(value.length)],
      [1, String(value.length + 1)],
      [1, String(value.length + 2)],
      [1, String(Math.max(0, value.length - 1))],
      [1, String(Math.max(0, value.length - 2))],
      [1, String(this.#limits.valueBytesMax + prng.below(2))],
      [1, String(this.#limits.skippedBytesMax + prng.below(2))],
      [1, this.#number()],
    ]);
    const fields = [
      isCas ? 'cas' : 'set',
      this.#key(),
      prng.chance(0.9) ? pick(prng, ['0', '0', '60']) : this.#number(),
      ...(isCas ? [prng.chance(0.8) ? String(1 + prng.below(4)) : this.#number()] : []),
      length,
      ...this.#noreply(),
    ];
    const valueEnd = prng.chance(0.95) ? end : pick(prng, ['\r\n', '\n', '\r', '', '\r\r\n', 'x\r\n']);
    return this.#line(fields, end) + value + valueEnd;
  }

  #line(fields: readonly string[], end: string): string {
    const prng = this.#prng;
    if (prng.chance(0.9)) return fields.join(' ') + end;
    const blank = (): string => pick(prng, [' ', '  ', '\t', ' \t ']);
    const start = prng.chance(0.3) ? blank() : '';
    return start + fields.map((field) => field + blank()).join('') + end;
  }

  #longLine(): string {
    const prng = this.#prng;
    const { lineBytesMax, skippedBytesMax } = this.#limits;
    const word = pick(prng, ['get a', 'set', 'cas', ' set ', 'x', 'delete a', 'setx', 'g']);
    const length = pickWeighted(prng, [
      [3, lineBytesMax + prng.below(4) - 2],
      [1, lineBytesMax + skippedBytesMax + prng.below(4) - 2],
      [1, lineBytesMax * 2],
    ]);
    return (
      word +
      pick(prng, [' ', 'y', ' z'])
        .repeat(length)
        .slice(0, Math.max(0, length - word.length))
    );
  }

  #key(): string {
    return this.#prng.chance(0.95) ? pick(this.#prng, keys) : pick(this.#prng, badKeys);
  }

  #number(): string {
    return this.#prng.chance(0.8) ? pick(this.#prng, numbers) : pick(this.#prng, noNumbers);
  }

  #noreply(): string[] {
    return this.#prng.chance(0.2) ? ['noreply'] : [];
  }
}
