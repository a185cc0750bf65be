import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemcachedParser } from './memcached-parser.ts';
import { memcachedLimits, ttlOf, type MemcachedLimits, type MemcachedRequest } from './memcached-requests.ts';
import { noMetaFlags } from './memcached-meta-flags.ts';
import { cuts } from './test-parse.ts';

const smallLimits: MemcachedLimits = {
  ...memcachedLimits,
  keyBytesMax: 10,
  valueBytesMax: 20,
  lineBytesMax: 60,
  keysLineBytesMax: 200,
  skippedBytesMax: 100,
};

type Parsed = Record<string, unknown>;

/** With the value as text. */
const toParsed = (request: MemcachedRequest): Parsed =>
  'value' in request ? { ...request, value: Buffer.from(request.value).toString('latin1') } : { ...request };

function parse(pieces: readonly string[]): { readonly requests: Parsed[]; readonly closed: boolean } {
  const parser = new MemcachedParser(smallLimits);
  const requests: MemcachedRequest[] = [];
  for (const piece of pieces) parser.parse(Buffer.from(piece, 'latin1'), requests);
  return { requests: requests.map(toParsed), closed: parser.closed };
}

/** However the input is cut. */
function expect(input: string, requests: readonly Parsed[], closed = false): void {
  for (const pieces of cuts(input))
    assert.deepEqual(parse(pieces), { requests, closed }, JSON.stringify(pieces));
}

const line = (text: string, close = false): Parsed => ({ kind: 'line', text, close });
const get = (key: string, isLast: boolean, withVersion = false): Parsed => ({
  kind: 'get',
  key,
  withVersion,
  isLast,
});

test('a line with several keys is as many requests, the last of which ends the answer', () => {
  expect('get a  b \r\n', [get('a', false), get('b', true)]);
  expect('gets a\r\n', [get('a', true, true)]);
  expect('gat -1 a b\r\n', [
    { kind: 'gat', key: 'a', exptime: -1, withVersion: false, isLast: false },
    { kind: 'gat', key: 'b', exptime: -1, withVersion: false, isLast: true },
  ]);
  expect('gat 5\r\n', [line('END')]);
});

test('a retrieval may be longer than other lines, up to a limit of its own', () => {
  const keys = Array.from({ length: 40 }, (_, i) => `k${100 + i}`);
  const requests = keys.map((key, i) => get(key, i === 39));
  expect(`get ${keys.join(' ').slice(0, 190)}\r\nmn\r\n`, [
    ...keys.slice(0, 38).map((key, i) => get(key, i === 37)),
    line('MN'),
  ]);
  assert.equal(requests.length, 40);
  expect(`get ${keys.join(' ')}\r\nmn\r\n`, [line('CLIENT_ERROR line too long', true)], true);
  expect(`${'x'.repeat(61)}\r\nmn\r\n`, [line('CLIENT_ERROR line too long', true)], true);
});

test('what a long line takes is told', () => {
  const parser = new MemcachedParser(smallLimits);
  parser.parse(Buffer.from(`get ${'k '.repeat(28)}`), []);
  assert.equal(parser.announcedBytes, 0);
  parser.parse(Buffer.from('k '.repeat(20)), []);
  assert.equal(parser.announcedBytes, 200);
});

test('storage commands take flags, time, length and value', () => {
  const set = { kind: 'set', key: 'k', flags: 5, exptime: -1, version: 0, value: 'a\r\nb', noreply: false };
  expect('set k 5 -1 4\r\na\r\nb\r\n', [set]);
  expect('set k 5 -1 4 noreply\r\na\r\nb\r\nmn\r\n', [{ ...set, noreply: true }, line('MN')]);
  expect('append k 5 -1 4 else\r\na\r\nb\r\n', [{ ...set, kind: 'append' }]);
  expect('cas k 5 -1 4 77 noreply\r\na\r\nb\r\n', [{ ...set, kind: 'cas', version: 77, noreply: true }]);
});

test('versions that no key can have are one number', () => {
  const parsed = ['0', '9007199254740993', '18446744073709551615'].map(
    (unique) => parse([`cas k 0 0 0 ${unique}\r\n\r\n`]).requests[0]?.['version'],
  );
  assert.deepEqual(parsed, [2 ** 53 - 1, 2 ** 53 - 1, 2 ** 53 - 1]);
});

test('a value that is refused is not taken for commands', () => {
  const bad = line('CLIENT_ERROR bad command line format');
  expect('set kkkkkkkkkkk 0 0 4\r\nmn\r\n\r\nmn\r\n', [bad, line('MN')]);
  expect('set k x 0 4\r\nmn\r\n\r\nmn\r\n', [bad, line('MN')]);
  expect('set k 0 x 4 noreply\r\nmn\r\n\r\nmn\r\n', [line(''), line('MN')]);
  expect(`set k 0 0 21\r\n${'v'.repeat(21)}\r\nmn\r\n`, [
    line('SERVER_ERROR object too large for cache'),
    line('MN'),
  ]);
  expect('set k 0 0 101\r\nvv', [line('SERVER_ERROR object too large for cache', true)], true);
  expect('ms k 4 y\r\nmn\r\n\r\nmn\r\n', [line('CLIENT_ERROR invalid flag'), line('MN')]);
});

test('a value of another length than announced ends the connection', () => {
  const bad = line('CLIENT_ERROR bad data chunk', true);
  expect('set k 0 0 2\r\nabc\r\nmn\r\n', [bad], true);
  expect('set k 0 0 2 noreply\r\nabc\r\nmn\r\n', [line('', true)], true);
  expect('ms k 2 q\r\nabc\r\nmn\r\n', [bad], true);
});

test('numbers are decimal, with a sign at most', () => {
  const exptime = (text: string): unknown => parse([`touch k ${text}\r\n`]).requests[0]?.['exptime'];
  assert.deepEqual(['0', '-0', '+5', '-7', '9007199254740991'].map(exptime), [0, 0, 5, -7, 2 ** 53 - 1]);
  for (const bad of ['', 'x', '-', '1x', '1.5', '0x1', '9007199254740992', '1\t']) {
    const expected = bad === '' ? 'ERROR' : 'CLIENT_ERROR invalid exptime argument';
    assert.deepEqual(parse([`touch k ${bad}\r\n`]).requests, [line(expected)], bad);
  }
  const delta = (text: string): unknown => parse([`incr k ${text}\r\n`]).requests[0]?.['delta'];
  assert.deepEqual(['0', '007', '18446744073709551615'].map(delta), [0n, 7n, 2n ** 64n - 1n]);
  assert.deepEqual(parse(['incr k -1\r\n']).requests, [line('CLIENT_ERROR invalid numeric delta argument')]);
});

test('meta commands have flags in any order', () => {
  const flags = { ...noMetaFlags, returns: ['v', 't'].slice(1) };
  expect('mg k v t\r\n', [{ kind: 'mg', key: 'k', flags: { ...flags, value: true } }]);
  expect('mg k Oab N5 k R-1 T0\r\n', [
    {
      kind: 'mg',
      key: 'k',
      flags: { ...noMetaFlags, returns: ['Oab', 'k'], vivify: 5, recache: -1, exptime: 0 },
    },
  ]);
  expect('ms k 2 F7 C9 I MA q\r\nhi\r\n', [
    {
      kind: 'ms',
      key: 'k',
      flags: { ...noMetaFlags, clientFlags: 7, version: 9, invalidate: true, mode: 'A', quiet: true },
      value: 'hi',
    },
  ]);
  expect('ma k N0 J5 D3 MD\r\n', [
    { kind: 'ma', key: 'k', flags: { ...noMetaFlags, vivify: 0, initial: 5n, delta: 3n, mode: 'D' } },
  ]);
  expect('md AP8= b\r\n', [{ kind: 'md', key: '\0\xff', flags: { ...noMetaFlags, base64: true } }]);
});

test('what is wrong with a flag is said as memcached says it', () => {
  const errors: Record<string, string> = {
    'mg k v v': 'duplicate flag',
    'mg k y': 'invalid flag',
    'mg k T': 'bad token in command line format',
    'mg k Tx Nx MXX': 'incorrect length for M token',
    'md k v v': 'invalid or duplicate flag',
    'md AP8 b': 'invalid or duplicate flag',
    'mg AP8 b': 'error decoding key',
    'ma k MX': 'invalid mode for ma M token',
    'ma k Dx': 'invalid or duplicate flag',
    [`mg k O${'o'.repeat(32)}`]: 'opaque token too long',
    'mg k a b c d e f g h i j k l m n o p q r': 'options flags are too long',
    'ms k 1': '',
  };
  for (const [input, error] of Object.entries(errors)) {
    const expected = error === '' ? [] : [line(`CLIENT_ERROR ${error}`)];
    assert.deepEqual(parse([`${input}\r\n`]).requests, expected, input);
  }
});

test('commands that are none, and lines of blanks, are errors, each in its place', () => {
  expect(
    'GET k\r\n\r\n  \r\nget\tk\r\nm\r\nmx k\r\nget\r\n',
    Array.from({ length: 7 }, () => line('ERROR')),
  );
});

test('an empty line says nothing of the line before it', () => {
  expect('mn\r\n\r\nmn\n \n', [line('MN'), line('ERROR'), line('MN'), line('ERROR')]);
});

test('quit is the last request', () => {
  expect('mn\r\nquit\r\nmn\r\n', [line('MN'), line('', true)], true);
});

test('a time is relative up to 30 days, absolute above, and over when it is negative or past', () => {
  const nowMs = 1_700_000_000_500;
  const month = 30 * 24 * 3_600;
  assert.deepEqual(
    [0, 1, month, -1, month + 1, 1_700_000_000, 1_700_000_001, 1_700_000_060].map((time) =>
      ttlOf(time, nowMs),
    ),
    [0, 1_000, month * 1_000, -1, -1, -1, 500, 59_500],
  );
});
