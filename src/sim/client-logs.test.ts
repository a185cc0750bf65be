import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fnv1a } from '../base/fnv1a.ts';
import { CounterLog } from './counter-log.ts';
import { HashChain } from './hash-chain.ts';
import { TokenLog } from './token-log.ts';

/** Increments by 5 at 0 to 10 ms and by 3 at 20 to 30 ms that gave these results, with one by 7 of unknown fate. */
function counted(first: number, second: number): CounterLog {
  const log = new CounterLog();
  log.called(5, 0).ok(first, 10);
  log.called(7, 15);
  log.called(3, 20).ok(second, 30);
  return log;
}

test('results of increments are those of one order, with what is of unknown fate in it or not', () => {
  assert.equal(counted(5, 8).check(8), null);
  assert.equal(counted(5, 15).check(15), null);
  assert.equal(counted(5, 8).check(15), null, 'late, but once');
});

test('an increment that is lost, doubled or out of its time shows', () => {
  assert.match(counted(5, 5).check(5) ?? '', /gave 5, though another one gave 5/);
  assert.match(counted(8, 3).check(8) ?? '', /after a later one was answered with less/);
  assert.match(counted(5, 15).check(22) ?? '', /added twice/);
  assert.match(counted(5, 8).check(7) ?? '', /is 7 in the end, and was 8/);
});

test('an increment that surely failed must not count', () => {
  const log = new CounterLog();
  log.called(4, 0).failed();
  assert.equal(log.check(0), null);
  assert.match(log.check(4) ?? '', /added twice/);
});

const hash = (old: string, value: string): string => `${fnv1a(Buffer.from(old), Buffer.from(value))}`;

test('a chain of hashes shows calls that were lost, doubled or swapped', () => {
  const one = hash('', '1');
  const two = hash(one, '2');
  const chain = new HashChain();
  assert.ok(chain.answered('1', ''));
  assert.ok(chain.answered('2', one));
  assert.ok(chain.mayBe(two));
  assert.ok(!chain.mayBe(one) && !chain.mayBe(hash(two, '2')));
  assert.ok(!chain.answered('3', one), 'the second call is lost');
});

test('a call of unknown fate takes effect at any later time, at most once, or never', () => {
  const answered = (old: string, value = '2'): boolean => {
    const chain = new HashChain();
    chain.unknown('1');
    return chain.answered(value, old);
  };
  assert.ok(answered(''));
  assert.ok(answered(hash('', '1')));
  assert.ok(!answered(hash(hash('', '1'), '1')));
  const late = new HashChain();
  late.unknown('1');
  assert.ok(late.answered('2', ''));
  assert.ok(late.mayBe(hash('', '2')) && late.mayBe(hash(hash('', '2'), '1')));
});

function tokens(): TokenLog {
  const log = new TokenLog();
  for (const token of ['a.1;', 'a.2;', 'a.3;', 'a.4;']) log.called('k', 'a', token);
  for (const token of ['a.1;', 'a.2;']) log.ended('k', token, 'ok');
  log.ended('k', 'a.3;', 'not-applied');
  return log;
}

test('confirmed tokens stand there once and in order, those of unknown fate at most once', () => {
  assert.equal(tokens().check('k', 'a.1;a.2;'), null);
  assert.equal(tokens().check('k', 'a.4;a.1;a.2;'), null);
  assert.match(tokens().check('k', 'a.1;') ?? '', /a\.2; was confirmed and is lost/);
  assert.match(tokens().check('k', 'a.2;a.1;') ?? '', /out of order/);
  assert.match(tokens().check('k', 'a.1;a.2;a.2;') ?? '', /appended twice/);
  assert.match(tokens().check('k', 'a.1;a.2;a.3;') ?? '', /was said to have failed/);
  assert.match(tokens().check('k', 'a.1;a.2;b.1;') ?? '', /nobody appended b\.1;/);
});
