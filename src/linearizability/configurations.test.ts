import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Bitset } from './bitset.ts';
import { ConfigurationSet } from './configurations.ts';

const SIZE = 130;

/** A set made by adding `members`, and taking others in and out on the way. */
function bitsetOf(members: Iterable<number>, passing: Iterable<number> = []): Bitset {
  const wanted = new Set(members);
  const bitset = new Bitset(SIZE);
  for (const member of passing) {
    if (wanted.has(member) || bitset.has(member)) continue;
    bitset.add(member);
  }
  for (const member of wanted) bitset.add(member);
  for (let member = 0; member < SIZE; member++) {
    if (bitset.has(member) && !wanted.has(member)) bitset.remove(member);
  }
  return bitset;
}

function encodingOf(bitset: Bitset): number[] {
  const target = new Int32Array(bitset.encodedLengthMax);
  return [...target.subarray(0, bitset.encode(target, 0))];
}

const members = fc.uniqueArray(fc.nat(SIZE - 1), { maxLength: SIZE });

test('hash and encoding of a set depend on its members alone', () => {
  fc.assert(
    fc.property(members, members, (wanted, passing) => {
      const direct = bitsetOf(wanted);
      const detour = bitsetOf(wanted.toReversed(), passing);
      assert.equal(direct.hash, detour.hash);
      assert.deepEqual(encodingOf(direct), encodingOf(detour));
    }),
    { seed: 4, numRuns: 300 },
  );
});

test('different sets have different encodings', () => {
  fc.assert(
    fc.property(members, fc.nat(SIZE - 1), (wanted, member) => {
      const other = wanted.includes(member) ? wanted.filter((each) => each !== member) : [...wanted, member];
      assert.notDeepEqual(encodingOf(bitsetOf(wanted)), encodingOf(bitsetOf(other)));
    }),
    { seed: 5, numRuns: 300 },
  );
});

test('a set that is full up to some point has a short encoding', () => {
  assert.ok(encodingOf(bitsetOf(Array.from({ length: 101 }, (_, i) => i))).length <= 3);
});

test('a configuration is new once, whichever part of it differs', () => {
  const seen = new ConfigurationSet(2 * new Bitset(SIZE).encodedLengthMax);
  const known = new Set<string>();
  fc.assert(
    fc.property(fc.nat(40), fc.nat(40), fc.nat(3), (mandatory, optional, state) => {
      // Full up to a point, and one beyond it.
      const placed = [...Array(mandatory).keys(), mandatory + 2];
      const isNew = seen.add(bitsetOf(placed), bitsetOf([optional]), state);
      const name = `${mandatory} ${optional} ${state}`;
      assert.equal(isNew, !known.has(name));
      known.add(name);
    }),
    { seed: 6, numRuns: 8_000 },
  );
  assert.ok(known.size > 2_000 && known.size < 7_900);
  assert.ok(seen.bytes > 0);
});
