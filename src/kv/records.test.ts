import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { parseSortableNumber, sortableNumber } from './binary.ts';
import { bytes } from './kv.test-support.ts';
import { appendToRecord, checkRecord, decodeRecord, encodeRecord } from './records.ts';

const view = fc.record({
  version: fc.maxSafeNat(),
  flags: fc.nat(0xffff_ffff),
  expiresAtMs: fc.maxSafeNat(),
  lease: fc.maxSafeNat(),
  value: fc.uint8Array().map((value) => Buffer.from(value)),
});

test('a record decodes to what was encoded', () => {
  const property = fc.property(view, (record) => {
    const encoded = encodeRecord(record);
    assert.deepEqual({ ...decodeRecord(encoded) }, { ...record });
    checkRecord('key', encoded);
  });
  fc.assert(property, { seed: 10, numRuns: 300 });
});

test('the layout of a record is fixed', () => {
  const record = encodeRecord({
    version: 2 ** 53 - 1,
    flags: 0x01020304,
    expiresAtMs: 5,
    lease: 6,
    value: bytes('abc'),
  });
  assert.equal(
    Buffer.from(record).toString('hex'),
    ['ffffffffffff1f00', '0500000000000000', '0600000000000000', '04030201', 'c2412435', '616263'].join(''),
  );
});

test('a longer record is what encoding the longer value gives', () => {
  const property = fc.property(view, fc.uint8Array(), fc.maxSafeNat(), (record, tail, version) => {
    const longer = appendToRecord(encodeRecord(record), version, tail);
    assert.deepEqual(
      longer,
      encodeRecord({ ...record, version, value: Buffer.concat([record.value, tail]) }),
    );
  });
  fc.assert(property, { seed: 11, numRuns: 300 });
});

test('numbers in keys sort by size', () => {
  const property = fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (a, b) => {
    assert.equal(sortableNumber(a) < sortableNumber(b), a < b);
    assert.equal(sortableNumber(a).length, 8);
    assert.equal(parseSortableNumber(`xx${sortableNumber(a)}y`, 2), a);
  });
  fc.assert(property, { seed: 12, numRuns: 500 });
});
