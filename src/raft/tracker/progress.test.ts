import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Progress } from './progress.ts';

const limits = { inflightMessagesMax: 3, inflightBytesMax: 100 };
const progressAt = (nextIndex: number): Progress => new Progress(2, nextIndex, limits);

/** A member that has acknowledged up to `matchIndex` and is fed ahead. */
function replicating(matchIndex: number): Progress {
  const progress = progressAt(matchIndex + 1);
  progress.update(matchIndex);
  progress.becomeReplicate();
  return progress;
}

test('a probe sends one message and waits', () => {
  const progress = progressAt(8);
  assert.equal(progress.paused, false);
  progress.sent(9, 10);
  assert.equal(progress.paused, true);
  assert.equal(progress.nextIndex, 8, 'a probe is not taken for granted');
});

test('in flow, messages are sent ahead until they are too many', () => {
  const progress = replicating(4);
  for (const index of [5, 6, 9]) {
    assert.equal(progress.paused, false);
    progress.sent(index, 1);
    assert.equal(progress.nextIndex, index + 1);
  }
  assert.equal(progress.paused, true);
  assert.equal(progress.update(6), true);
  assert.equal(progress.paused, false, 'one answer covers two messages');
});

test('in flow, messages are sent ahead until they are too large', () => {
  const progress = replicating(4);
  progress.sent(5, 99);
  assert.equal(progress.paused, false);
  progress.sent(6, 500);
  assert.equal(progress.paused, true);
  progress.update(5);
  assert.equal(progress.paused, true);
  progress.update(6);
  assert.equal(progress.paused, false);
});

test('only an acknowledgement of more is news', () => {
  const progress = replicating(4);
  assert.equal(progress.update(4), false);
  assert.equal(progress.update(3), false);
  assert.equal(progress.matchIndex, 4);
  assert.equal(progress.update(7), true);
  assert.equal(progress.nextIndex, 8, 'what it holds is not sent');
});

test('a probe that was accepted is news, though it brought nothing', () => {
  const progress = progressAt(1);
  assert.equal(progress.update(0), true);
  progress.update(3);
  progress.becomeProbe();
  assert.equal(progress.update(2), false);
  assert.equal(progress.update(3), true);
});

test('whoever is probed anew gets what follows its match', () => {
  const progress = replicating(4);
  progress.sent(9, 1);
  progress.becomeProbe();
  assert.equal(progress.nextIndex, 5);
  assert.equal(progress.paused, false);
  progress.becomeReplicate();
  progress.sent(6, 1);
  progress.sent(7, 1);
  assert.equal(progress.paused, false, 'what was under way before is forgotten');
});

test('nothing is sent to a member that waits for a snapshot', () => {
  const progress = replicating(4);
  progress.becomeSnapshot();
  progress.snapshotIndex = 90;
  assert.equal(progress.paused, true);
  progress.update(90);
  progress.becomeReplicate();
  assert.equal(progress.nextIndex, 91);
  assert.equal(progress.snapshotIndex, 0);
});

test('a member is stuck when a whole heartbeat interval acknowledged nothing of what was under way', () => {
  const progress = replicating(4);
  progress.beat();
  progress.beat();
  progress.sent(5, 1);
  assert.equal(progress.stuck, false, 'nothing was under way in the interval before');
  progress.beat();
  assert.equal(progress.stuck, false, 'it may have been sent just before this heartbeat');
  progress.beat();
  assert.equal(progress.stuck, true);
  progress.update(5);
  assert.equal(progress.stuck, false);
});

test('the window counts exactly what was sent and is not acknowledged', () => {
  const move = fc.oneof(
    fc.record({ send: fc.integer({ min: 1, max: 3 }), bytes: fc.integer({ min: 0, max: 60 }) }),
    fc.record({ ack: fc.integer({ min: 0, max: 40 }) }),
  );
  fc.assert(
    fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
      const progress = replicating(0);
      let pending: { last: number; bytes: number }[] = [];
      let last = 0;
      for (const next of moves) {
        const bytes = pending.reduce((sum, message) => sum + message.bytes, 0);
        assert.equal(progress.paused, pending.length >= 3 || bytes >= 100);
        if ('ack' in next) {
          const index = Math.min(next.ack, last);
          progress.update(index);
          pending = pending.filter((message) => message.last > progress.matchIndex);
        } else if (!progress.paused) {
          last += next.send;
          progress.sent(last, next.bytes);
          pending.push({ last, bytes: next.bytes });
        }
        assert.ok(progress.matchIndex < progress.nextIndex);
      }
    }),
    { seed: 1, numRuns: 300 },
  );
});
