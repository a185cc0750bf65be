import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RaftLog } from './raft-log.ts';
import { entry, logOf } from './test-messages.ts';
import type { Entry } from './types.ts';

/** Entries 5 to 10; the one before them has term 2. */
const log = (): RaftLog => new RaftLog(4, 2, logOf([2, 3, 3, 3, 6, 6], 4));

test('a log knows its ends, and the term of the entry before its first', () => {
  const { firstIndex, lastIndex, lastTerm } = log();
  assert.deepEqual([firstIndex, lastIndex, lastTerm], [5, 10, 6]);
  assert.deepEqual(
    [3, 4, 5, 9, 10, 11].map((index) => log().termAt(index)),
    [undefined, 2, 2, 6, 6, undefined],
  );
});

test('an empty log stands on its base', () => {
  const empty = new RaftLog(4, 2, [], 77);
  assert.deepEqual([empty.firstIndex, empty.lastIndex, empty.lastTerm, empty.lastStampMs], [5, 4, 2, 77]);
  empty.append(entry(5, 2));
  assert.equal(empty.lastIndex, 5);
});

test('entries follow one another, with terms that never fall', () => {
  assert.throws(() => log().append(entry(12, 6)), /12\/6 follows 10\/6/);
  assert.throws(() => log().append(entry(11, 5)), /11\/5 follows 10\/6/);
});

test('a piece of the log keeps the bounds of count and bytes, but holds at least one entry', () => {
  const indexes = (count: number, bytes: number): number[] =>
    log()
      .sliceWithin(6, count, bytes)
      .map(({ index }) => index);
  assert.deepEqual(indexes(2, 1_000), [6, 7]);
  assert.deepEqual(indexes(99, 1_000), [6, 7, 8, 9, 10]);
  assert.deepEqual(indexes(99, 7), [6, 7], 'three bytes each');
  assert.deepEqual(indexes(99, 0), [6]);
  assert.deepEqual(log().sliceWithin(11, 5, 100), []);
});

test('a piece outside of the log is an error', () => {
  assert.throws(() => log().slice(4, 6), /are in the log/);
  assert.throws(() => log().slice(6, 12), /are in the log/);
  assert.deepEqual(log().slice(11, 11), []);
});

test('§5.3 logs back up to the last entry whose term could be shared', () => {
  const share = (index: number, term: number): [number, number] => {
    const found = log().lastWithTermAtMost(index, term);
    return [found.index, found.term];
  };
  assert.deepEqual(share(99, 6), [10, 6]);
  assert.deepEqual(share(10, 5), [8, 3], 'the whole of term 6 is passed over at once');
  assert.deepEqual(share(7, 6), [7, 3]);
  assert.deepEqual(share(10, 2), [5, 2]);
  assert.deepEqual(share(10, 1), [4, 2], 'the base, whatever its term');
  assert.deepEqual(share(4, 9), [4, 2]);
  assert.deepEqual(share(2, 9), [2, 0], 'before the base nothing is known');
});

test('the first index of the last bytes', () => {
  assert.equal(log().indexFromEnd(1_000), 5);
  assert.equal(log().indexFromEnd(9), 9, 'two entries of four bytes, the one before does not fit');
  assert.equal(log().indexFromEnd(0), 11);
});

test('a snapshot takes the place of the whole log', () => {
  const reset = log();
  reset.reset(50, 7, 123);
  assert.deepEqual([reset.firstIndex, reset.lastIndex, reset.lastTerm, reset.bytes], [51, 50, 7, 0]);
  assert.equal(reset.lastStampMs, 123);
  assert.equal(reset.termAt(10), undefined);
});

test('a long log that is compacted again and again stays whole', () => {
  const long = new RaftLog(0, 0, []);
  for (let index = 1; index <= 60_000; index++) {
    long.append(entry(index, 1 + Math.floor(index / 1_000), 'x'));
    if (index % 700 === 0) long.compact(index - 300);
  }
  assert.equal(long.lastIndex, 60_000);
  assert.equal(long.bytes, 60_000 + 1 - long.firstIndex);
  assert.deepEqual(
    long.slice(59_990, 59_993).map(({ index }) => index),
    [59_990, 59_991, 59_992],
  );
  assert.equal(long.termAt(long.firstIndex - 1), 1 + Math.floor((long.firstIndex - 1) / 1_000));
});

type Move =
  | { readonly type: 'append'; readonly bytes: number; readonly newTerm: boolean }
  | { readonly type: 'truncate' | 'compact'; readonly part: number };

test('a log does what an array of its entries does', () => {
  const part = fc.double({ min: 0, max: 1, noNaN: true });
  const move: fc.Arbitrary<Move> = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        type: fc.constant('append' as const),
        bytes: fc.integer({ min: 0, max: 9 }),
        newTerm: fc.boolean(),
      }),
    },
    fc.record({ type: fc.constantFrom('truncate' as const, 'compact' as const), part }),
  );
  fc.assert(
    fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
      const tested = new RaftLog(3, 1, []);
      let entries: Entry[] = [];
      let base = { index: 3, term: 1 };
      for (const next of moves) {
        const at = 'part' in next ? Math.floor(next.part * entries.length) : 0;
        const chosen = entries[at];
        if (next.type === 'append') {
          const last = entries.at(-1) ?? base;
          const added = entry(last.index + 1, last.term + (next.newTerm ? 1 : 0), 'x'.repeat(next.bytes));
          tested.append(added);
          entries.push(added);
        } else if (chosen !== undefined && next.type === 'truncate') {
          tested.truncateFrom(chosen.index);
          entries = entries.slice(0, at);
        } else if (chosen !== undefined) {
          tested.compact(chosen.index);
          entries = entries.slice(at + 1);
          base = { index: chosen.index, term: chosen.term };
        }
        compare(tested, entries, base);
      }
    }),
    { seed: 1, numRuns: 300 },
  );
});

function compare(log: RaftLog, entries: readonly Entry[], base: { index: number; term: number }): void {
  const last = entries.at(-1) ?? base;
  assert.deepEqual(log.slice(log.firstIndex, log.lastIndex + 1), entries);
  assert.deepEqual([log.firstIndex, log.lastIndex, log.lastTerm], [base.index + 1, last.index, last.term]);
  assert.equal(log.termAt(base.index), base.term);
  assert.equal(
    log.bytes,
    entries.reduce((sum, { data }) => sum + data.length, 0),
  );
  for (const term of [base.term, last.term]) {
    const found = log.lastWithTermAtMost(last.index, term);
    assert.equal(found.index, entries.findLast((e) => e.term <= term)?.index ?? base.index);
    const ofTerm = entries.filter((e) => e.term === term).reduce((sum, { data }) => sum + data.length, 0);
    assert.equal(log.bytesOfTerm(term, log.firstIndex, log.lastIndex + 1), ofTerm);
  }
}
