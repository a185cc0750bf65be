import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHistory, type Verdict } from '../checker.ts';
import type { Operation, OperationResult } from '../history.ts';
import { history, operation, type Span } from '../handmade.test-support.ts';

const verdictOf = (...operations: Operation[]): Verdict =>
  checkHistory(history(operations, { model: 'versioned', clockToleranceMs: 0 })).verdict;

const set = (client: string, span: Span, value: string, version?: number): Operation =>
  operation(client, span, { kind: 'set', value }, version === undefined ? {} : { version });
const setWhen = (span: Span, when: 'absent' | 'present', result: Partial<OperationResult>): Operation =>
  operation('w', span, { kind: 'set', value: 'w', when }, result);
const cas = (
  client: string,
  span: Span,
  value: string,
  expected: number,
  result: Partial<OperationResult>,
): Operation => operation(client, span, { kind: 'cas', value, version: expected }, result);
const getm = (span: Span, value: string, version: number): Operation =>
  operation('r', span, { kind: 'getm' }, { value, version });
const get = (span: Span, value: string): Operation => operation('r', span, { kind: 'get' }, { value });
const missing = (span: Span, kind: 'get' | 'getm' = 'get'): Operation =>
  operation('r', span, { kind }, { status: 'not-found' });
const remove = (span: Span, status: 'ok' | 'not-found'): Operation =>
  operation('d', span, { kind: 'delete' }, { status });

test('set, getm, cas and delete one after the other', () => {
  assert.equal(
    verdictOf(
      missing([0, 1]),
      set('a', [2, 3], '1', 5),
      getm([4, 5], '1', 5),
      cas('a', [6, 7], '2', 5, { version: 8 }),
      get([8, 9], '2'),
      remove([10, 11], 'ok'),
      missing([12, 13], 'getm'),
      remove([14, 15], 'not-found'),
      cas('a', [16, 17], '3', 8, { status: 'not-found' }),
    ),
    'ok',
  );
});

test('two cas for one version cannot both win', () => {
  const first = set('a', [0, 1], '1', 1);
  const winner = cas('a', [2, 9], '2', 1, { version: 2 });
  assert.equal(verdictOf(first, winner, cas('b', [2, 9], '3', 1, { status: 'version-mismatch' })), 'ok');
  assert.equal(verdictOf(first, winner, cas('b', [2, 9], '3', 1, { version: 3 })), 'illegal');
});

test('a cas may not be refused when its version is the present one', () => {
  const refused = cas('b', [4, 5], '3', 1, { status: 'version-mismatch' });
  assert.equal(verdictOf(set('a', [0, 1], '1', 1), refused), 'illegal');
  assert.equal(verdictOf(set('a', [0, 1], '1', 1), set('a', [2, 3], '2', 2), refused), 'ok');
  assert.equal(verdictOf(cas('b', [4, 5], '3', 1, { status: 'version-mismatch' })), 'illegal');
});

test('a version that a refused cas is told must be the present one', () => {
  const first = set('a', [0, 1], '1', 7);
  assert.equal(verdictOf(first, cas('b', [2, 3], '2', 3, { status: 'version-mismatch', version: 7 })), 'ok');
  assert.equal(
    verdictOf(first, cas('b', [2, 3], '2', 3, { status: 'version-mismatch', version: 6 })),
    'illegal',
  );
});

test('a version that goes back is illegal', () => {
  assert.equal(verdictOf(set('a', [0, 1], '1', 5), set('a', [2, 3], '2', 4)), 'illegal');
  assert.equal(
    verdictOf(set('a', [0, 9], '1', 5), set('b', [0, 9], '2', 4), getm([10, 11], '2', 4)),
    'illegal',
  );
  assert.equal(verdictOf(set('a', [0, 9], '1', 5), set('b', [0, 9], '2', 4), getm([10, 11], '1', 5)), 'ok');
});

test('a version goes on growing after a deletion', () => {
  const before = [set('a', [0, 1], '1', 5), remove([2, 3], 'ok')];
  assert.equal(verdictOf(...before, set('a', [4, 5], '2', 7)), 'ok');
  assert.equal(verdictOf(...before, set('a', [4, 5], '2', 5)), 'illegal');
});

test('a deleted key does not come back by itself', () => {
  assert.equal(verdictOf(set('a', [0, 1], '1', 1), remove([2, 3], 'ok'), get([4, 5], '1')), 'illegal');
  assert.equal(verdictOf(set('a', [0, 1], '1', 1), remove([2, 9], 'ok'), get([4, 5], '1')), 'ok');
});

test('a key may not be missing, nor refuse to be deleted, while it is there', () => {
  assert.equal(verdictOf(set('a', [0, 1], '1', 1), missing([2, 3])), 'illegal');
  assert.equal(verdictOf(set('a', [0, 1], '1', 1), remove([2, 3], 'not-found')), 'illegal');
  assert.equal(verdictOf(remove([2, 3], 'ok')), 'illegal');
});

test('a set for an absent key needs it to be absent, one for a present key to be there', () => {
  const first = set('a', [0, 1], '1', 1);
  assert.equal(verdictOf(first, setWhen([2, 3], 'absent', { status: 'exists' })), 'ok');
  assert.equal(verdictOf(first, setWhen([2, 3], 'absent', { version: 2 })), 'illegal');
  assert.equal(verdictOf(setWhen([2, 3], 'absent', { version: 2 }), getm([4, 5], 'w', 2)), 'ok');
  assert.equal(verdictOf(setWhen([2, 3], 'absent', { status: 'exists' })), 'illegal');
  assert.equal(verdictOf(first, setWhen([2, 3], 'present', { version: 2 })), 'ok');
  assert.equal(verdictOf(first, setWhen([2, 3], 'present', { status: 'not-found' })), 'illegal');
  assert.equal(verdictOf(setWhen([2, 3], 'present', { version: 2 })), 'illegal');
  assert.equal(verdictOf(setWhen([2, 3], 'present', { status: 'not-found' })), 'ok');
});

test('a set without an answer may take effect late, with any version that fits', () => {
  const lost = set('b', [0], 'lost');
  const first = set('a', [0, 1], '1', 3);
  assert.equal(verdictOf(first, lost, getm([4, 5], '1', 3), getm([6, 7], 'lost', 9)), 'ok');
  assert.equal(verdictOf(first, lost, getm([4, 5], '1', 3), getm([6, 7], 'lost', 2)), 'illegal');
  assert.equal(verdictOf(first, lost, getm([4, 5], 'lost', 9), getm([6, 7], 'lost', 10)), 'illegal');
  assert.equal(verdictOf(first, lost, getm([4, 5], 'lost', 4), set('a', [6, 7], '2', 4)), 'illegal');
  assert.equal(verdictOf(first, lost, get([4, 5], 'lost'), set('a', [6, 7], '2', 4)), 'illegal');
  assert.equal(verdictOf(first, lost, get([4, 5], 'lost'), set('a', [6, 7], '2', 5)), 'ok');
});

test('a write without an answer does not take effect twice', () => {
  const lost = set('b', [0], 'lost');
  const between = set('a', [4, 5], '1', 8);
  assert.equal(verdictOf(lost, get([2, 3], 'lost'), between, get([6, 7], 'lost')), 'illegal');
  const removal = operation('d', [0], { kind: 'delete' });
  const first = set('a', [0, 1], '1', 1);
  assert.equal(verdictOf(removal, first, missing([2, 3]), between, missing([6, 7])), 'illegal');
  assert.equal(verdictOf(removal, first, missing([2, 3]), between, get([6, 7], '1')), 'ok');
});

test('a cas without an answer takes effect only on its version', () => {
  const lost = operation('b', [0], { kind: 'cas', value: 'lost', version: 3 });
  assert.equal(verdictOf(set('a', [0, 1], '1', 3), lost, get([2, 3], 'lost')), 'ok');
  assert.equal(verdictOf(set('a', [0, 1], '1', 4), lost, get([2, 3], 'lost')), 'illegal');
  assert.equal(verdictOf(lost, get([2, 3], 'lost')), 'illegal');
});
