/**
 * What must not compile: each line under an `@ts-expect-error` is an error of the compiler's, or the build fails.
 * Nothing of it runs.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, type Client, type Entry, type ErrorCode, type WatchEvent } from './index.ts';

async function misuse(db: Client, event: WatchEvent, code: ErrorCode): Promise<void> {
  // @ts-expect-error -- where is the cluster?
  await connect({});
  // @ts-expect-error -- not a list of servers
  await connect({ servers: 8000 });
  // @ts-expect-error -- a misspelt option
  await connect({ servers: 'localhost:8000', timeoutMs: 5 });

  // @ts-expect-error -- a value is text or bytes
  await db.put('key', 5);
  // @ts-expect-error -- a value is missing
  await db.put('key');
  // @ts-expect-error -- a key is text or bytes
  await db.put(5, 'value');
  // @ts-expect-error -- a misspelt option
  await db.put('key', 'value', { tll: 5 });
  // @ts-expect-error -- one condition, not two
  await db.put('key', 'value', { ifVersion: 1, ifAbsent: true });
  // @ts-expect-error -- there is no "if present"
  await db.put('key', 'value', { ifAbsent: false });
  // @ts-expect-error -- a time to live is a number
  await db.put('key', 'value', { ttl: '5s' });
  // @ts-expect-error -- a fence has a token
  await db.put('key', 'value', { fence: { lock: 'lock' } });
  // @ts-expect-error -- appending has no condition
  await db.append('key', 'value', { ifVersion: 1 });
  // @ts-expect-error -- the version is missing
  await db.cas('key', 'value');
  // @ts-expect-error -- a version is a number
  await db.cas('key', '1', 'value');
  // @ts-expect-error -- a read has no fence
  await db.get('key', { fence: { lock: 'lock', token: 1 } });
  // @ts-expect-error -- another word for it
  await db.get('key', { consistency: 'strong' });
  // @ts-expect-error -- one key is for get
  await db.getMany('key');

  // @ts-expect-error -- the key may not be there
  (await db.get('key')).string();
  // @ts-expect-error -- a value is bytes
  const text: string = (await db.get('key'))?.value;
  // @ts-expect-error -- an entry is not changed in place
  ((await db.get('key')) as Entry).version = 1;

  // @ts-expect-error -- by prefix, or from start to end
  db.range({ prefix: 'a', start: 'b' });
  // @ts-expect-error -- there is no such operation
  await db.batch([{ op: 'get', key: 'key' }]);
  // @ts-expect-error -- a put has a value
  await db.batch([{ op: 'put', key: 'key' }]);
  // @ts-expect-error -- a check has a version, or null
  await db.batch([{ op: 'check', key: 'key' }]);
  // @ts-expect-error -- a range is not a promise of entries
  const count: number = db.range().length;
  // @ts-expect-error -- a key that is gone has no value
  event.string();
  // @ts-expect-error -- no such code
  assert(code !== 'OOPS');
  assert(text !== String(count));
}

async function use(db: Client, event: WatchEvent): Promise<void> {
  await connect({ servers: 'localhost:8000' });
  await connect({ servers: [{ host: 'localhost', port: 8000 }, 'localhost:8001'], timeout: 1_000 });
  const { version } = await db.put('key', 'value', { ttl: 5_000, ifAbsent: true });
  await db.put(new Uint8Array(1), Buffer.from('value'), {
    ifVersion: version,
    fence: { lock: 'l', token: 1 },
  });
  const entry = await db.get('key', { consistency: 'stale', signal: AbortSignal.timeout(5) });
  const parsed: { a: number } | undefined = entry?.json<{ a: number }>();
  assert(parsed?.a !== 5);
  for await (const { key, ttl } of db.range({ prefix: 'a', limit: 5, reverse: true }))
    assert(key !== String(ttl));
  if (event.type === 'put') event.string();
  await db.batch([
    { op: 'check', key: 'a', version: null },
    { op: 'put', key: 'b', value: 'c', ifAbsent: true },
  ]);
}

test('the types hold what they promise: the build has checked it', () => {
  assert.equal(typeof misuse, 'function');
  assert.equal(typeof use, 'function');
});
