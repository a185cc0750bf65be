import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Packr } from 'msgpackr/pack';
import { limits } from '../base/limits.ts';
import type { Command } from './commands.ts';
import { decodeCommand, encodeCommand } from './commands.ts';
import type { OpParts } from './op-arbitraries.test-support.ts';
import { allOps, keyOps } from './op-arbitraries.test-support.ts';
import { isKeyOp } from './ops.ts';
import { bytes, open, run, set } from './kv.test-support.ts';

const packr = new Packr({ useRecords: false });
const uint = fc.maxSafeNat();
const key = fc.uint8Array({ minLength: 1, maxLength: 40 }).map((key) => Buffer.from(key).toString('latin1'));
const value = fc.uint8Array({ maxLength: 60 });
const flags = fc.nat(0xffff_ffff);
const by = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const parts: OpParts = {
  key,
  value,
  flags,
  ttlMs: uint,
  version: uint,
  by,
  lease: fc.integer({ min: 1, max: 2 ** 53 - 1 }),
};
const fence = fc.record({ lock: key, token: uint });
const command: fc.Arbitrary<Command> = fc.oneof(
  fc
    .record({
      session: uint,
      number: fc.integer({ min: 1, max: 2 ** 53 - 1 }),
      back: uint,
      batch: fc.oneof(
        fc.record({ atomic: fc.constant(false), ops: fc.array(allOps(parts)) }),
        fc.record({ atomic: fc.constant(true), ops: fc.array(keyOps(parts)) }),
      ),
      more: fc.oneof(fc.constant({}), fc.record({ fence })),
    })
    .map(({ back, batch, more, ...rest }) => ({
      command: 'batch' as const,
      ...rest,
      ...batch,
      ...more,
      lowest: 1 + (back % rest.number),
    })),
  fc.constant({ command: 'register' as const }),
  fc.record({ command: fc.constant('keep-alive' as const), session: uint }),
  fc.record({ command: fc.constant('end-session' as const), session: uint }),
  fc.constant({ command: 'expire' as const }),
);

/** With values as plain byte arrays, to compare. */
const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_name, field: unknown) => {
      if (typeof field === 'bigint') return `${field}n`;
      return field instanceof Uint8Array ? [...field] : field;
    }),
  );

/** `Buffer` serializes itself before a replacer sees it. */
const unbuffered = (command: Command): unknown => {
  if (command.command !== 'batch') return plain(command);
  const ops = command.ops.map((op) => ('value' in op ? { ...op, value: [...op.value] } : op));
  return plain({ ...command, ops });
};

test('a command decodes to what was encoded', () => {
  const property = fc.property(command, (command) => {
    const decoded = decodeCommand(encodeCommand(command));
    assert(decoded !== null);
    assert.deepEqual(unbuffered(decoded), unbuffered(command));
  });
  fc.assert(property, { seed: 2, numRuns: 500 });
});

test('a command decodes from a plain Uint8Array at an offset, too', () => {
  const encoded = encodeCommand({
    command: 'batch',
    session: 7,
    number: 1,
    lowest: 1,
    atomic: false,
    ops: [set('k\xe9y', 'v')],
  });
  const shifted = new Uint8Array(encoded.length + 5);
  shifted.set(encoded, 3);
  const decoded = decodeCommand(shifted.subarray(3, 3 + encoded.length));
  assert(decoded?.command === 'batch');
  assert.deepEqual(
    decoded.ops.map((op) => isKeyOp(op) && op.key),
    ['k\xe9y'],
  );
});

const batch = (...replaced: readonly [index: number, field: unknown][]): unknown[] => {
  const fields: unknown[] = [1, 1, 5, 3, false, [[3, bytes('key')]]];
  for (const [index, field] of replaced) fields[index] = field;
  return fields;
};
const batchOf = (op: unknown): unknown[] => batch([5, [op]]);

test('the smallest change to a well-formed command that makes it none is noticed', () => {
  assert.notEqual(decodeCommand(packr.pack(batch())), null);
  const k = bytes('key');
  const v = bytes('value');
  const malformed: unknown[] = [
    null,
    1,
    {},
    [],
    [0],
    [6],
    ['1'],
    [2, 0],
    [5, 0],
    [3],
    [3, -1],
    [3, 1.5],
    [3, 1, 1],
    [4, '1'],
    [4, 2 ** 53],
    batch([1, -1]),
    batch([2, 0]),
    batch([3, 0]),
    batch([3, 6]),
    batch([4, 0]),
    batch([5, null]),
    batch([5, {}]),
    batch([6, 0]),
    batchOf(null),
    batchOf([]),
    batchOf([99, k]),
    batchOf(['3', k]),
    batchOf([3]),
    batchOf([3, 'key']),
    batchOf([3, bytes('')]),
    batchOf([3, new Uint8Array(limits.keyBytesCeiling + 1)]),
    batchOf([3, k, -1]),
    batchOf([3, k, 1, 1]),
    batchOf([1, k, v, 0, 0]),
    batchOf([1, k, 'value', 0, 0, 0]),
    batchOf([1, k, v, -1, 0, 0]),
    batchOf([1, k, v, 2 ** 32, 0, 0]),
    batchOf([1, k, v, 0, -2, 0]),
    batchOf([1, k, v, 0, 0, 3]),
    batchOf([1, k, v, 0, 0, 0, -1]),
    batchOf([1, k, v, 0, 0, 0, 1, 1]),
    batchOf([2, k, v, 0, 0, -1]),
    batchOf([2, k, v, 0, 0, 0, -1]),
    batchOf([2, k, v, 0, 0, 0, 0, 1]),
    batchOf([2, k, v, 0, 0, 0, 0, true, 1]),
    batchOf([4, k]),
    batchOf([4, k, v, 2]),
    batchOf([5, k, v, 1, -1]),
    batchOf([5, k, v, 1, 1, 1]),
    batchOf([6, k, 1, false, null, 0]),
    batchOf([6, k, -1n, false, null, 0]),
    batchOf([6, k, 1n, 0, null, 0]),
    batchOf([6, k, 1n, false, 1, 0]),
    batchOf([6, k, 1n, false, 1n]),
    batchOf([6, k, 1n, false, 1n, 0, -1]),
    batchOf([6, k, 1n, false, 1n, 0, 0, -2]),
    batchOf([6, k, 1n, false, 1n, 0, 0, null, 1]),
    batchOf([7, k]),
    batchOf([7, k, 1.5]),
    batchOf([7, k, 1, 1]),
    batchOf([8, k]),
    batchOf([8, k, v, 0]),
    batchOf([9, k]),
    batchOf([9, k, -1]),
    batchOf([9, k, 1, 1]),
    batchOf([9, null, 1]),
    batchOf([10]),
    batchOf([10, k]),
    batchOf([10, null, 0]),
    batchOf([11, null, 0]),
    batchOf([11, null, 1, 1]),
    batchOf([11, k, 1]),
    batchOf([12, null]),
    batchOf([12, null, -1]),
    batchOf([13, null, 1, 1]),
    batchOf([10, null, 1, 1]),
    batchOf([20, k, null, null]),
    batchOf([20, k, null, null, -1]),
    batchOf([20, k, -2, null, null]),
    batchOf([20, k, null, null, null, 1]),
    batchOf([21, k, -1, null]),
    batchOf([21, k, 1]),
    batchOf([21, k, 1, null, 1]),
    batch([4, true], [5, [[10, null]]]),
    batch([4, true], [5, [[13, null, 1]]]),
    batch([6, k]),
    batch([6, 'lock'], [7, 1]),
    batch([6, k], [7, -1]),
    batch([6, k], [7, 1], [8, 1]),
  ];
  const { machine } = open();
  for (const fields of malformed) {
    assert.deepEqual(
      machine.apply(packr.pack(fields), 0),
      { status: 'malformed' },
      JSON.stringify(plain(fields)),
    );
  }
});

test('arrays nested deeper than the stack are malformed', () => {
  const { machine } = open();
  const deep = new Uint8Array(1_000_000).fill(0x91);
  assert.deepEqual(machine.apply(deep, 0), { status: 'malformed' });
  const inside = Buffer.concat([Buffer.from([0x92, 0x03]), deep, Buffer.from([0x01])]);
  assert.deepEqual(machine.apply(inside, 0), { status: 'malformed' });
});

test('apply never throws, and malformed bytes change nothing', () => {
  const { machine } = open();
  run(machine, { command: 'register' }, 0);
  const before = machine.stateHash();
  const cut = fc.tuple(command, fc.nat(), fc.nat(255), fc.boolean()).map(([command, at, byte, shorten]) => {
    const encoded = Uint8Array.from(encodeCommand(command));
    if (shorten) return encoded.subarray(0, at % encoded.length);
    encoded[at % encoded.length] = byte;
    return encoded;
  });
  const property = fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), cut), (garbage) => {
    const { machine: fresh } = open();
    run(fresh, { command: 'register' }, 0);
    if (fresh.apply(garbage, 0).status === 'malformed') assert.equal(fresh.stateHash(), before);
  });
  fc.assert(property, { seed: 3, numRuns: 3_000 });
});

test('what is stored does not change with the bytes of the command', () => {
  const { machine } = open({ changeLogBytesMax: 10_000 });
  run(machine, { command: 'register' }, 0);
  const encoded = encodeCommand({
    command: 'batch',
    session: 1,
    number: 1,
    lowest: 1,
    atomic: false,
    ops: [set('key', 'value')],
  });
  machine.apply(encoded, 0);
  encoded.fill(0);
  assert.equal(Buffer.from(machine.get('key')?.value ?? []).toString(), 'value');
  const events = machine.changes(1, 10);
  assert(events !== 'compacted');
  assert.equal(Buffer.from(events[0]?.record?.value ?? []).toString(), 'value');
});
