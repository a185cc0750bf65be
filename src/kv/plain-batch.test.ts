import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { limits } from '../base/limits.ts';
import type { BatchCommand } from './commands.ts';
import { decodeCommand, encodeCommand } from './commands.ts';
import { open, run, set } from './kv.test-support.ts';
import type { Op } from './ops.ts';
import { decodePlainBatch, encodePlainBatch, PLAIN_BATCH } from './plain-batch.ts';

const uint = fc.oneof(fc.maxSafeNat(), fc.nat(300), fc.constant(Number.MAX_SAFE_INTEGER));
const bytes = (max: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength: max }).map((bytes) => Buffer.from(bytes));
const key = fc
  .oneof(
    fc.uint8Array({ minLength: 1, maxLength: 40 }),
    fc.constant(new Uint8Array(limits.keyBytesCeiling).fill(0xff)),
  )
  .map((key) => Buffer.from(key).toString('latin1'));
const put = { key, value: bytes(200), flags: fc.nat(0xffff_ffff), ttlMs: uint };
const op: fc.Arbitrary<Op> = fc.oneof(
  fc.record({
    op: fc.constant('set' as const),
    ...put,
    when: fc.constantFrom('always', 'absent', 'present'),
  }),
  fc.record({ op: fc.constant('cas' as const), ...put, version: uint }),
  fc.record({ op: fc.constant('delete' as const), key, version: uint }),
  fc.record({
    op: fc.constant('append' as const),
    key,
    value: bytes(200),
    when: fc.constant('always' as const),
  }),
);
const batch: fc.Arbitrary<BatchCommand> = fc
  .record({
    session: uint,
    number: uint.map((number) => number || 1),
    back: uint,
    ops: fc.array(op, { maxLength: 5 }),
  })
  .map(({ session, number, back, ops }) => {
    return {
      command: 'batch',
      session,
      number,
      lowest: number - (back % number),
      atomic: false,
      ops: ops.map((op) => ({ ...op })),
    };
  });

function encode(command: BatchCommand): Buffer {
  const encoded = encodePlainBatch(command);
  assert(encoded !== null);
  return Buffer.from(encoded);
}

/** Of one operation, to be taken apart. */
const one = (op: Op): BatchCommand => {
  return { command: 'batch', session: 1, number: 2, lowest: 2, atomic: false, ops: [op] };
};

test('a plain batch decodes to what was encoded, and its values are views of the bytes', () => {
  const property = fc.property(batch, (command) => {
    const encoded = encode(command);
    const decoded = decodeCommand(encoded);
    assert.deepEqual(decoded, command);
    for (const op of decoded.ops) if ('value' in op) assert.equal(op.value.buffer, encoded.buffer);
  });
  fc.assert(property, { seed: 1, numRuns: 500 });
});

test('the form of a batch that is in logs does not change', () => {
  const value = Buffer.from('v');
  const command: BatchCommand = {
    ...{ command: 'batch', session: 5, number: 300, lowest: 298, atomic: false },
    ops: [
      { op: 'set', key: 'k\xe9', value, flags: 128, ttlMs: 0, when: 'always' },
      { op: 'set', key: 'a', value, flags: 0, ttlMs: 60_000, when: 'absent' },
      { op: 'set', key: 'p', value: Buffer.alloc(0), flags: 0, ttlMs: 0, when: 'present' },
      { op: 'cas', key: 'c', value, flags: 0xffff_ffff, ttlMs: 0, version: Number.MAX_SAFE_INTEGER },
      { op: 'delete', key: 'd', version: 0 },
      { op: 'append', key: 'e', value, when: 'always' },
    ],
  };
  const stored = [
    ...['c1', '05', 'ac02', '02', '06'],
    ...['01', '02', '6be9', '8001', '00', '01', '76'],
    ...['02', '01', '61', '00', 'e0d403', '01', '76'],
    ...['03', '01', '70', '00', '00', '00'],
    ...['04', '01', '63', 'ffffffffffffff0f', 'ffffffff0f', '00', '01', '76'],
    ...['05', '01', '64', '00'],
    ...['06', '01', '65', '01', '76'],
  ].join('');
  assert.equal(encode(command).toString('hex'), stored);
  assert.deepEqual(decodeCommand(Buffer.from(stored, 'hex')), command);
});

test('a batch that was cut, or has bytes behind it, is none', () => {
  const property = fc.property(batch, (command) => {
    const encoded = encode(command);
    for (let length = 1; length < encoded.length; length++) {
      assert.equal(decodePlainBatch(encoded.subarray(0, length)), null, `cut to ${length} bytes`);
    }
    assert.equal(decodePlainBatch(Buffer.concat([encoded, Buffer.of(0)])), null);
  });
  fc.assert(property, { seed: 2, numRuns: 100 });
});

/** A batch has one form only: what is read otherwise than it was written would be another one. */
function decodesToItselfOrNothing(bytes: Buffer): boolean {
  const decoded = decodePlainBatch(bytes);
  if (decoded === null) return false;
  assert(decoded.number >= 1 && decoded.lowest >= 1 && decoded.lowest <= decoded.number);
  for (const op of decoded.ops) {
    assert('key' in op && op.key.length > 0 && op.key.length <= limits.keyBytesCeiling);
    if ('flags' in op) assert(op.flags <= 0xffff_ffff);
    if ('ttlMs' in op) assert(Number.isSafeInteger(op.ttlMs));
  }
  assert.deepEqual(encode(decoded), bytes);
  return true;
}

test('every flipped bit makes it another batch or none', () => {
  let others = 0;
  const property = fc.property(batch, (command) => {
    const encoded = encode(command);
    for (let bit = 8; bit < encoded.length * 8; bit++) {
      const flipped = Buffer.from(encoded);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      if (decodesToItselfOrNothing(flipped)) others++;
    }
  });
  fc.assert(property, { seed: 3, numRuns: 8 });
  assert.ok(others > 0);
});

test('bytes by chance are a batch or none', () => {
  const property = fc.property(fc.uint8Array({ maxLength: 60 }), (rest) => {
    decodesToItselfOrNothing(Buffer.concat([Buffer.of(PLAIN_BATCH), rest]));
  });
  fc.assert(property, { seed: 4, numRuns: 5_000 });
});

test('numbers that no batch may have make it malformed', () => {
  const header = [PLAIN_BATCH, 1, 2, 0, 1];
  const remove = [5, 1, 0x6b, 0];
  const tooLong = [...Buffer.from('80808080808080808000', 'hex')];
  const inexact = [...Buffer.from('ffffffffffffff1f', 'hex')];
  const malformed: readonly (readonly number[])[] = [
    [PLAIN_BATCH],
    [PLAIN_BATCH, 1, 0, 0, 1, ...remove],
    [PLAIN_BATCH, 1, 2, 2, 1, ...remove],
    [PLAIN_BATCH, 1, 2, 0, 2, ...remove],
    [PLAIN_BATCH, 1, 2, 0, 0, ...remove],
    [PLAIN_BATCH, 1, 2, 0, ...inexact, ...remove],
    [PLAIN_BATCH, 0x81, 0, 2, 0, 1, ...remove],
    [PLAIN_BATCH, ...tooLong, 2, 0, 1, ...remove],
    [PLAIN_BATCH, ...inexact, 2, 0, 1, ...remove],
    [...header, 0, 1, 0x6b, 0],
    [...header, 7, 1, 0x6b, 0],
    [...header, 5, 0, 0],
    [...header, 5, 0x81, 0x08, ...new Array<number>(limits.keyBytesCeiling + 1).fill(0x6b), 0],
    [...header, 1, 1, 0x6b, 0x80, 0x80, 0x80, 0x80, 0x10, 0, 1, 0x76],
    [...header, 1, 1, 0x6b, 0, 0, 2, 0x76],
    [...header, 1, 1, 0x6b, 0, 0, ...inexact],
  ];
  assert.notEqual(decodeCommand(Uint8Array.from([...header, ...remove])), null);
  const { machine } = open();
  for (const bytes of malformed) {
    const reply = machine.apply(Uint8Array.from(bytes), 0);
    assert.deepEqual(reply, { status: 'malformed' }, Buffer.from(bytes).toString('hex'));
  }
});

test('what is not plain takes the other form, and both mean the same', () => {
  const value = Buffer.from('v');
  const unusual: readonly Op[] = [
    { op: 'set', key: 'k', value, flags: 0, ttlMs: -1, when: 'always' },
    { op: 'set', key: 'k', value, flags: 0, ttlMs: 0, when: 'always', lease: 1 },
    { op: 'cas', key: 'k', value, flags: 0, ttlMs: 0, version: 1, orOlder: true },
    { op: 'append', key: 'k', value, when: 'present' },
    { op: 'append', key: 'k', value, when: 'always', version: 1 },
    { op: 'prepend', key: 'k', value, when: 'always' },
    { op: 'flush' },
  ];
  for (const op of unusual) {
    const command = one(op);
    assert.equal(encodePlainBatch(command), null, op.op);
    assert.deepEqual(decodeCommand(encodeCommand(command)), command);
  }
  assert.equal(encodePlainBatch({ ...one(set('k', 'v')), atomic: true }), null);
  assert.equal(encodePlainBatch({ ...one(set('k', 'v')), fence: { lock: 'l', token: 1 } }), null);

  const plain = open().machine;
  const mixed = open().machine;
  for (const machine of [plain, mixed]) run(machine, { command: 'register' }, 0);
  const done = run(plain, { ...one(set('k', 'v')), number: 1, lowest: 1 }, 0);
  const ops = [set('k', 'v'), { op: 'prepend', key: 'none', value, when: 'present' } as const];
  const both = run(mixed, { ...one(set('k', 'v')), number: 1, lowest: 1, ops }, 0);
  assert(done.status === 'ok' && both.status === 'ok');
  assert.deepEqual(done.results, both.results.slice(0, 1));
  assert.deepEqual(plain.get('k'), mixed.get('k'));
});

test('a version that is none is never made into another one', () => {
  for (const version of [0.5, NaN, -1, 2 ** 53]) {
    const ops = [{ op: 'delete', key: 'k', version } as const];
    assert.equal(
      encodePlainBatch({ command: 'batch', session: 1, number: 1, lowest: 1, atomic: false, ops }),
      null,
    );
  }
});
