import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KvraftError } from '../base/errors.ts';
import { Proposals } from './proposals.ts';
import type { ProposeOutcome } from './replicator.ts';

const command = Buffer.from('command');

function setUp(count: number): {
  proposals: Proposals<string>;
  outcomes: Map<number, ProposeOutcome<string>>;
} {
  const proposals = new Proposals<string>();
  const outcomes = new Map<number, ProposeOutcome<string>>();
  for (let id = 1; id <= count; id++) proposals.add(command, 1_000, (outcome) => outcomes.set(id, outcome));
  return { proposals, outcomes };
}

const ids = (proposals: Proposals<string>, nowMs = 0): number[] =>
  proposals.takeUnsent(nowMs).map(({ id }) => id);

function errorOf(outcome: ProposeOutcome<string> | undefined): KvraftError {
  assert.ok(outcome !== undefined && !outcome.ok);
  return outcome.error;
}

test('proposals are sent in the order of their calls, once', () => {
  const { proposals } = setUp(3);
  assert.deepEqual(ids(proposals), [1, 2, 3]);
  assert.deepEqual(ids(proposals), []);
});

test('a proposal ends once, with the result of its first execution', () => {
  const { proposals, outcomes } = setUp(1);
  ids(proposals);
  proposals.complete(1, 'first');
  proposals.complete(1, 'second');
  assert.deepEqual(outcomes.get(1), { ok: true, result: 'first' });
  assert.equal(proposals.bytes, 0);
});

test('another leader gets everything again, in order', () => {
  const { proposals } = setUp(3);
  ids(proposals);
  proposals.complete(2, '');
  proposals.returnAll();
  assert.deepEqual(ids(proposals), [1, 3]);
});

test('a refused send of a proposal that was never sent before surely did not happen', () => {
  const { proposals, outcomes } = setUp(1);
  ids(proposals);
  proposals.refuse(1, new KvraftError('NO_SPACE', 'full'));
  assert.equal(errorOf(outcomes.get(1)).outcome, 'not-applied');
});

test('a refused send after one that may have got through leaves the outcome unknown', () => {
  const { proposals, outcomes } = setUp(1);
  ids(proposals);
  proposals.returnAll();
  ids(proposals);
  proposals.refuse(1, new KvraftError('NO_SPACE', 'full'));
  assert.equal(errorOf(outcomes.get(1)).outcome, 'unknown');
});

test('a send that was surely not taken leaves no doubt when the deadline passes', () => {
  const { proposals, outcomes } = setUp(2);
  ids(proposals);
  proposals.returnUnsent(1);
  proposals.expire(999);
  assert.equal(outcomes.size, 0);
  proposals.expire(1_000);
  assert.equal(errorOf(outcomes.get(1)).code, 'TIMEOUT');
  assert.equal(errorOf(outcomes.get(1)).outcome, 'not-applied');
  assert.equal(errorOf(outcomes.get(2)).outcome, 'unknown');
});

test('only sends that are old enough count as lost', () => {
  const { proposals } = setUp(1);
  ids(proposals, 100);
  proposals.add(command, 1_000, () => undefined);
  ids(proposals, 200);
  proposals.returnSentBefore(150);
  assert.deepEqual(ids(proposals, 300), [1]);
});

test('a proposal that ended while it waited is not sent', () => {
  const { proposals } = setUp(2);
  proposals.complete(1, '');
  assert.deepEqual(ids(proposals), [2]);
});

test('stopping fails everything, with what is known of each', () => {
  const { proposals, outcomes } = setUp(1);
  ids(proposals);
  proposals.add(command, 1_000, (outcome) => outcomes.set(2, outcome));
  proposals.failAll(new KvraftError('STOPPED', 'stopping'));
  assert.equal(errorOf(outcomes.get(1)).outcome, 'unknown');
  assert.equal(errorOf(outcomes.get(2)).outcome, 'not-applied');
  assert.equal(proposals.count, 0);
});
