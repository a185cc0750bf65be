import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeEntry, encodeProposals, encodeRecord, type Proposal } from './envelope.ts';

const proposal: fc.Arbitrary<Proposal> = fc.record(
  {
    origin: fc.nat(),
    boot: fc.nat(),
    id: fc.maxSafeNat(),
    command: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  },
  { noNullPrototype: true },
);

test('proposals come out of an entry as they went in', () => {
  fc.assert(
    fc.property(fc.array(proposal, { minLength: 1, maxLength: 8 }), (proposals) => {
      assert.deepEqual(decodeEntry(encodeProposals(proposals)), { kind: 'proposals', proposals });
    }),
    { seed: 1, numRuns: 200 },
  );
});

test('records come out of an entry as they went in', () => {
  const record = { record: 'bind', member: 65_538, incarnation: '00ff' } as const;
  assert.deepEqual(decodeEntry(encodeRecord(record)), { kind: 'record', record });
});

test('an entry without data says nothing', () => {
  assert.deepEqual(decodeEntry(new Uint8Array(0)), { kind: 'empty' });
});

test('a cut entry and one of an unknown kind are errors', () => {
  const data = encodeProposals([{ origin: 1, boot: 2, id: 3, command: Buffer.from('abc') }]);
  assert.throws(() => decodeEntry(data.subarray(0, data.length - 1)), /cut proposal/);
  assert.throws(() => decodeEntry(data.subarray(0, 9)), /cut|range/);
  assert.throws(() => decodeEntry(Buffer.of(9)), /unknown kind/);
});
