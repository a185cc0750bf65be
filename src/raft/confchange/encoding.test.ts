import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytes, change, conf } from '../test-messages.ts';
import { decodeConfEntry, encodeConfEntry } from './encoding.ts';

const entryOf = (...steps: string[]) => ({
  change: { ...change(...steps), context: bytes('\u0000why?') },
  conf: conf([1, 2, 65_540], { learners: [7], votersOutgoing: [1, 2], learnersNext: [2] }),
});

test('a change and what it leads to come back as they were', () => {
  for (const entry of [entryOf('+65540', '~7', '-3'), entryOf()]) {
    const decoded = decodeConfEntry(encodeConfEntry(entry));
    assert.deepEqual(decoded?.conf, entry.conf);
    assert.deepEqual(decoded?.change.steps, entry.change.steps);
    assert.deepEqual(Buffer.from(decoded?.change.context ?? []), entry.change.context);
  }
});

test('bytes that are no change are told from one, and never throw', () => {
  const good = JSON.parse(Buffer.from(encodeConfEntry(entryOf('+4'))).toString()) as Record<string, unknown>;
  const broken: unknown[] = [
    null,
    7,
    [],
    {},
    { ...good, steps: undefined },
    { ...good, steps: [{ type: 'promote', member: 4 }] },
    { ...good, steps: [{ type: 'add-voter', member: -1 }] },
    { ...good, steps: [{ type: 'add-voter', member: 1.5 }] },
    { ...good, steps: [null] },
    { ...good, context: 5 },
    { ...good, conf: null },
    { ...good, conf: { voters: [1] } },
    { ...good, conf: { ...(good['conf'] as object), learners: ['1'] } },
  ];
  assert.notEqual(decodeConfEntry(bytes(JSON.stringify(good))), null);
  for (const value of broken) assert.equal(decodeConfEntry(bytes(JSON.stringify(value))), null);
  assert.equal(decodeConfEntry(new Uint8Array(0)), null);
  assert.equal(decodeConfEntry(bytes('[['.repeat(50_000))), null);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (noise) => {
      assert.equal(decodeConfEntry(noise), null);
    }),
    { seed: 1, numRuns: 200 },
  );
});
