import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KvraftError } from '../base/errors.ts';
import { parseAddress } from './address.ts';
import { bytesOf, bytesText, keyText, textOf, ttlMs, valueBytes } from './input.ts';
import { batchOps } from './operations.ts';
import { rangeBounds } from './selection.ts';

const isInvalid = (error: unknown): boolean =>
  error instanceof KvraftError && error.code === 'INVALID_ARGUMENT' && error.outcome === 'not-applied';

test('keys come out as they went in, as text and as bytes', () => {
  for (const key of ['a', 'ä', '键', '😀', '\0', 'a\xff', 'x'.repeat(250)]) {
    assert.equal(textOf(keyText(key)), key);
    assert.deepEqual(Buffer.from(bytesOf(keyText(key))).toString('utf8'), key);
  }
  const bytes = Uint8Array.of(0, 0xff, 0x80, 0xc3);
  assert.deepEqual(bytesOf(keyText(bytes)), bytes);
  assert.equal(bytesText('', 'a prefix'), '');
});

test('texts that UTF-8 cannot tell apart are no keys', () => {
  for (const key of ['\ud800', 'a\udc00b', '']) assert.throws(() => keyText(key), isInvalid);
});

test('a value is copied: who called may go on using his', () => {
  const own = Uint8Array.of(1, 2, 3);
  const copy = valueBytes(own.subarray(1));
  own.fill(9);
  assert.deepEqual([...copy], [2, 3]);
});

test('times to live are above 0, and round up to whole milliseconds', () => {
  assert.deepEqual([undefined, 0.2, 5].map(ttlMs), [0, 1, 5]);
  for (const ttl of [0, -1, NaN, Infinity, '5', null]) assert.throws(() => ttlMs(ttl), isInvalid);
});

test('an operation of a batch that is none is named by its place', () => {
  assert.throws(
    () => batchOps([{ op: 'check', key: 'a', version: null }, { op: 'put', key: 'b' } as never]),
    {
      message: /^operations\[1\]: a value is/,
    },
  );
  assert.throws(() => batchOps([{ op: 'toString', key: 'b' } as never]), isInvalid);
  assert.throws(() => batchOps([null as never]), isInvalid);
});

test('a prefix is a range of bytes', () => {
  const bounds = (prefix: Uint8Array | string): (string | null)[] => {
    const { start, end } = rangeBounds({ prefix });
    return [start, end];
  };
  assert.deepEqual(bounds('ab'), ['ab', 'ac']);
  assert.deepEqual(bounds(Uint8Array.of(1, 0xff)), ['\x01\xff', '\x02']);
  assert.deepEqual(bounds(Uint8Array.of(0xff, 0xff)), ['\xff\xff', null]);
  assert.deepEqual(bounds(''), ['', null]);
});

test('addresses are hosts with ports', () => {
  assert.deepEqual(parseAddress('localhost:8000'), { host: 'localhost', port: 8000 });
  assert.deepEqual(parseAddress('[::1]:8000'), { host: '::1', port: 8000 });
  assert.deepEqual(parseAddress({ host: 'h', port: 1 }), { host: 'h', port: 1 });
  for (const bad of ['localhost', ':8000', 'a:0', 'a:65536', 'a:b', '::1:5', 5, null, {}, { host: 'h' }]) {
    assert.throws(() => parseAddress(bad), isInvalid);
  }
});
