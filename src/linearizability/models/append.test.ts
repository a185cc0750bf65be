import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHistory, type Verdict } from '../checker.ts';
import type { Operation } from '../history.ts';
import { append, get, history, put } from '../handmade.test-support.ts';
import { textOfBytes } from '../text.ts';

const verdictOf = (...operations: Operation[]): Verdict =>
  checkHistory(history(operations, { model: 'append' })).verdict;

test('an append adds to the end, and to an absent key as to an empty one', () => {
  assert.equal(verdictOf(append('a', [0, 1], 'x'), append('a', [2, 3], 'y'), get('a', [4, 5], 'xy')), 'ok');
  assert.equal(
    verdictOf(append('a', [0, 1], 'x'), append('a', [2, 3], 'y'), get('a', [4, 5], 'yx')),
    'illegal',
  );
  assert.equal(verdictOf(put('a', [0, 1], 'p'), append('a', [2, 3], 'y'), get('a', [4, 5], 'py')), 'ok');
  assert.equal(verdictOf(append('a', [0, 1], 'x'), put('a', [2, 3], 'p'), get('a', [4, 5], 'p')), 'ok');
});

test('a double append is illegal', () => {
  assert.equal(verdictOf(append('a', [0, 1], 'x'), get('a', [2, 3], 'xx')), 'illegal');
  assert.equal(verdictOf(append('a', [0, 1], 'x'), append('b', [0, 1], 'x'), get('a', [2, 3], 'xx')), 'ok');
});

test('a lost append is illegal', () => {
  assert.equal(
    verdictOf(append('a', [0, 1], 'x'), append('b', [0, 1], 'y'), get('a', [2, 3], 'x')),
    'illegal',
  );
});

test('appends that overlap may take effect in either order, but in one for all readers', () => {
  const both = [append('a', [0, 5], 'x'), append('b', [0, 5], 'y')];
  assert.equal(verdictOf(...both, get('c', [6, 7], 'xy')), 'ok');
  assert.equal(verdictOf(...both, get('c', [6, 7], 'yx')), 'ok');
  assert.equal(verdictOf(...both, get('c', [6, 7], 'yx'), get('d', [6, 7], 'xy')), 'illegal');
  assert.equal(verdictOf(...both, get('c', [1, 2], 'y'), get('d', [6, 7], 'xy')), 'illegal');
});

test('a value never becomes shorter by itself', () => {
  assert.equal(
    verdictOf(
      append('a', [0, 1], 'x'),
      append('a', [2, 9], 'y'),
      get('b', [3, 4], 'xy'),
      get('b', [5, 6], 'x'),
    ),
    'illegal',
  );
  assert.equal(verdictOf(append('a', [0, 1], 'x'), get('b', [2, 3], 'x'), get('b', [4, 5], null)), 'illegal');
});

test('an append without an answer may take effect late or never, but not twice', () => {
  const lost = append('a', [0], 'x');
  const known = append('b', [3, 4], 'y');
  assert.equal(verdictOf(lost, known, get('b', [5, 6], 'y')), 'ok');
  assert.equal(verdictOf(lost, known, get('b', [5, 6], 'xy')), 'ok');
  assert.equal(verdictOf(lost, known, get('b', [5, 6], 'y'), get('b', [7, 8], 'yx')), 'ok');
  assert.equal(verdictOf(lost, known, get('b', [5, 6], 'xyx')), 'illegal');
  assert.equal(verdictOf(lost, known, get('b', [5, 6], 'xy'), get('b', [7, 8], 'y')), 'illegal');
});

test('a put without an answer may hide what was appended before it', () => {
  const lost = put('a', [0], 'p');
  const known = append('b', [1, 2], 'y');
  assert.equal(verdictOf(lost, known, get('c', [3, 4], 'y'), get('c', [5, 6], 'p')), 'ok');
  assert.equal(verdictOf(lost, known, get('c', [3, 4], 'p'), get('c', [5, 6], 'y')), 'illegal');
});

test('halves of a character join to that character', () => {
  const halves = [textOfBytes(Uint8Array.of(0xc3)), textOfBytes(Uint8Array.of(0xa9))] as const;
  const appends = [append('a', [0, 1], halves[0]), append('a', [4, 5], halves[1])];
  assert.equal(verdictOf(...appends, get('b', [2, 3], halves[0]), get('b', [6, 7], 'é')), 'ok');
  assert.equal(verdictOf(...appends, get('b', [6, 7], 'è')), 'illegal');
});

test('the same value by other pieces is the same value', () => {
  const appends = [
    append('a', [0, 9], 'ab'),
    append('b', [0, 9], 'c'),
    append('c', [0, 9], 'a'),
    append('d', [0, 9], 'bc'),
  ];
  assert.equal(verdictOf(...appends, get('e', [10, 11], 'abcabc')), 'ok');
  assert.equal(verdictOf(...appends, get('e', [10, 11], 'ababcc')), 'ok');
  assert.equal(verdictOf(...appends, get('e', [10, 11], 'cabbac')), 'illegal');
});
