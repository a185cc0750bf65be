import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHistory } from './checker.ts';
import type { ModelName, Operation } from './history.ts';
import { generateHistory } from './generator.test-support.ts';
import { append, get, history, operation, put } from './handmade.test-support.ts';

/** Overlapping appends of which all orders have to be tried: the read needs one append more than there are. */
function hardKey(key: string): Operation[] {
  const appends = Array.from({ length: 14 }, (_, i) => append(`c${i}`, [0, 10], i % 2 === 0 ? 'ab' : 'a'));
  const text = `${'ab'.repeat(6)}${'a'.repeat(7)}bb`;
  return [...appends, get('r', [11, 12], text), put('p', [0], 'a'), put('q', [0], 'ab')].map((each) => ({
    ...each,
    key,
  }));
}

test('an empty history is linearizable', () => {
  const { verdict, keys, checked } = checkHistory(history([]));
  assert.deepEqual({ verdict, keys, checked }, { verdict: 'ok', keys: [], checked: 0 });
});

test('each key is decided by itself', () => {
  const stale = [put('a', [0, 1], '1'), get('b', [2, 3], null)];
  const other = stale.map((each) => ({ ...each, key: 'y' }));
  const result = checkHistory(
    history([...stale, { ...(other[0] as Operation), callMs: 5, returnMs: 6 }, other[1] as Operation]),
  );
  assert.equal(result.verdict, 'illegal');
  assert.deepEqual(
    result.keys.map(({ key, verdict }) => [key, verdict]),
    [
      ['x', 'illegal'],
      ['y', 'ok'],
    ],
  );
});

test('a legal order is told, with the states that it leads to', () => {
  const operations = [
    get('b', [0, 9], '1'),
    put('a', [0, 9], '1'),
    put('c', [5], '2'),
    get('b', [10, 11], '1'),
  ];
  const [key] = checkHistory(history(operations)).keys;
  assert.deepEqual(key?.order, [1, 0, 3]);
  assert.deepEqual(key?.states(), ['"1"', '"1"', '"1"']);
  assert.equal(key?.blocked, undefined);
});

test('of an illegal history, the first operation without a place is told, and an order of what came before', () => {
  const operations = [
    put('a', [0, 1], '1'),
    put('a', [2, 3], '2'),
    get('b', [4, 5], '1'),
    get('c', [6, 7], '2'),
    get('b', [8, 9], '1'),
  ];
  const [key] = checkHistory(history(operations)).keys;
  assert.deepEqual(key?.order, [0, 1]);
  const reason = 'it read "1", but the value is "2"';
  assert.deepEqual(key?.blocked, { operation: 2, reason, state: '"2"', isFirst: true });
});

test('in the order before the blocked operation, what had only been called may have taken effect', () => {
  const operations = [
    put('a', [0, 100], '1'),
    get('b', [1, 2], '1'),
    get('c', [3, 4], null),
    get('d', [5, 6], '1'),
  ];
  const [key] = checkHistory(history(operations)).keys;
  assert.deepEqual(key?.order, [0, 1]);
  assert.equal(key?.blocked?.operation, 2);
});

test('up to the blocked operation a history is legal, with it no longer', () => {
  let illegal = 0;
  for (let seed = 0; seed < 20; seed++) {
    const legal = generateHistory({
      seed,
      model: 'register',
      clients: 5,
      keys: 1,
      operations: 120,
      values: 3,
    });
    const operations = legal.operations.map((each, i) =>
      i % 50 === 49 && each.kind === 'get'
        ? { ...each, result: { status: 'ok', value: '9;' } as const }
        : each,
    );
    const { verdict, keys } = checkHistory(history(operations, legal.header));
    if (verdict === 'ok') continue;
    illegal++;
    const blocked = operations[keys[0]?.blocked?.operation ?? -1] as Operation;
    const cut = (endMs: number): Operation[] =>
      operations
        .filter(({ callMs }) => callMs <= endMs)
        .map((each) => {
          if ((each.returnMs as number) <= endMs) return each;
          const { client, kind, key, value, callMs } = each;
          const asked =
            value === undefined ? { client, kind, key, callMs } : { client, kind, key, value, callMs };
          return { ...asked, returnMs: null, outcome: 'unknown' };
        });
    const endMs = blocked.returnMs as number;
    assert.equal(checkHistory(history(cut(endMs), legal.header)).verdict, 'illegal');
    assert.equal(checkHistory(history(cut(endMs - 1e-9), legal.header)).verdict, 'ok');
  }
  assert.ok(illegal >= 5, `${illegal} illegal histories`);
});

test('when the steps run out the verdict is unknown, and the same each time', () => {
  const hard = history(hardKey('x'));
  const full = checkHistory(hard);
  assert.equal(full.verdict, 'illegal');
  const short = checkHistory(hard, { stepsMax: 1_000 });
  assert.equal(short.verdict, 'unknown');
  assert.equal(short.limit, 'steps');
  assert.equal(short.steps, 1_000);
  assert.ok((short.keys[0]?.order.length ?? 0) > 0);
  assert.deepEqual(checkHistory(hard, { stepsMax: 1_000 }).keys[0]?.order, short.keys[0]?.order);
});

test('a hard key does not keep an illegal one from being found', () => {
  const stale = [put('a', [0, 1], '1'), get('b', [2, 3], null)].map((each) => ({ ...each, key: 'y' }));
  const result = checkHistory(history([...hardKey('x'), ...stale]), { stepsMax: 70_000 });
  assert.equal(result.verdict, 'illegal');
  assert.deepEqual(
    result.keys.map(({ verdict }) => verdict),
    ['unknown', 'illegal'],
  );
});

test('the caller can end a check', () => {
  let asked = 0;
  const result = checkHistory(history(hardKey('x')), { shouldStop: () => ++asked > 3 });
  assert.equal(result.verdict, 'unknown');
  assert.equal(result.limit, 'time');
});

test('when the memory runs out the verdict is unknown', () => {
  const result = checkHistory(history(hardKey('x')), { memoryBytesMax: 10_000 });
  assert.equal(result.verdict, 'unknown');
  assert.equal(result.limit, 'memory');
});

test('without a model, the simplest one that knows all operations is taken', () => {
  const deletion = operation('a', [0, 1], { kind: 'delete' }, { status: 'not-found' });
  assert.equal(checkHistory(history([put('a', [0, 1], '1')])).model, 'register');
  assert.equal(checkHistory(history([put('a', [0, 1], '1'), append('a', [0, 1], '1')])).model, 'append');
  assert.equal(checkHistory(history([deletion])).model, 'versioned');
  assert.equal(checkHistory(history([put('a', [0, 1], '1')], { model: 'append' })).model, 'append');
  assert.equal(checkHistory(history([], { model: 'append' }), { model: 'register' }).model, 'register');
});

test('operations that the model does not know are refused', () => {
  const deletion = operation('a', [0, 1], { kind: 'delete' });
  const refusal = { code: 'INVALID_ARGUMENT', message: /the model (versioned|append) knows no (put|delete)/ };
  assert.throws(() => checkHistory(history([put('a', [0, 1], '1'), deletion])), refusal);
  assert.throws(() => checkHistory(history([deletion], { model: 'append' })), refusal);
});

for (const model of ['register', 'append', 'versioned'] satisfies ModelName[]) {
  test(`${model}: what a store on one computer answers is linearizable`, () => {
    for (let seed = 0; seed < 60; seed++) {
      const clients = 2 + (seed % 9);
      const unknownRate = seed % 3 === 0 ? 0 : 0.05;
      const shape = seed % 2 === 0 ? { keys: 1, values: 4 } : { keys: 4 };
      const made = generateHistory({ seed, model, clients, unknownRate, operations: 150, ...shape });
      assert.equal(checkHistory(made).verdict, 'ok', `seed ${seed}`);
    }
  });
}

test('a long history on one busy key is decided quickly', () => {
  for (const model of ['register', 'append', 'versioned'] satisfies ModelName[]) {
    const made = generateHistory({
      seed: 5,
      model,
      clients: 20,
      keys: 1,
      operations: 5_000,
      unknownRate: 0.01,
    });
    const { verdict, steps } = checkHistory(made);
    assert.equal(verdict, 'ok');
    assert.ok(steps < 5_000_000, `${model}: ${steps} steps`);
  }
});
