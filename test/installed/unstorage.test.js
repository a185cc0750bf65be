import { kvraftDriver } from 'kvraft/unstorage';
import { startTestCluster } from 'kvraft/testing';
import { createStorage, prefixStorage, restoreSnapshot, snapshot } from 'unstorage';
import { afterAll, beforeEach, expect, it } from 'vitest';

const cluster = await startTestCluster();
const client = await cluster.client();
const storage = createStorage({ driver: kvraftDriver({ client, base: 'app' }) });

afterAll(async () => {
  await storage.dispose();
  await cluster.close();
});
beforeEach(() => storage.clear());

it('keeps items of every kind', async () => {
  const items = { text: 'plain', number: 0, no: false, object: { a: [1, null] } };
  for (const [key, value] of Object.entries(items)) await storage.setItem(key, value);
  for (const [key, value] of Object.entries(items)) {
    expect(await storage.hasItem(key)).toBe(true);
    expect(await storage.getItem(key)).toEqual(value);
  }
  expect(await storage.getItem('none')).toBe(null);
  expect(await storage.hasItem('none')).toBe(false);
  await storage.removeItem('text');
  expect(await storage.getItem('text')).toBe(null);
});

it('keeps raw bytes as they are', async () => {
  const bytes = Uint8Array.of(0, 255, 10, 13);
  await storage.setItemRaw('raw:bin', bytes);
  expect(new Uint8Array(await storage.getItemRaw('raw:bin'))).toEqual(bytes);
  await expect(storage.setItemRaw('raw:bad', { no: 'bytes' })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  });
});

it('reads and writes many at once', async () => {
  await storage.setItems([
    { key: 'm:1', value: 'one' },
    { key: 'm:2', value: { two: 2 } },
  ]);
  expect(await storage.getItems(['m:1', 'm:none', 'm:2'])).toEqual([
    { key: 'm:1', value: 'one' },
    { key: 'm:none', value: null },
    { key: 'm:2', value: { two: 2 } },
  ]);
});

it('lists keys below a base and to a depth, and clears only there', async () => {
  for (const key of ['a', 'a:b', 'a:b:c', 'ab', 'd:e']) await storage.setItem(key, key);
  expect((await storage.getKeys()).sort()).toEqual(['a', 'a:b', 'a:b:c', 'ab', 'd:e']);
  expect((await storage.getKeys('a')).sort()).toEqual(['a:b', 'a:b:c']);
  expect((await storage.getKeys('', { maxDepth: 0 })).sort()).toEqual(['a', 'ab']);
  await client.put('other', 'not of this storage');
  // The storage itself clears whole drivers only.
  await storage.getMount().driver.clear('a:');
  expect((await storage.getKeys()).sort()).toEqual(['a', 'ab', 'd:e']);
  await storage.clear();
  expect(await storage.getKeys()).toEqual([]);
  expect((await client.get('other')).string()).toBe('not of this storage');
});

it('survives a snapshot and a restore, and works below a prefix', async () => {
  await prefixStorage(storage, 'users').setItem('ada', { born: 1815 });
  const saved = await snapshot(storage, '');
  await storage.clear();
  await restoreSnapshot(storage, saved);
  expect(await storage.getItem('users:ada')).toEqual({ born: 1815 });
});

it('lets items expire, and tells when', async () => {
  await storage.setItem('brief', 'x', { ttl: 100 });
  const meta = await storage.getMeta('brief');
  expect(meta.ttl).toBeGreaterThan(90);
  expect(meta.ttl).toBeLessThanOrEqual(100);
  expect((await storage.getMeta('none')).ttl).toBeUndefined();
});

it('tells who watches of changes, whoever makes them', async () => {
  const seen = [];
  let done;
  const complete = new Promise((resolve) => (done = resolve));
  const unwatch = await storage.watch((event, key) => {
    seen.push(`${event} ${key}`);
    if (seen.length === 2) done();
  });
  await client.put('app:w', '1');
  await client.put('elsewhere', '1');
  await client.delete('app:w');
  await complete;
  await unwatch();
  expect(seen).toEqual(['update w', 'remove w']);
});
