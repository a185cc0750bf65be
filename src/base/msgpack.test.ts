import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Packr } from 'msgpackr/pack';
import { KvraftError } from './errors.ts';
import { pack, unpack } from './msgpack.ts';

const isProtocolError = (error: unknown): boolean =>
  error instanceof KvraftError && error.code === 'PROTOCOL';

const nested = (depth: number): Buffer => Buffer.concat([Buffer.alloc(depth, 0x91), Buffer.of(0xc0)]);

test('plain values come out as they went in', () => {
  const plain = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom(null, true, false),
      fc.maxSafeInteger(),
      fc.double({ noNaN: true }).map((x) => (x === 0 ? 0 : x)),
      fc.string({ maxLength: 400, unit: 'grapheme' }),
      fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
      fc.array(tie('value'), { maxLength: 40 }),
      fc.dictionary(fc.stringMatching(/^[a-z]{1,40}$/), tie('value'), { maxKeys: 40, noNullPrototype: true }),
    ),
  })).value;
  fc.assert(
    fc.property(plain, (value) => assert.deepEqual(unpack(pack(value, 0)), value)),
    { seed: 7, numRuns: 500 },
  );
});

test('long texts, bytes, arrays and maps pass, too', () => {
  const values = [
    'x'.repeat(70_000),
    Buffer.alloc(70_000, 1),
    Array.from({ length: 70_000 }, (_, i) => i),
    Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`k${i}`, i])),
  ];
  for (const value of values) assert.deepEqual(unpack(pack(value, 0)), value);
});

test('integers of eight bytes are read as numbers', () => {
  assert.equal(unpack(Buffer.from('cf0000000100000002', 'hex')), 2 ** 32 + 2);
  assert.equal(unpack(Buffer.from('d3ffffffffffffffff', 'hex')), -1);
});

test('extension types are refused before the decoder sees them', () => {
  const rich = new Packr({ useRecords: true, moreTypes: true, structuredClone: true });
  for (const value of [new Date(0), /x/, new Set([1]), new Error('x'), { a: 1 }, new Float64Array(2)]) {
    assert.throws(() => unpack(rich.pack([value])), isProtocolError);
  }
});

test('nesting is refused where it is too deep, however deep it is', () => {
  assert.deepEqual(unpack(nested(2)), [[null]]);
  assert.ok(Array.isArray(unpack(nested(32))));
  for (const depth of [33, 100, 100_000, 1_000_000]) {
    assert.throws(() => unpack(nested(depth)), /nested too deeply/);
  }
});

test('claims of more than there is are refused and allocate nothing', () => {
  const before = process.memoryUsage();
  for (const head of [
    'ddffffffff',
    'dfffffffff',
    'dbffffffff',
    'c6ffffffff',
    'dd02000000',
    'dcffff',
    'd9ff',
  ]) {
    assert.throws(() => unpack(Buffer.from(`93${head}01`, 'hex')), isProtocolError);
  }
  const after = process.memoryUsage();
  assert.ok(after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers < 8 * 1024 * 1024);
});

test('an empty input, and a key that would reach into prototypes, do no harm', () => {
  assert.throws(() => unpack(Buffer.alloc(0)), isProtocolError);
  const value = unpack(Buffer.from('81a95f5f70726f746f5f5f81a17801', 'hex')) as object;
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
  assert.equal('x' in value, false);
});

test('reserved bytes stand before the value', () => {
  const bytes = pack([1, 2], 8);
  assert.deepEqual(unpack(bytes.subarray(8)), [1, 2]);
});
