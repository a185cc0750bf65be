import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventList, LinkedList } from './linked-list.ts';

function elements(list: LinkedList | EventList): number[] {
  const found: number[] = [];
  for (let element = list.first(); element !== 0; element = list.next(element)) found.push(element);
  return found;
}

test('what is lifted last is restored first, and the order is as before', () => {
  const list = new LinkedList(5);
  assert.deepEqual(elements(list), [1, 2, 3, 4, 5]);
  for (const element of [2, 1, 5, 3]) list.lift(element);
  assert.deepEqual(elements(list), [4]);
  for (const element of [3, 5, 1]) list.restore(element);
  assert.deepEqual(elements(list), [1, 3, 4, 5]);
  list.restore(2);
  assert.deepEqual(elements(list), [1, 2, 3, 4, 5]);
  assert.deepEqual(elements(new LinkedList(0)), []);
});

test('events stand in the order of time, calls before returns of the same moment', () => {
  const events = new EventList([
    { callMs: 0, returnMs: 4 },
    { callMs: 4, returnMs: 4 },
    { callMs: 2, returnMs: 9 },
  ]);
  const shown = elements(events).map((each) => (events.isCall(each) ? '+' : '-') + events.operationOf(each));
  assert.deepEqual(shown, ['+0', '+2', '+1', '-0', '-1', '-2']);
  events.lift(2);
  events.lift(0);
  assert.deepEqual(
    elements(events).map((each) => events.operationOf(each)),
    [1, 1],
  );
  events.restore(0);
  events.restore(2);
  assert.equal(elements(events).length, 6);
  assert.equal(events.first(), events.callOf(0));
});
