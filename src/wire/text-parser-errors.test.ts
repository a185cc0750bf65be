import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cuts, parsePieces, smallLimits, type Parsed } from './test-parse.ts';
import { TextParser } from './text-parser.ts';

const error = { kind: 'error', noreply: false, close: false };
const silent = { kind: 'error', noreply: true, close: false };
const closing = { kind: 'error', noreply: false, close: true };
const silentClosing = { kind: 'error', noreply: true, close: true };
const get = { kind: 'get', key: 'k' };

function expectRequests(input: string, expected: readonly Parsed[]): void {
  for (const pieces of cuts(input)) {
    assert.deepEqual(parsePieces(pieces), expected, `cut as ${JSON.stringify(pieces)}`);
  }
}

test('a malformed line is an error, and the next line is the next request', () => {
  const lines = [
    'nonsense',
    'GET k',
    'get',
    'getmm k',
    'get k k',
    'get k noreply',
    'delete',
    'delete k k',
    'delete k noreply noreply',
    'set',
    'set k',
    'set k 0',
    'set k 0 3 4',
    'set k 0 3 noreply noreply',
    'set k 0 3 NOREPLY',
    'set k 0 3 noreplx',
    'set k x 3',
    'set k 0 x',
    'set k -1 3',
    'set k 0 -3',
    'set k +1 3',
    'set k 1.0 3',
    'set k 1e3 3',
    'set k 0x1 3',
    'set k 0 3\0',
    '\0get k',
    '\0\0set k 0 3',
    'cas k 0 3',
    'cas k 0 x 3',
    'cas k 0 -1 3',
    'cas k 0 1 3 4',
    '\xff\xfe\0',
    'get k\r\r',
  ];
  for (const line of lines) expectRequests(`${line}\r\nget k\r\n`, [error, get]);
});

test('a key that is too long or has control characters is an error', () => {
  for (const key of ['x'.repeat(11), 'a\x01', '\x7f', 'a\0b', 'a\rb', '\x1b[0m']) {
    expectRequests(`get ${key}\r\nget k\r\n`, [error, get]);
    expectRequests(`delete ${key}\r\nget k\r\n`, [error, get]);
  }
});

test('the value behind a line of the right form is skipped when a limit is passed, and never read as commands', () => {
  const lines = [
    'set xxxxxxxxxxx 0 21',
    'set k 1000000000000 21',
    'set k 99999999999999999999999 21',
    'set k 0 21',
    'cas k 0 9007199254740992 21',
    'cas k 0 99999999999999999999 21',
    'set a\x01 0 21',
  ];
  const value = 'get evil\r\nget evil\r\n.';
  for (const line of lines) expectRequests(`${line}\r\n${value}\r\nget k\r\n`, [error, get]);
  expectRequests('set a\x01 0 0\r\n\r\nget k\r\n', [error, get]);
});

test('the error of a value too large does not wait for the value', () => {
  assert.deepEqual(parsePieces(['set k 0 21\r\n']), [error]);
});

test('a value too large to skip closes the connection', () => {
  for (const numbytes of ['101', '2147483648', '99999999999999999999', `1${'0'.repeat(40)}`]) {
    expectRequests(`set k 0 ${numbytes}\r\nget evil\r\n`, [closing]);
    expectRequests(`set k 0 ${numbytes} noreply\r\nget evil\r\n`, [silentClosing]);
  }
});

test('a value that is not followed by a line end closes the connection', () => {
  for (const rest of [
    'abcd\r\nget evil\r\n',
    'abc\rget evil\r\n',
    'abc\r\r\nget evil\r\n',
    'abcget evil\r\n',
  ]) {
    expectRequests(`set k 0 3\r\n${rest}`, [closing]);
    expectRequests(`set k 0 3 noreply\r\n${rest}`, [silentClosing]);
    expectRequests(`set k 0 3\n${rest}`, [closing]);
  }
});

test('after a line that ended by \\r\\n, a bare newline does not end a value', () => {
  expectRequests('set k 0 3\r\nabc\nget evil\r\n', [closing]);
});

test('a skipped value that is not followed by a line end closes without a second error', () => {
  expectRequests('set k 0 21\r\nxxxxxxxxxxxxxxxxxxxxxxget evil\r\n', [error, silentClosing]);
});

test('noreply silences the errors of a line that it stands in the right place of', () => {
  expectRequests('set k x 3 noreply\r\nget k\r\n', [silent, get]);
  expectRequests('cas k 0 x 3 noreply\r\nget k\r\n', [silent, get]);
  expectRequests('delete xxxxxxxxxxx noreply\r\nget k\r\n', [silent, get]);
  expectRequests(`set k 0 21 noreply\r\n${'x'.repeat(21)}\r\nget k\r\n`, [silent, get]);
  expectRequests('set k noreply\r\nget k\r\n', [error, get]);
});

test('noreply of one line does not silence the next', () => {
  expectRequests('set k x 3 noreply\r\nnonsense\r\n', [silent, error]);
});

test('a line that is too long is one error, and dropped up to its end', () => {
  expectRequests(`get ${'x'.repeat(60)}\r\nget k\r\n`, [error, get]);
  expectRequests(`${'y'.repeat(61)}\nget k\r\n`, [error, get]);
});

test('the longest line is still read', () => {
  const blanks = ' '.repeat(60 - 'get k'.length);
  expectRequests(`get k${blanks}\n`, [get]);
  expectRequests(`get k${blanks} \n`, [error]);
});

test('a line that is too long closes the connection if a value may follow', () => {
  expectRequests(`set ${'x'.repeat(60)} 0 8\r\nget evil\r\n`, [closing]);
  expectRequests(`  cas ${'x'.repeat(60)} 0 1 8\r\nget evil\r\n`, [closing]);
  expectRequests(`${' '.repeat(58)}set k 0 8\r\nget evil\r\n`, [closing]);
  expectRequests(`${' '.repeat(61)}set k 0 8\r\nget evil\r\n`, [closing]);
});

test('a line without end is dropped up to a limit, then the connection is closed', () => {
  const { lineBytesMax, skippedBytesMax } = smallLimits;
  expectRequests('x'.repeat(lineBytesMax), []);
  expectRequests('x'.repeat(lineBytesMax + 1), [error]);
  expectRequests('x'.repeat(lineBytesMax + skippedBytesMax), [error]);
  expectRequests('x'.repeat(lineBytesMax + skippedBytesMax + 1), [error, silentClosing]);
  expectRequests(`${'x'.repeat(lineBytesMax + skippedBytesMax - 1)}\nget k\n`, [error, get]);
  expectRequests(`${'x'.repeat(lineBytesMax + skippedBytesMax)}\nget k\n`, [error, silentClosing]);
});

test('nothing comes out of a closed parser', () => {
  const parser = new TextParser(smallLimits);
  const requests: object[] = [];
  parser.parse(Buffer.from('set k 0 3\r\nabcd'), requests as never);
  assert.ok(parser.closed);
  parser.parse(Buffer.from('\r\nget k\r\n'), requests as never);
  assert.equal(requests.length, 1);
});
