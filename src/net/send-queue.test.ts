import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { SendQueue } from './send-queue.ts';

test('bytes come out as they went in, whatever the sizes', () => {
  const pushes = fc.array(fc.oneof(fc.nat(50), fc.nat(20_000)), { maxLength: 30 });
  fc.assert(
    fc.property(pushes, fc.array(fc.integer({ min: 1, max: 30_000 }), { minLength: 1 }), (sizes, rooms) => {
      const queue = new SendQueue();
      const buffers = sizes.map((size, i) => Buffer.alloc(size, i));
      for (const buffer of buffers) queue.push(buffer);
      const taken: Buffer[] = [];
      for (let i = 0; queue.bytes > 0; i++) {
        const room = rooms[i % rooms.length]!;
        const before = queue.bytes;
        const pieces = queue.take(room);
        const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
        assert.equal(bytes, Math.min(room, before));
        assert.equal(queue.bytes, before - bytes);
        taken.push(...pieces);
      }
      assert.deepEqual(Buffer.concat(taken), Buffer.concat(buffers));
    }),
    { seed: 11, numRuns: 200 },
  );
});

test('small buffers are joined into one, large ones are not copied', () => {
  const queue = new SendQueue();
  const large = Buffer.alloc(100_000);
  for (const buffer of [Buffer.of(1), Buffer.of(2), large, Buffer.of(3)]) queue.push(buffer);
  const pieces = queue.take(200_000);
  assert.deepEqual(
    pieces.map((piece) => piece.length),
    [2, 100_000, 1],
  );
  assert.equal(pieces[1]?.buffer, large.buffer);
});

test('an empty queue, and no room, give nothing', () => {
  const queue = new SendQueue();
  assert.deepEqual(queue.take(100), []);
  queue.push(Buffer.of(1));
  assert.deepEqual(queue.take(0), []);
  assert.equal(queue.bytes, 1);
});
