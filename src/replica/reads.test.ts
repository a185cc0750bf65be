import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Reads } from './reads.ts';

function setUp(): { reads: Reads; answered: string[]; add: (name: string, deadlineMs?: number) => void } {
  const reads = new Reads(1_000);
  const answered: string[] = [];
  const add = (name: string, deadlineMs = 500): void =>
    reads.add(deadlineMs, (outcome) => answered.push(outcome.ok ? `${name}@${outcome.stampMs}` : `${name}!`));
  return { reads, answered, add };
}

test('reads of one turn share one question and are answered together once their index is applied', () => {
  const { reads, answered, add } = setUp();
  add('a');
  add('b');
  const context = reads.ask(0);
  assert.ok(!reads.hasUnasked);
  reads.confirm({ context, index: 7, stampMs: 42 });
  reads.applied(6, 0);
  assert.deepEqual(answered, []);
  reads.applied(7, 0);
  assert.deepEqual(answered, ['a@42', 'b@42']);
});

test('while a question is under way, reads gather for the next one, for a millisecond at most', () => {
  const { reads, add } = setUp();
  assert.equal(reads.askInMs(0), Infinity);
  add('a');
  assert.equal(reads.askInMs(0), 0);
  const context = reads.ask(0);
  add('b');
  assert.equal(reads.askInMs(0.25), 0.75);
  assert.equal(reads.askInMs(1), 0);
  reads.confirm({ context, index: 1, stampMs: 0 });
  assert.equal(reads.askInMs(0.25), 0);
});

test('a read that sees a later write is as of its time: a key never has longer to live than it was given', () => {
  const { reads, answered, add } = setUp();
  add('a');
  reads.confirm({ context: reads.ask(0), index: 7, stampMs: 42 });
  reads.applied(9, 51);
  assert.deepEqual(answered, ['a@51']);
});

test('an answer to a question of an earlier life fits nothing', () => {
  const { reads, answered, add } = setUp();
  add('a');
  const context = reads.ask(0);
  reads.confirm({ context: context + 1, index: 1, stampMs: 0 });
  reads.applied(10, 0);
  assert.deepEqual(answered, []);
});

test('a repeated answer answers once', () => {
  const { reads, answered, add } = setUp();
  add('a');
  const context = reads.ask(0);
  reads.confirm({ context, index: 1, stampMs: 0 });
  reads.confirm({ context, index: 1, stampMs: 0 });
  reads.applied(1, 0);
  assert.deepEqual(answered, ['a@0']);
});

test('a new leader is asked everything anew, confirmed reads included', () => {
  const { reads, answered, add } = setUp();
  add('confirmed');
  reads.confirm({ context: reads.ask(0), index: 100, stampMs: 0 });
  add('asked');
  const asked = reads.ask(0);
  reads.takeBackAll();
  reads.confirm({ context: asked, index: 1, stampMs: 0 });
  reads.applied(100, 0);
  assert.deepEqual(answered, [], 'an answer of the old leader counts no more');
  reads.confirm({ context: reads.ask(0), index: 5, stampMs: 9 });
  reads.applied(100, 0);
  assert.deepEqual(answered.toSorted(), ['asked@9', 'confirmed@9']);
});

test('a question without an answer is put again, and the late answer to the first is ignored', () => {
  const { reads, answered, add } = setUp();
  add('a');
  const first = reads.ask(10);
  reads.takeBackAskedBefore(10);
  assert.ok(!reads.hasUnasked);
  reads.takeBackAskedBefore(11);
  assert.ok(reads.hasUnasked);
  const second = reads.ask(20);
  reads.confirm({ context: first, index: 1, stampMs: 0 });
  reads.applied(1, 0);
  assert.deepEqual(answered, []);
  reads.confirm({ context: second, index: 1, stampMs: 3 });
  reads.applied(1, 0);
  assert.deepEqual(answered, ['a@3']);
});

test('each read fails at its own deadline, in whatever state it is', () => {
  const { reads, answered, add } = setUp();
  add('confirmed', 100);
  add('later', 900);
  reads.confirm({ context: reads.ask(0), index: 100, stampMs: 0 });
  add('asked', 100);
  reads.ask(0);
  add('unasked', 100);
  reads.expire(100);
  assert.deepEqual(answered.toSorted(), ['asked!', 'confirmed!', 'unasked!']);
  reads.applied(100, 0);
  assert.equal(answered.at(-1), 'later@0');
});
