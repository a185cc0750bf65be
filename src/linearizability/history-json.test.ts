import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { History, ModelName } from './history.ts';
import { formatHistory, parseHistory } from './history-json.ts';
import { generateHistory } from './generator.test-support.ts';
import { textOfBytes } from './text.ts';

const parse = (...lines: (object | string)[]): History =>
  parseHistory(
    Buffer.from(lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n')),
  );

const get = {
  client: 'a',
  kind: 'get',
  key: 'x',
  callMs: 1,
  returnMs: 2,
  outcome: 'ok',
  result: { value: 'v' },
};
const put = { client: 'a', kind: 'put', key: 'x', value: 'v', callMs: 1, returnMs: 2, outcome: 'ok' };

test('a line is an operation, empty lines are skipped, notes are allowed', () => {
  const { operations, header } = parse({ ...put, client: 7, note: { any: 'thing' } }, '', '  ', get);
  assert.deepEqual(header, {});
  assert.deepEqual(operations, [
    { ...put, client: '7', result: { status: 'ok' } },
    { ...get, result: { status: 'ok', value: 'v' } },
  ]);
});

test('a header stands first and says what holds for all', () => {
  const fields = { model: 'versioned', clockToleranceMs: 5, versionScope: 'key' };
  assert.deepEqual(parse({ format: 'kvraft-history', formatVersion: 1, ...fields }).header, fields);
});

test('an operation without an answer needs no return', () => {
  const { client, kind, key, value, callMs } = put;
  assert.deepEqual(parse({ client, kind, key, value, callMs, outcome: 'unknown' }).operations, [
    { client, kind, key, value, callMs, returnMs: null, outcome: 'unknown' },
  ]);
});

test('what is written is read back, for every model', () => {
  for (const model of ['register', 'append', 'versioned'] satisfies ModelName[]) {
    const history = generateHistory({
      seed: 3,
      model,
      clients: 4,
      keys: 3,
      operations: 300,
      unknownRate: 0.1,
    });
    assert.deepEqual(parseHistory(Buffer.from([...formatHistory(history)].join(''))), history);
  }
});

test('what is written is read back, for every kind of operation', () => {
  const shape = { model: 'versioned', allKinds: true, clients: 4, keys: 3, operations: 500 } as const;
  const history = generateHistory({ seed: 4, ...shape, unknownRate: 0.1 });
  assert.deepEqual(parseHistory(Buffer.from([...formatHistory(history)].join(''))), history);
});

const batch = {
  ...get,
  kind: 'batch',
  ops: [
    { kind: 'check', version: 1 },
    { kind: 'append', value: 'a' },
  ],
};

test('operations that make no sense are refused, and so are answers that they cannot have', () => {
  const append = { ...put, kind: 'append' };
  const increment = { ...put, kind: 'increment', value: undefined, by: 1 };
  const check = { ...put, kind: 'check', value: undefined };
  const refused: [object, RegExp][] = [
    [{ ...append, when: 'absent' }, /"when" must be one of always, present/],
    [{ ...append, result: { status: 'not-found' } }, /cannot be answered "not-found"/],
    [{ ...increment, by: undefined }, /needs "by"/],
    [{ ...increment, by: '18446744073709551616' }, /from 0 to 2\^64 - 1/],
    [{ ...increment, by: -1 }, /from 0 to 2\^64 - 1/],
    [{ ...increment, initial: 1, result: { status: 'not-found' } }, /cannot be answered "not-found"/],
    [{ ...increment, result: { status: 'version-mismatch' } }, /cannot be answered "version-mismatch"/],
    [check, /either "version" or "when"/],
    [{ ...check, version: 1, when: 'absent' }, /either "version" or "when"/],
    [{ ...check, when: 'absent', result: { version: 1 } }, /no "result.version"/],
    [{ ...check, version: 1, result: { status: 'exists' } }, /cannot be answered "exists"/],
    [{ ...batch, ops: [], result: {} }, /1 to 1000 operations/],
    [{ ...batch, ops: [{ kind: 'get' }], result: {} }, /"kind" must be one of/],
    [{ ...batch, ops: [{ kind: 'touch', key: 'y' }], result: {} }, /no field "key"/],
    [{ ...batch, result: { status: 'not-applied' } }, /needs "result.results"/],
    [{ ...batch, result: { results: [{}] } }, /a result for each operation/],
    [{ ...batch, result: { results: [{ status: 'not-found' }, {}] } }, /do not fit a batch that is "ok"/],
    [
      { ...batch, result: { status: 'not-applied', results: [{}, { status: 'not-applied' }] } },
      /do not fit a batch that is "not-applied"/,
    ],
  ];
  for (const [line, message] of refused) assert.throws(() => parse(line), message, JSON.stringify(line));
  const undone = { status: 'not-applied', results: [{ status: 'not-found' }, { status: 'not-applied' }] };
  assert.equal(parse({ ...batch, result: undone }).operations[0]?.result?.results?.length, 2);
});

test('any bytes survive as keys and values', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), fc.string({ unit: 'binary' }), (key, value, client) => {
      const operation = { client: `c${client}`, kind: 'put', callMs: 0, returnMs: 1, outcome: 'ok' } as const;
      const texts = { key: textOfBytes(key), value: textOfBytes(value) };
      const history: History = {
        header: {},
        operations: [{ ...operation, ...texts, result: { status: 'ok' } }],
      };
      assert.deepEqual(parseHistory(Buffer.from([...formatHistory(history)].join(''))), history);
    }),
    { seed: 1, numRuns: 300 },
  );
});

test('base64 of a text is that text', () => {
  const base64 = Buffer.from('é').toString('base64');
  assert.deepEqual(parse({ ...put, value: { base64 } }).operations, parse({ ...put, value: 'é' }).operations);
});

const faults: [name: string, line: object | string, message: RegExp][] = [
  ['no JSON', '{"client":', /line 2: not JSON/],
  ['no object', '[1]', /line 2: the line must be an object/],
  ['unknown kind', { ...put, kind: 'incr' }, /line 2: "kind" must be one of put, append, prepend, get/],
  ['unknown field', { ...put, colour: 'red' }, /line 2: a put has no field "colour"/],
  ['field of another kind', { ...put, version: 3 }, /a put has no field "version"/],
  ['prototype', '{"__proto__":{"kind":"put"},"kind":"put","callMs":1}', /has no field "__proto__"/],
  ['missing value', { ...put, value: undefined }, /a put needs "value"/],
  ['missing key', { ...put, key: undefined }, /"key" must be a string/],
  ['key that is a number', { ...put, key: 3 }, /"key" must be a string/],
  ['no client', { ...put, client: '' }, /"client" must be/],
  ['time that is text', { ...put, callMs: '1' }, /"callMs" must be a number of milliseconds/],
  [
    'infinite time',
    '{"client":"a","kind":"get","key":"x","callMs":1e999,"outcome":"unknown"}',
    /"callMs" must be/,
  ],
  ['return before call', { ...put, returnMs: 0.5 }, /"returnMs" must not be less than 1/],
  ['ok without return', { ...put, returnMs: null }, /needs "returnMs"/],
  ['unknown outcome', { ...put, outcome: 'maybe' }, /"outcome" must be one of ok, fail, unknown/],
  ['result of a failure', { ...put, outcome: 'fail', result: {} }, /only an "ok" operation/],
  ['read without value', { ...get, result: {} }, /needs "result.value"/],
  ['value of nothing', { ...get, result: { status: 'not-found', value: 'v' } }, /no "result.value"/],
  ['answer that cannot be', { ...put, result: { status: 'exists' } }, /this put cannot be answered "exists"/],
  ['set that exists', { ...put, kind: 'set', result: { status: 'exists' } }, /cannot be answered "exists"/],
  ['getm without version', { ...get, kind: 'getm' }, /a getm needs "result.version"/],
  ['version of a put', { ...put, result: { version: 2 } }, /this put has no "result.version"/],
  ['ttl of a put', { ...put, result: { ttlMs: 2 } }, /"result.ttlMs" is for reads/],
  ['version 0', { ...put, kind: 'cas', version: 0 }, /a version must be a whole number/],
  ['large version', { ...put, kind: 'cas', version: 2 ** 53 }, /a version must be a whole number/],
  ['negative ttl', { ...put, kind: 'set', ttlMs: -1 }, /"ttlMs" must not be less than 0/],
  ['lone surrogate', { ...put, value: '\ud800' }, /"value" has a lone surrogate/],
  ['bad base64', { ...put, value: { base64: '=a' } }, /"value" is not base64/],
  ['second header', { format: 'kvraft-history', formatVersion: 1 }, /"kind" must be one of/],
];
for (const [name, line, message] of faults) {
  test(`refused with its line: ${name}`, () => {
    assert.throws(() => parse(get, line, get), { code: 'INVALID_ARGUMENT', message });
  });
}

test('refused with its line: a header of another format or version', () => {
  assert.throws(() => parse({ format: 'other' }), { message: /line 1: "format" must be/ });
  assert.throws(() => parse({ format: 'kvraft-history', formatVersion: 2 }), {
    message: /line 1: "formatVersion"/,
  });
});

test('refused with its line: bytes that are no UTF-8', () => {
  const bytes = Buffer.concat([Buffer.from(`${JSON.stringify(put)}\n`), Buffer.of(0xff), Buffer.from('\n')]);
  assert.throws(() => parseHistory(bytes), { code: 'INVALID_ARGUMENT', message: 'line 2: not UTF-8' });
});
