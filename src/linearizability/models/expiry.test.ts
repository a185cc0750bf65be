import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHistory, type Verdict } from '../checker.ts';
import type { Operation, OperationResult } from '../history.ts';
import { history, operation, type Span } from '../handmade.test-support.ts';

const checkWith = (clockToleranceMs: number, operations: readonly Operation[]): Verdict =>
  checkHistory(history(operations, { model: 'versioned', clockToleranceMs })).verdict;
const verdictOf = (...operations: Operation[]): Verdict => checkWith(0, operations);

const set = (span: Span, value: string, version: number, ttlMs = 0): Operation =>
  operation('a', span, { kind: 'set', value, ttlMs }, { version });
const get = (span: Span, value: string, result: Partial<OperationResult> = {}): Operation =>
  operation('r', span, { kind: 'get' }, { value, ...result });
const missing = (span: Span): Operation => operation('r', span, { kind: 'get' }, { status: 'not-found' });

test('a key with a time to live may be gone when that has passed since the call, not before', () => {
  assert.equal(verdictOf(set([0, 10], '1', 1, 100), missing([20, 99])), 'illegal');
  assert.equal(verdictOf(set([0, 10], '1', 1, 100), missing([20, 100])), 'ok');
  assert.equal(verdictOf(set([0, 10], '1', 1), missing([200, 201])), 'illegal');
});

test('a key may outlive its time, as the system has its own clock', () => {
  assert.equal(verdictOf(set([0, 10], '1', 1, 100), get([500, 501], '1'), missing([502, 503])), 'ok');
});

test('the clock tolerance lets a key expire earlier', () => {
  const operations = [set([0, 10], '1', 1, 100), missing([20, 80])];
  assert.equal(checkWith(19, operations), 'illegal');
  assert.equal(checkWith(20, operations), 'ok');
});

test('an expired key does not come back by itself', () => {
  const before = [set([0, 10], '1', 1, 100), missing([200, 201])];
  assert.equal(verdictOf(...before, get([202, 203], '1')), 'illegal');
  assert.equal(verdictOf(...before, set([202, 203], '1', 3), get([204, 205], '1')), 'ok');
});

test('a key that expires while reads overlap is gone for all that start later', () => {
  const write = set([0, 10], '1', 1, 100);
  assert.equal(verdictOf(write, missing([90, 120]), get([95, 130], '1')), 'ok');
  assert.equal(verdictOf(write, missing([90, 120]), get([121, 130], '1')), 'illegal');
});

test('what follows a seen expiry cannot have ended before the key could expire', () => {
  // The set must come behind the expiry that the cas tells of, and was over by then.
  const operations = [
    set([0, 1], '1', 1, 100),
    operation('b', [5, 200], { kind: 'cas', value: 'x', version: 1 }, { status: 'not-found' }),
    operation('c', [6, 50], { kind: 'set', value: '2', when: 'absent' }, { version: 3 }),
  ];
  assert.equal(verdictOf(...operations), 'illegal');
  const late = operation('c', [6, 150], { kind: 'set', value: '2', when: 'absent' }, { version: 3 });
  assert.equal(verdictOf(...operations.slice(0, 2), late), 'ok');
});

test('every operation that finds no key tells of an expiry', () => {
  const write = set([0, 1], '1', 1, 100);
  const after = [
    operation('b', [150, 151], { kind: 'getm' }, { status: 'not-found' }),
    operation('b', [150, 151], { kind: 'delete' }, { status: 'not-found' }),
    operation('b', [150, 151], { kind: 'cas', value: '2', version: 1 }, { status: 'not-found' }),
    operation('b', [150, 151], { kind: 'set', value: '2', when: 'present' }, { status: 'not-found' }),
    operation('b', [150, 151], { kind: 'set', value: '2', when: 'absent' }, { version: 9 }),
  ];
  for (const each of after) {
    assert.equal(verdictOf(write, each), 'ok');
    assert.equal(verdictOf(write, each, get([152, 153], '1')), 'illegal');
    assert.equal(verdictOf(write, { ...each, callMs: 50, returnMs: 51 }), 'illegal');
  }
});

test('a later write takes the expiry back, or sets another', () => {
  const first = set([0, 1], '1', 1, 100);
  assert.equal(verdictOf(first, set([50, 51], '2', 2), missing([500, 501])), 'illegal');
  assert.equal(verdictOf(first, set([50, 51], '2', 2, 100), missing([120, 121])), 'illegal');
  assert.equal(verdictOf(first, set([50, 51], '2', 2, 100), missing([160, 161])), 'ok');
});

test('a write without an answer may set a time to live', () => {
  const lost = operation('b', [10], { kind: 'set', value: 'lost', ttlMs: 100 });
  assert.equal(verdictOf(set([0, 1], '1', 1), lost, missing([120, 121])), 'ok');
  assert.equal(verdictOf(set([0, 1], '1', 1), lost, missing([90, 91])), 'illegal');
  assert.equal(verdictOf(set([0, 1], '1', 1), lost, missing([120, 121]), get([130, 131], '1')), 'illegal');
});

test('the time to live that a read is told fits what was written and the time since', () => {
  const write = set([0, 10], '1', 1, 5_000);
  assert.equal(verdictOf(write, get([11, 12], '1', { ttlMs: 5_000 })), 'ok');
  assert.equal(verdictOf(write, get([3_000, 3_001], '1', { ttlMs: 2_000 })), 'ok');
  assert.equal(verdictOf(write, get([3_000, 3_001], '1', { ttlMs: 1_998 })), 'illegal');
  assert.equal(verdictOf(write, get([11, 12], '1', { ttlMs: 5_001 })), 'illegal');
  assert.equal(verdictOf(set([0, 10], '1', 1, 4_500), get([11, 12], '1', { ttlMs: 5_000 })), 'ok');
  assert.equal(verdictOf(write, get([11, 12], '1', { ttlMs: 0 })), 'illegal');
  assert.equal(verdictOf(set([0, 10], '1', 1), get([11, 12], '1', { ttlMs: 0 })), 'ok');
  assert.equal(verdictOf(set([0, 10], '1', 1), get([11, 12], '1', { ttlMs: 1_000 })), 'illegal');
});
