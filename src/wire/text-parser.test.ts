import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cuts, parsePieces, type Parsed } from './test-parse.ts';
import { TextParser } from './text-parser.ts';
import { exptimeSMax, type TextRequest, type TextRequestLimits } from './text-requests.ts';

/** However the input is cut, it is these requests. */
function expectRequests(input: string, expected: readonly Parsed[], limits?: TextRequestLimits): void {
  for (const pieces of cuts(input)) {
    assert.deepEqual(parsePieces(pieces, limits), expected, `cut as ${JSON.stringify(pieces)}`);
  }
}

const set = { kind: 'set', key: 'k', exptimeS: 0, value: 'abc', noreply: false };
const get = { kind: 'get', key: 'k' };

test('every command is read, whole, cut anywhere and byte by byte', () => {
  expectRequests('get k\r\n', [get]);
  expectRequests('getm k\r\n', [{ kind: 'getm', key: 'k' }]);
  expectRequests('set k 0 3\r\nabc\r\n', [set]);
  expectRequests('cas k 300 17 3\r\nabc\r\n', [
    { kind: 'cas', key: 'k', exptimeS: 300, version: 17, value: 'abc', noreply: false },
  ]);
  expectRequests('delete k\r\n', [{ kind: 'delete', key: 'k', noreply: false }]);
});

test('noreply is taken after set, cas and delete', () => {
  expectRequests('set k 0 3 noreply\r\nabc\r\n', [{ ...set, noreply: true }]);
  expectRequests('cas k 0 1 3 noreply\r\nabc\r\n', [
    { kind: 'cas', key: 'k', exptimeS: 0, version: 1, value: 'abc', noreply: true },
  ]);
  expectRequests('delete k noreply\r\n', [{ kind: 'delete', key: 'k', noreply: true }]);
});

test('noreply where a key stands is a key', () => {
  expectRequests('delete noreply\r\nget noreply\r\n', [
    { kind: 'delete', key: 'noreply', noreply: false },
    { kind: 'get', key: 'noreply' },
  ]);
});

test('pipelined requests come out in their order', () => {
  expectRequests('set k 0 3\r\nabc\r\nget k\r\ndelete k\r\n', [
    set,
    get,
    { kind: 'delete', key: 'k', noreply: false },
  ]);
});

test('a value may hold line ends, commands, zero bytes and every other byte', () => {
  expectRequests('set k 0 10\r\nget x\r\n\0\xff\n\r\nget k\r\n', [
    { ...set, value: 'get x\r\n\0\xff\n' },
    get,
  ]);
  const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)).toString('latin1');
  const limits = { keyBytesMax: 10, valueBytesMax: 256, lineBytesMax: 60, skippedBytesMax: 256 };
  expectRequests(`set k 0 256\r\n${everyByte}\r\nget k\r\n`, [{ ...set, value: everyByte }, get], limits);
});

test('an empty value is a value', () => {
  expectRequests('set k 0 0\r\n\r\nget k\r\n', [{ ...set, value: '' }, get]);
});

test('lines may end by a bare newline, and then values may, too', () => {
  expectRequests('get k\n', [get]);
  expectRequests('set k 0 3\nabc\nget k\n', [set, get]);
  expectRequests('set k 0 3\nabc\r\nget k\n', [set, get]);
});

test('runs of blanks are one blank, also before and behind the fields', () => {
  expectRequests('  get \t k \t\r\n', [get]);
  expectRequests('set  k 0   3 \r\nabc\r\n', [set]);
  expectRequests('set k 0 3 noreply  \nabc\n', [{ ...set, noreply: true }]);
});

test('empty and blank lines between requests are ignored', () => {
  expectRequests('\r\n\n \t\r\nget k\r\n\r\n\r\nget k\r\n', [get, get]);
});

test('a key may be of any bytes but blanks and control characters, up to the limit', () => {
  for (const key of ['a', '!~', 'x'.repeat(10), 'k\xc3\xa4\x80\xff', '0', 'set']) {
    expectRequests(`get ${key}\r\n`, [{ kind: 'get', key }]);
  }
});

test('numbers may have leading zeros, and reach their limits', () => {
  expectRequests('set k 007 003\r\nabc\r\n', [{ ...set, exptimeS: 7 }]);
  const version = Number.MAX_SAFE_INTEGER;
  expectRequests(`cas k ${exptimeSMax} ${version} 3\r\nabc\r\n`, [
    { kind: 'cas', key: 'k', exptimeS: exptimeSMax, version, value: 'abc', noreply: false },
  ]);
});

test('the rest of a line or value that never comes makes no request', () => {
  for (const input of ['get k', 'get k\r', 'set k 0 3\r\nab', 'set k 0 3\r\nabc', 'set k 0 3\r\nabc\r']) {
    expectRequests(input, []);
  }
});

test('a large value in small pieces is put together', () => {
  const parser = new TextParser();
  const requests: TextRequest[] = [];
  const value = Buffer.alloc(300_000);
  for (let i = 0; i < value.length; i++) value[i] = (i * 31) & 0xff;
  parser.parse(Buffer.from(`set k 0 ${value.length}\r\n`), requests);
  assert.equal(parser.announcedBytes, value.length);
  for (let at = 0; at < value.length; at += 1_000) {
    parser.parse(Buffer.from(value.subarray(at, at + 1_000)), requests);
  }
  assert.equal(requests.length, 0, 'the line end is missing');
  parser.parse(Buffer.from('\r\n'), requests);
  assert.equal(parser.announcedBytes, 0);
  const [request] = requests;
  assert.ok(request?.kind === 'set');
  assert.ok(value.equals(request.value));
});

test('a value that came in pieces does not alias them', () => {
  const parser = new TextParser();
  const requests: TextRequest[] = [];
  const pieces = ['set k 0 6\r\nab', 'cdef', '\r\n'].map((piece) => Buffer.from(piece));
  for (const piece of pieces) {
    parser.parse(piece, requests);
    piece.fill(0);
  }
  const [request] = requests;
  assert.ok(request?.kind === 'set');
  assert.equal(Buffer.from(request.value).toString(), 'abcdef');
});

test('an announced value takes memory only as it comes', () => {
  const parsers = Array.from({ length: 200 }, () => new TextParser());
  const before = process.memoryUsage().arrayBuffers;
  for (const parser of parsers) parser.parse(Buffer.from('set k 0 1000000\r\nab'), []);
  const each = (process.memoryUsage().arrayBuffers - before) / parsers.length;
  assert.ok(each < 100_000, `${each} bytes for two`);
});
