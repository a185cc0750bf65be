import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHistory, type CheckResult } from './checker.ts';
import type { HistoryHeader, Operation } from './history.ts';
import { history, operation, type Span } from './handmade.test-support.ts';

const check = (operations: readonly Operation[], header: HistoryHeader = {}): CheckResult =>
  checkHistory(history(operations, { model: 'versioned', ...header }));

const set = (key: string, span: Span, version: number): Operation =>
  operation('a', span, { kind: 'set', key, value: `${version}` }, { version });
const getm = (key: string, span: Span, version: number): Operation =>
  operation('r', span, { kind: 'getm', key }, { value: `${version}`, version });
const missing = (key: string, span: Span): Operation =>
  operation('r', span, { kind: 'get', key }, { status: 'not-found' });

test('one version for two changes is a fault, on one key or on two', () => {
  for (const key of ['x', 'y']) {
    const { verdict, versionFaults } = check([set('x', [0, 9], 4), set(key, [0, 9], 4)]);
    assert.equal(verdict, 'illegal');
    assert.deepEqual(
      versionFaults.map(({ kind, operations }) => [kind, ...operations]),
      [['duplicate', 0, 1]],
    );
  }
});

test('versions that count key by key may repeat on another key', () => {
  assert.equal(check([set('x', [0, 9], 4), set('y', [0, 9], 4)], { versionScope: 'key' }).verdict, 'ok');
  assert.equal(check([set('x', [0, 9], 4), set('x', [0, 9], 4)], { versionScope: 'key' }).verdict, 'illegal');
});

test('a later change of another key has a greater version', () => {
  assert.equal(check([set('x', [0, 1], 4), set('y', [2, 3], 5)]).verdict, 'ok');
  const { verdict, versionFaults } = check([set('x', [0, 1], 4), set('y', [2, 3], 3)]);
  assert.equal(verdict, 'illegal');
  assert.deepEqual(
    versionFaults.map(({ kind, operations }) => [kind, ...operations]),
    [['order', 0, 1]],
  );
  assert.equal(check([set('x', [0, 1], 4), set('y', [2, 3], 3)], { versionScope: 'key' }).verdict, 'ok');
  assert.equal(check([set('x', [0, 3], 4), set('y', [2, 5], 3)]).verdict, 'ok');
});

test('what was seen by a read is over before a change that is called later', () => {
  const lost = operation('b', [0], { kind: 'set', key: 'x', value: '9' });
  assert.equal(check([lost, getm('x', [1, 2], 9), set('y', [3, 4], 10)]).verdict, 'ok');
  assert.equal(check([lost, getm('x', [1, 2], 9), set('y', [3, 4], 8)]).verdict, 'illegal');
});

test('one version seen on two keys is a fault', () => {
  const lost = ['x', 'y'].map((key) => operation('b', [0], { kind: 'set', key, value: '9' }));
  const { versionFaults } = check([...lost, getm('x', [1, 2], 9), getm('y', [1, 2], 9)]);
  assert.deepEqual(
    versionFaults.map(({ kind, operations }) => [kind, ...operations]),
    [['duplicate', 2, 3]],
  );
});

test('versions carry the order of changes from one key to the other', () => {
  // y changed before x did, as its version is smaller, so a read behind the change of x must see it.
  const changes = [set('y', [0, 100], 5), set('x', [0, 10], 6)];
  assert.equal(check([...changes, missing('y', [11, 12])]).verdict, 'illegal');
  assert.equal(check([...changes, getm('y', [11, 12], 5)]).verdict, 'ok');
  assert.equal(check([set('y', [0, 100], 7), set('x', [0, 10], 6), missing('y', [11, 12])]).verdict, 'ok');
});
