import assert from 'node:assert/strict';
import { test } from 'node:test';
import { append, bytes, cas, checkSaved, Client, open, set } from './kv.test-support.ts';
import type { Op } from './ops.ts';
import { passingRecords } from './record-room.ts';

test('bytes for a record are the same ones as before, and as many as were asked for', () => {
  const allocate = passingRecords();
  const first = allocate(40);
  assert.equal(first.length, 40);
  assert.equal(allocate(40), first);
  const longer = allocate(50);
  assert.deepEqual([longer.length, longer.buffer], [50, first.buffer]);
  const large = allocate(1_000_000);
  assert.equal(large.length, 1_000_000);
  assert.notEqual(allocate(1_000_000).buffer, large.buffer);
});

test('nothing that a batch left or answered changes with the records that are made after it', () => {
  for (const atomic of [false, true]) {
    const { machine, storage } = open();
    const client = new Client(machine);
    const putHash = (key: string, value: string): Op => ({ op: 'put-hash', key, value: bytes(value) });
    const touch: Op = { op: 'touch', key: 'touched', ttlMs: 1_000 };
    const run = (ops: Op[]): readonly (Uint8Array | undefined)[] => {
      const reply = client.batch(0, ops, atomic);
      return reply.map(({ value }) => value);
    };
    run([
      set('a', 'aaaa'),
      set('b', 'bbbb'),
      set('touched', 'tttt'),
      append('new', 'nnnn'),
      set('hash', 'hhhh'),
    ]);
    const pin = machine.pin();
    const answered = run([touch, putHash('hash', 'x'), cas('a', 'AAAA', 1), touch]);
    const texts = (): (string | undefined)[] =>
      answered.map((value) => value && Buffer.from(value).toString());
    assert.deepEqual(texts(), ['tttt', 'hhhh', undefined, 'tttt']);
    run([set('c', 'cccc'), set('d', 'dddd'), set('touched', 'TTTT'), set('hash', 'HHHH')]);
    assert.deepEqual(texts(), ['tttt', 'hhhh', undefined, 'tttt']);
    const now = (key: string): string => Buffer.from(machine.get(key)?.value ?? []).toString();
    assert.deepEqual(['a', 'b', 'c', 'd', 'new'].map(now), ['AAAA', 'bbbb', 'cccc', 'dddd', 'nnnn']);
    assert.equal(Buffer.from(pin.get('a')?.value ?? []).toString(), 'aaaa');
    const events = machine.changes(1, 5);
    assert(events !== 'compacted');
    assert.deepEqual(
      events.map(({ record }) => Buffer.from(record?.value ?? []).toString()),
      ['aaaa', 'bbbb', 'tttt', 'nnnn', 'hhhh'],
    );
    checkSaved({ machine, storage });
  }
});
