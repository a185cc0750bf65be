import type { Prng } from '../base/prng.ts';
import type { MemcachedLimits } from '../wire/memcached-requests.ts';
import { lineWords, mutate, pick, pickWeighted, repeat } from './choices.ts';

/** A key that no request of unchanged input sets; values that hold requests for it would do harm as commands. */
export const evilKey = 'evil';

const keys = ['a', 'b', 'c', 'k\xe9\xff', 'get', '\x01'] as const;
const evil = `set ${evilKey} 0 0 1\r\nx\r\n`;
const values = [
  '',
  'x',
  '7',
  '\r\n',
  '\n',
  evil,
  `\r\n${evil}`,
  'flush_all\r\n',
  'v'.repeat(50),
  'v'.repeat(51),
] as const;
const times = ['0', '0', '100', '-1', '2592001', '2000000000'] as const;
const metaFlags = [
  'v',
  't',
  's',
  'c',
  'f',
  'k',
  'q',
  'u',
  'h',
  'l',
  'Oop',
  'N0',
  'N100',
  'R50',
  'T100',
  'T0',
  'I',
  'C1',
  'C9',
  'b',
];
const words = ['get', 'set', 'mg', 'ms', '-1', 'b', 'q', 'C', ...lineWords];
const bad = [
  '\r\n',
  'nonsense\r\n',
  'GET a\r\n',
  'get\r\n',
  'set a 0 0\r\n',
  'set a 0 0 x\r\n',
  'mg\r\n',
  'mg a y\r\n',
  'mg a v v\r\n',
  'ms a\r\n',
  'ma a MX\r\n',
  'incr a x\r\n',
  'touch a x\r\n',
  'gat x a\r\n',
  'delete a b c d\r\n',
  'flush_all x\r\n',
  'stats nothing\r\n',
  '\0get a\r\n',
] as const;

/** Streams of requests by chance, most of them well-formed. */
export class MemcachedInput {
  readonly #prng: Prng;
  readonly #limits: MemcachedLimits;

  constructor(prng: Prng, limits: MemcachedLimits) {
    this.#prng = prng;
    this.#limits = limits;
  }

  /** The bytes, one per character, and whether no request was changed after it was made. */
  stream(): { readonly input: string; readonly isWhole: boolean } {
    const prng = this.#prng;
    const input = repeat(1 + prng.below(25), () => this.#request()).join('');
    if (prng.chance(0.6)) return { input, isWhole: true };
    return { input: mutate(prng, input, words), isWhole: false };
  }

  #request(): string {
    const prng = this.#prng;
    return pickWeighted(prng, [
      [6, () => this.#store()],
      [5, () => this.#retrieve()],
      [2, () => `delete ${this.#key()}${this.#noreply()}\r\n`],
      [
        2,
        () =>
          `${pick(prng, ['incr', 'decr'])} ${this.#key()} ${pick(prng, ['1', '5'])}${this.#noreply()}\r\n`,
      ],
      [2, () => `touch ${this.#key()} ${pick(prng, times)}${this.#noreply()}\r\n`],
      [6, () => this.#meta()],
      [3, () => pick(prng, bad)],
      [2, () => this.#refused()],
      [
        1,
        () =>
          pick(prng, [
            'mn\r\n',
            'version\r\n',
            'verbosity 1\r\n',
            'flush_all\r\n',
            'flush_all 100 noreply\r\n',
          ]),
      ],
    ])();
  }

  #key(): string {
    return pick(this.#prng, keys);
  }

  #noreply(): string {
    return this.#prng.chance(0.2) ? ' noreply' : '';
  }

  /** The length of a value, more of the line, and the value. */
  #value(more: string): string {
    const value = pick(this.#prng, values);
    return `${value.length}${more}\r\n${value}\r\n`;
  }

  #store(): string {
    const command = pick(this.#prng, ['set', 'set', 'add', 'replace', 'append', 'prepend', 'cas']);
    const version = command === 'cas' ? ` ${this.#prng.below(12)}` : '';
    return `${command} ${this.#key()} 5 ${pick(this.#prng, times)} ${this.#value(`${version}${this.#noreply()}`)}`;
  }

  #retrieve(): string {
    const command = pick(this.#prng, ['get', 'gets', 'gat 100', 'gats 0']);
    const count = this.#prng.chance(0.1) ? 60 : 1 + this.#prng.below(4);
    return `${command} ${repeat(count, () => this.#key()).join(' ')}\r\n`;
  }

  #meta(): string {
    const prng = this.#prng;
    const flags = metaFlags
      .filter(() => prng.chance(0.2))
      .map((flag) => ` ${flag}`)
      .join('');
    const command = pick(prng, ['mg', 'mg', 'md', 'ma', 'me', 'ms', 'ms']);
    if (command !== 'ms') return `${command} ${this.#key()}${flags}\r\n`;
    return `ms ${this.#key()} ${this.#value(`${flags}${pick(prng, ['', ' ME', ' MA', ' MP', ' MR', ' MX'])}`)}`;
  }

  /** Requests that are refused, but whose value has a known end. */
  #refused(): string {
    const prng = this.#prng;
    const longKey = 'k'.repeat(this.#limits.keyBytesMax + 1);
    return pick(prng, [
      `set ${longKey} 0 0 ${this.#value(this.#noreply())}`,
      `set a x 0 ${this.#value('')}`,
      `cas a 0 0 ${this.#value(' x')}`,
      `ms a ${this.#value(' y')}`,
      `get ${longKey}\r\n`,
      `set a 0 0 60\r\n${evil.repeat(3).slice(0, 60)}\r\n`,
      `set a 0 0 3\r\nlonger than announced\r\n`,
      `set a 0 0 99999\r\n`,
      `get ${'a '.repeat(200)}\r\n`,
      `${'x'.repeat(100)}\r\n`,
    ]);
  }
}
