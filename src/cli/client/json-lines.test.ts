import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Entry } from '../../client/index.ts';
import { parseOperation } from './json-lines.ts';
import { entryJson } from './output.ts';

test('each form of a line is the operation that it says', () => {
  assert.deepEqual(parseOperation('{"key": "k", "value": "v", "version": 9}'), {
    op: 'put',
    key: 'k',
    value: 'v',
  });
  assert.deepEqual(parseOperation('{"op": "put", "key": "", "value": "", "ttl": 5}'), {
    op: 'put',
    key: '',
    value: '',
    ttl: 5,
  });
  assert.deepEqual(parseOperation('{"op": "append", "keyBase64": "/w==", "valueBase64": ""}'), {
    op: 'append',
    key: Buffer.of(255),
    value: Buffer.alloc(0),
  });
  assert.deepEqual(parseOperation('{"op": "delete", "key": "k"}'), { op: 'delete', key: 'k' });
});

test('what an export writes is read as the entry that it was', () => {
  const keyBytes = Buffer.from('schlüssel\n');
  const value = Buffer.of(0, 255, 10);
  const entry: object = { key: '', keyBytes, value, version: 3, ttl: 70, string: () => '', json: () => null };
  const line = JSON.stringify(entryJson(entry as Entry));
  assert.deepEqual(parseOperation(line), { op: 'put', key: keyBytes.toString(), value, ttl: 70 });
});

test('a line that cannot be understood is refused with the reason', () => {
  const cases: [string, RegExp][] = [
    ['{"key": "k"', /not JSON/],
    ['[]', /not an object/],
    ['null', /not an object/],
    ['{"value": "v"}', /needs either "key" or "keyBase64"/],
    ['{"key": "k", "keyBase64": "aw==", "value": "v"}', /needs either "key"/],
    ['{"key": "k", "value": 1}', /"value" is not a text/],
    ['{"key": "k", "valueBase64": "*"}', /"valueBase64" is not base64/],
    ['{"key": "k", "value": "v", "ttl": 0}', /"ttl"/],
    ['{"op": "delete", "key": "k", "ttl": 1}', /"ttl" is for puts/],
    ['{"op": "incr", "key": "k"}', /none of put, append, delete/],
    ['{"key": "k", "valu": "v"}', /"valu" is not a known name/],
  ];
  for (const [line, message] of cases) {
    assert.throws(() => parseOperation(line), { code: 'INVALID_ARGUMENT', message }, line);
  }
});
