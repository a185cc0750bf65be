import type { Prng } from '#dist/base/prng.js';

const pick = <T>(prng: Prng, choices: readonly T[]): T => choices[prng.below(choices.length)] as T;
const repeat = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);

/** Keys that are numbers are not appended to: what memcached leaves behind a shorter number would show. */
interface Names {
  readonly texts: readonly string[];
  readonly numbers: readonly string[];
}

const values = ['', 'a', 'hello', 'two\r\nlines', '\0\xff\x80', 'get x\r\n', '0x1', 'x'.repeat(300)];
const numbers = ['0', '1', '9', '10', '100', '18446744073709551615', '999'];
const exptimes = ['0', '0', '0', '100', '1000', '-1', '2592000', '2000000000'];
const flags = ['0', '1', '7', '65535', '4294967295'];
const badNumbers = ['x', '-', '1x', '', '1.5', '99999999999999999999999', '0x10'];
const deltas = ['0', '1', '5', '18446744073709551615', '9223372036854775808'];

/**
 * A random script about keys that begin with `prefix`: requests as bytes, one per character, in which `{key}` stands for
 * the version of that key that `gets` answered last. It leaves out where the two are known to differ.
 */
export function randomScript(prng: Prng, prefix: string, length: number): string[] {
  const names: Names = {
    texts: ['a', 'b', 'c'].map((name) => prefix + name),
    numbers: ['n', 'm'].map((name) => prefix + name),
  };
  return repeat(length, () => randomRequest(prng, names));
}

function randomRequest(prng: Prng, names: Names): string {
  const make = pick(prng, makers);
  return make(prng, names);
}

type Maker = (prng: Prng, names: Names) => string;

const anyKey: Maker = (prng, { texts, numbers }) => pick(prng, [...texts, ...texts, ...numbers]);
const noreply = (prng: Prng): string => pick(prng, ['', '', '', '', ' noreply']);

const store: Maker = (prng, names) => {
  const command = pick(prng, ['set', 'set', 'set', 'add', 'replace', 'append', 'prepend']);
  const isText = command === 'append' || command === 'prepend' || prng.float() < 0.6;
  const key = pick(prng, isText ? names.texts : names.numbers);
  return `${command} ${key} ${pick(prng, flags)} ${pick(prng, exptimes)} ${valueFor(prng, isText, noreply(prng))}`;
};

/** The length, more of the line, and the value. */
function valueFor(prng: Prng, isText: boolean, more = ''): string {
  const value = pick(prng, isText ? values : numbers);
  return `${value.length}${more}\r\n${value}\r\n`;
}

const cas: Maker = (prng, names) => {
  const isText = prng.float() < 0.6;
  const key = pick(prng, isText ? names.texts : names.numbers);
  const version = pick(prng, [`{${key}}`, `{${key}}`, '1', '0', '18446744073709551615']);
  const value = pick(prng, isText ? values : numbers);
  const line = `cas ${key} ${pick(prng, flags)} ${pick(prng, exptimes)} ${value.length} ${version}`;
  return `gets ${key}\r\n${pick(prng, ['', touched(prng, names)])}${line}${noreply(prng)}\r\n${value}\r\n`;
};

const touched: Maker = (prng, names) => `touch ${anyKey(prng, names)} ${pick(prng, exptimes)}\r\n`;

const get: Maker = (prng, names) => {
  const keys = repeat(1 + prng.below(4), () => anyKey(prng, names));
  const command = pick(prng, [
    'get',
    'gets',
    'get',
    `gat ${pick(prng, exptimes)}`,
    `gats ${pick(prng, exptimes)}`,
  ]);
  return `${command}${pick(prng, [' ', '  '])}${keys.join(pick(prng, [' ', '  ']))}${pick(prng, ['', ' '])}\r\n`;
};

const remove: Maker = (prng, names) =>
  `delete ${anyKey(prng, names)}${pick(prng, ['', '', ' noreply', ' 0', ' 0 noreply', ' 1', ' x noreply'])}\r\n`;

const count: Maker = (prng, names) =>
  `${pick(prng, ['incr', 'decr'])} ${pick(prng, [...names.numbers, ...names.numbers, ...names.texts])} ${pick(prng, deltas)}${noreply(prng)}\r\n`;

const touch: Maker = (prng, names) =>
  `touch ${anyKey(prng, names)} ${pick(prng, exptimes)}${noreply(prng)}\r\n`;

/** Some of the flags, each once, in any order. */
const some = (prng: Prng, flags: readonly string[]): string =>
  flags
    .filter(() => prng.float() < 0.3)
    .toSorted(() => prng.float() - 0.5)
    .map((flag) => ` ${flag}`)
    .join('');

const metaGet: Maker = (prng, names) => {
  const key = anyKey(prng, names);
  const size = names.texts.includes(key) ? ['s'] : [];
  const asked = some(prng, ['v', 't', ...size, 'c', 'f', 'k', 'q', 'u', 'Oop', 'Pp', 'Lp']);
  // Together, their order counts in memcached.
  const changes = pick(prng, [
    some(prng, [pick(prng, ['N100', 'N0', 'N-1']), pick(prng, ['R50', 'R500', 'R0'])]),
    pick(prng, ['', ' T1000', ' T0', ' T-1']),
  ]);
  return `mg ${key}${changes}${asked}\r\n`;
};

const metaSet: Maker = (prng, names) => {
  const mode = pick(prng, ['', ' MS', ' ME', ' MR', ' MA', ' MP']);
  const isText = mode === ' MA' || mode === ' MP' || prng.float() < 0.6;
  const key = pick(prng, isText ? names.texts : names.numbers);
  const asked = some(prng, ['k', 'c', 'q', 'Oxyz', 'F9', pick(prng, ['T100', 'T0', 'T-1'])]);
  const stale = isText ? [` C{${key}} I`, ' C1 I'] : [];
  const version = pick(prng, ['', '', '', ` C{${key}}`, ' C1', ...stale]);
  return `gets ${key}\r\nms ${key} ${valueFor(prng, isText, `${mode}${version}${asked}`)}`;
};

const metaDelete: Maker = (prng, names) => {
  const key = anyKey(prng, names);
  // Counting may keep the mark in memcached.
  const stale = names.texts.includes(key) ? ['I'] : [];
  const asked = some(prng, ['k', 'q', 'Oz', ...stale, pick(prng, ['T100', 'T0'])]);
  return `gets ${key}\r\nmd ${key}${pick(prng, ['', '', ` C{${key}}`, ' C1'])}${asked}\r\n`;
};

const metaCount: Maker = (prng, names) => {
  const key = pick(prng, [...names.numbers, ...names.numbers, ...names.texts]);
  const asked = some(prng, ['v', 'c', 'k', 'Oz', 'J13', `D${pick(prng, deltas)}`]);
  const isNumber = names.numbers.includes(key);
  // Never `q` with `N`: an answer to a key that was made is not left out by memcached. Nor `T`: their order counts.
  const more = pick(prng, [
    '',
    '',
    ' T1000',
    ' T0',
    ' q',
    ...(isNumber ? [' N100', ' N0', ` C{${key}}`, ' C1'] : []),
  ]);
  const request = `ma ${key}${more}${asked}${pick(prng, ['', ' MD', ' MI', ' M+', ' M-'])}\r\n`;
  // memcached loses the time of a key that it still has to send.
  return more.startsWith(' T') ? request : `gets ${key}\r\n${request}`;
};

/** The key stands there in base64, and so it is answered. */
const metaBinary: Maker = (prng, names) => {
  const key = Buffer.from(`${anyKey(prng, names)}\0\xff`, 'latin1').toString('base64');
  return pick(prng, [
    `mg ${key} b k v\r\n`,
    `ms ${key} 2 b k\r\nhi\r\n`,
    `md ${key} b k\r\n`,
    `mg ${key} b Oq k\r\n`,
  ]);
};

const malformed: Maker = (prng, names) => {
  const key = anyKey(prng, names);
  const bad = pick(prng, badNumbers);
  return pick(prng, [
    `${pick(prng, ['GET', 'gett', 'foo', 'se', 'x'])} ${key}\r\n`,
    '\r\n',
    ' \r\n',
    `get\r\n`,
    `gat ${key}\r\n`,
    `gat ${bad} ${key}\r\n`,
    `set ${key} 0 0\r\n`,
    `set ${key} 0 0 1 noreply more\r\n`,
    `set ${key} 0 0 -1\r\n`,
    `set ${key} 0 0 ${bad}\r\n`,
    `cas ${key} 0 0 1\r\n`,
    `incr ${key}\r\n`,
    `incr ${key} ${bad}\r\n`,
    `decr ${key} 18446744073709551616\r\n`,
    `touch ${key}\r\n`,
    `touch ${key} ${bad}\r\n`,
    `delete\r\n`,
    `delete ${key} 0 noreply more\r\n`,
    `get ${key} ${'k'.repeat(251)}\r\n`,
    `delete ${'k'.repeat(251)}\r\n`,
    `incr ${'k'.repeat(251)} 1\r\n`,
    `touch ${'k'.repeat(251)} 1\r\n`,
    `mg\r\n`,
    `mg ${'k'.repeat(251)} v\r\n`,
    `mg ${key} ${pick(prng, ['v v', 'y', 'T', 'Tx', 'Nx', 'R', 'é'])}\r\n`,
    `mg ${key} O${'o'.repeat(32)}\r\n`,
    `mg ${key}${' k'.repeat(19)}\r\n`,
    `mg ${pick(prng, ['abc', '!!!!', 'Zm9vYg='])} b\r\n`,
    `md ${key} ${pick(prng, ['q q', 'y', 'Cx', 'Tx'])}\r\n`,
    `ma ${key} ${pick(prng, ['q q', 'y', 'Cx', 'Dx', 'Jx', 'MX', 'MID', 'M'])}\r\n`,
    `ms ${key}\r\n`,
    `ms ${key} x\r\n`,
    `ms ${key} -1\r\n`,
    `ms ${key} 2 ${pick(prng, ['v v', 'y', 'Tx', 'F-1', 'Fx', 'Cx', 'MX', 'MSS', `O${'o'.repeat(32)}`])}\r\nhi\r\n`,
    `me\r\n`,
    `me ${prefixOf(key)}nothing\r\n`,
    `verbosity ${pick(prng, ['', 'x', '1 2 3'])}\r\n`,
    `flush_all ${pick(prng, ['x', '1 2 3'])}\r\n`,
    `stats ${pick(prng, ['nothing', 'detail dump', 'reset'])}\r\n`,
    `shutdown\r\n`,
    `mx ${key}\r\n`,
    'm\r\n',
  ]);
};

const prefixOf = (key: string): string => key.slice(0, -1);

const idle: Maker = (prng) =>
  pick(prng, ['mn\r\n', 'mn more\r\n', 'verbosity 1\r\n', 'verbosity 1 noreply\r\n']);

const makers: readonly Maker[] = [
  store,
  store,
  store,
  store,
  cas,
  get,
  get,
  get,
  remove,
  count,
  count,
  touch,
  metaGet,
  metaGet,
  metaSet,
  metaSet,
  metaDelete,
  metaCount,
  metaBinary,
  malformed,
  malformed,
  idle,
];
