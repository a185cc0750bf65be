import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHistory } from './checker.ts';
import { HistoryRecorder } from './recorder.ts';

test('calls without an answer are unknown, others are what they were answered', () => {
  let nowMs = 0;
  const recorder = new HistoryRecorder(() => nowMs, { model: 'register' });
  const first = recorder.call('a', { kind: 'put', key: 'x', value: '1' });
  const second = recorder.call('b', { kind: 'put', key: 'x', value: '2' });
  const third = recorder.call('c', { kind: 'get', key: 'x' });
  nowMs = 5;
  first.ok({ status: 'ok' });
  second.fail();
  const { header, operations } = recorder.history();
  assert.deepEqual(header, { model: 'register' });
  assert.deepEqual(
    operations.map(({ client, outcome, result }) => [client, outcome, result?.status]),
    [
      ['a', 'ok', 'ok'],
      ['b', 'fail', undefined],
      ['c', 'unknown', undefined],
    ],
  );
  assert.ok((operations[0]?.returnMs ?? 0) >= 5);
  third.ok({ status: 'not-found' });
  assert.equal(recorder.history().operations[2]?.outcome, 'ok');
});

test('what happens one after the other in one millisecond keeps its order', () => {
  const recorder = new HistoryRecorder(() => 1e9, { model: 'register' });
  recorder.call('a', { kind: 'put', key: 'x', value: '1' }).ok({ status: 'ok' });
  recorder.call('b', { kind: 'get', key: 'x' }).ok({ status: 'not-found' });
  assert.equal(checkHistory(recorder.history()).verdict, 'illegal');
});
