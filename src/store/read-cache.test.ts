import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashKey } from './key-hash.ts';
import { ReadCache } from './read-cache.ts';
import { bytes, text } from './store.test-support.ts';

const BYTES_MAX = 100_000;

test('it forgets what came first, and never holds more than its limit', () => {
  const cache = new ReadCache(BYTES_MAX);
  for (let i = 0; i < 10_000; i++) {
    cache.put(`k${i}`, hashKey(`k${i}`), bytes(`${i}`.padStart(100)));
    assert.ok(cache.bytes <= BYTES_MAX);
  }
  assert.equal(cache.get('k0', hashKey('k0')), undefined);
  assert.equal(text(cache.get('k9999', hashKey('k9999')))?.trim(), '9999');
  assert.ok(cache.bytes > BYTES_MAX / 2);
});

test('a value that would drive out a good part of the others is not kept, nor is what it replaces', () => {
  const cache = new ReadCache(BYTES_MAX);
  const hash = hashKey('k');
  cache.put('k', hash, bytes('small'));
  cache.put('k', hash, bytes('x'.repeat(BYTES_MAX / 8)));
  assert.equal(cache.get('k', hash), undefined);
});
