import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ledger } from './ledger.ts';

test('an acknowledged write must be found, or one that was sent after it', () => {
  const ledger = new Ledger(2);
  const first = ledger.sent(0);
  const second = ledger.sent(0);
  const third = ledger.sent(0);
  ledger.acked(0, first);
  ledger.acked(0, second);
  assert.deepEqual(ledger.check(0, first), { key: 0, found: first, lastAcked: second, lastSent: third });
  assert.equal(ledger.check(0, second), null);
  assert.equal(ledger.check(0, third), null);
  assert.notEqual(ledger.check(0, null), null);
});

test('what was never sent to a key must not be found in it', () => {
  const ledger = new Ledger(2);
  const own = ledger.sent(0);
  const later = ledger.sent(1);
  ledger.acked(0, own);
  assert.notEqual(ledger.check(0, later), null);
  assert.notEqual(ledger.check(0, Number.NaN), null, 'a value without a number of ours');
  assert.notEqual(ledger.check(1, 0), null);
  assert.equal(ledger.check(1, null), null, 'not acknowledged, so it may be missing');
});

test('a write of unknown outcome may appear later, over one that was acknowledged meanwhile', () => {
  const ledger = new Ledger(1);
  const lost = ledger.sent(0);
  ledger.unknown(0, lost);
  const acked = ledger.sent(0);
  ledger.acked(0, acked);
  assert.equal(ledger.check(0, lost), null);
  assert.equal(ledger.check(0, acked), null);
  assert.notEqual(ledger.check(0, null), null);
});
