import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHistory, type Verdict } from '../checker.ts';
import type { Operation } from '../history.ts';
import { get, history, put } from '../handmade.test-support.ts';

const verdictOf = (...operations: Operation[]): Verdict =>
  checkHistory(history(operations, { model: 'register' })).verdict;

test('operations one after the other read what was written last', () => {
  assert.equal(verdictOf(get('a', [0, 1], null), put('a', [2, 3], '1'), get('b', [4, 5], '1')), 'ok');
  assert.equal(verdictOf(put('a', [0, 1], '1'), put('a', [2, 3], '2'), get('b', [4, 5], '2')), 'ok');
});

test('a stale read is illegal', () => {
  assert.equal(verdictOf(put('a', [0, 1], '1'), put('a', [2, 3], '2'), get('b', [4, 5], '1')), 'illegal');
  assert.equal(verdictOf(put('a', [0, 1], '1'), get('b', [2, 3], null)), 'illegal');
});

test('a lost update is illegal', () => {
  const first = put('a', [0, 1], '1');
  assert.equal(
    verdictOf(first, put('b', [2, 3], '2'), get('c', [4, 5], '1'), get('c', [6, 7], '1')),
    'illegal',
  );
});

test('a read of what nobody wrote is illegal', () => {
  assert.equal(verdictOf(put('a', [0, 1], '1'), get('b', [0, 5], '7')), 'illegal');
});

test('a read that overlaps a put may see it or not', () => {
  assert.equal(verdictOf(put('a', [0, 10], '1'), get('b', [1, 2], '1')), 'ok');
  assert.equal(verdictOf(put('a', [0, 10], '1'), get('b', [1, 2], null)), 'ok');
});

test('once a read saw a put, a later read cannot miss it', () => {
  const write = put('a', [0, 10], '1');
  assert.equal(verdictOf(write, get('b', [1, 2], '1'), get('c', [3, 4], null)), 'illegal');
  assert.equal(verdictOf(write, get('b', [1, 3], '1'), get('c', [2, 4], null)), 'ok');
});

test('two readers may not see two puts in different orders', () => {
  const puts = [put('a', [0, 10], '1'), put('b', [0, 10], '2')];
  const reader = (name: string, values: [string, string]): Operation[] => [
    get(name, [11, 20], values[0]),
    get(name, [21, 30], values[1]),
  ];
  assert.equal(verdictOf(...puts, get('c', [11, 20], '1'), get('d', [11, 20], '1')), 'ok');
  assert.equal(verdictOf(...puts, ...reader('c', ['1', '2'])), 'illegal');
  assert.equal(
    verdictOf(...puts, get('c', [1, 2], '1'), get('c', [3, 4], '2'), get('d', [5, 6], '1')),
    'illegal',
  );
});

test('operations that meet at one moment count as concurrent', () => {
  assert.equal(verdictOf(put('a', [0, 5], '1'), get('b', [5, 6], null)), 'ok');
  assert.equal(verdictOf(put('a', [0, 5], '1'), get('b', [5.000001, 6], null)), 'illegal');
});

test('a put without an answer may take effect late, or never', () => {
  const lost = put('a', [0], '1');
  assert.equal(verdictOf(lost, get('b', [1, 2], '1')), 'ok');
  assert.equal(verdictOf(lost, get('b', [1, 2], null), get('b', [100, 101], '1')), 'ok');
  assert.equal(verdictOf(lost, get('b', [1, 2], null), get('b', [100, 101], null)), 'ok');
});

test('a put without an answer does not take effect twice, nor before its call', () => {
  const lost = put('a', [0], '1');
  const between = put('b', [3, 4], '2');
  assert.equal(verdictOf(lost, get('b', [1, 2], '1'), between, get('b', [5, 6], '1')), 'illegal');
  assert.equal(verdictOf(put('a', [3], '1'), get('b', [1, 2], '1')), 'illegal');
});

test('a put that failed did not happen, and a read without an answer says nothing', () => {
  const failed: Operation = {
    client: 'a',
    kind: 'put',
    key: 'x',
    value: '1',
    callMs: 0,
    returnMs: 1,
    outcome: 'fail',
  };
  const lost: Operation = { client: 'a', kind: 'get', key: 'x', callMs: 0, returnMs: 1, outcome: 'unknown' };
  assert.equal(verdictOf(failed, get('b', [2, 3], null)), 'ok');
  assert.equal(verdictOf(failed, get('b', [2, 3], '1')), 'illegal');
  assert.equal(verdictOf(lost, get('b', [2, 3], null)), 'ok');
});

test('an empty value is not an absent one', () => {
  assert.equal(verdictOf(put('a', [0, 1], ''), get('b', [2, 3], '')), 'ok');
  assert.equal(verdictOf(put('a', [0, 1], ''), get('b', [2, 3], null)), 'illegal');
  assert.equal(verdictOf(get('b', [2, 3], '')), 'illegal');
});
