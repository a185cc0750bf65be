import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPrng } from '../base/prng.ts';
import { ChangeQueue } from './change-queue.ts';
import { decodeSegment } from './change-segment.ts';

const KIB = 1024;

const push = (queue: ChangeQueue, bytes: number): number =>
  queue.push('put', 'key', new Uint8Array(bytes).fill(queue.last + 1));

/** The versions of the changes in each segment, which are checked to be what was pushed. */
function read(queue: ChangeQueue, from: number, limit?: number): number[][] {
  return [...queue.segments(from, limit)].map(({ first, last, bytes }) => {
    const changes = decodeSegment(bytes) ?? [];
    assert.equal(changes.length, last - first + 1);
    return changes.map(({ record }, i) => {
      assert(record?.every((byte) => byte === (first + i) % 256));
      return first + i;
    });
  });
}

const upTo = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i);

test('changes are read from any version on, to any number', () => {
  const queue = new ChangeQueue(11);
  assert.deepEqual(read(queue, 1), []);
  for (let i = 0; i < 1_000; i++) push(queue, 500);
  for (const from of [1, 11, 12, 500, 1_009, 1_010, 1_011, 2_000]) {
    for (const limit of [0, 1, 2, 129, 400, undefined]) {
      const first = Math.max(11, from);
      const last = Math.min(1_010, first + (limit ?? 1_000) - 1);
      assert.deepEqual(read(queue, from, limit).flat(), upTo(first, last));
    }
  }
});

test('dropping gives back what pushing took, to the last change and beyond', () => {
  const queue = new ChangeQueue(1);
  for (const bytes of [0, 70 * KIB, 3, 64 * KIB, 20 * KIB]) {
    const first = push(queue, bytes);
    const second = push(queue, 1);
    assert.equal(queue.shift(), first);
    assert.equal(queue.shift(), second);
    assert.equal(queue.first, queue.last + 1);
    assert.deepEqual(read(queue, 1), []);
  }
  assert.throws(() => queue.shift());
});

test('buffers are used again, those that are dropped and those that were cut', (t) => {
  const queue = new ChangeQueue(1);
  const fillAndDrop = (changes: number, bytes: number): number => {
    const { mock } = t.mock.method(Buffer, 'allocUnsafeSlow');
    for (let i = 0; i < changes; i++) {
      push(queue, bytes);
      queue.shift();
    }
    mock.restore();
    return mock.callCount();
  };
  for (let i = 0; i < 5_000; i++) push(queue, 288);
  assert(fillAndDrop(20_000, 288) <= 1);
  while (queue.first <= queue.last) queue.shift();
  for (let i = 0; i < 10; i++) push(queue, 40 * KIB);
  assert(fillAndDrop(100, 40 * KIB) <= 101, 'one buffer each, of the right size');
});

test('buffers take no more than a third above the changes and three chunks, whatever their sizes', () => {
  const sizes = [0, 100, 10 * KIB, 17 * KIB, 33 * KIB, 63 * KIB, 65 * KIB, 200 * KIB];
  const prng = createPrng(3);
  for (let round = 0; round < 40; round++) {
    const queue = new ChangeQueue(1);
    const some = [sizes[prng.below(sizes.length)] ?? 0, sizes[prng.below(sizes.length)] ?? 0];
    const kept: number[] = [];
    let bytes = 0;
    for (let i = 0; i < 1_000; i++) {
      kept.push(push(queue, some[i % 2] ?? 0));
      bytes += kept.at(-1) ?? 0;
      while (bytes > 2_000 * KIB) {
        queue.shift();
        bytes -= kept.shift() ?? 0;
      }
      // Of the oldest buffer all changes but one may be gone: it is as large as the largest change then.
      const slack = 3 * 64 * KIB + Math.max(...some);
      assert(queue.allocatedBytes <= (bytes * 4) / 3 + slack, `${some.join(', ')}: ${queue.allocatedBytes}`);
    }
  }
});
