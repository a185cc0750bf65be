import { keyvApiTests, keyvNamespaceTest, keyvValueTests } from '@keyv/test-suite';
import { Keyv } from 'keyv';
import { KeyvKvraft } from 'kvraft/keyv';
import { startTestCluster } from 'kvraft/testing';
import * as vitest from 'vitest';

const cluster = await startTestCluster();
const client = await cluster.client();
vitest.afterAll(() => cluster.close());

const store = () => new KeyvKvraft(client);

// Keyv's own tests of what a store must do. Its tests of iteration are not for stores that Keyv does not know by name.
keyvApiTests(vitest, Keyv, store);
keyvNamespaceTest(vitest, Keyv, store);
keyvValueTests(vitest, Keyv, store);

vitest.it('a store iterates over the keys of one namespace', async ({ expect }) => {
  const users = store();
  const keyv = new Keyv({ store: users, namespace: 'users' });
  await new Keyv({ store: store(), namespace: 'others' }).set('c', 3);
  await keyv.set('a', 1);
  await keyv.set('b', 2);
  const seen = new Map();
  for await (const [key, value] of users.iterator('users')) seen.set(key, JSON.parse(value).value);
  expect([...seen]).toEqual([
    ['users:a', 1],
    ['users:b', 2],
  ]);
});

vitest.it('a key expires, and a cleared store leaves what is not its own', async ({ expect }) => {
  const keyv = new Keyv({ store: store(), namespace: 'brief' });
  const { version } = await client.put('mine', 'stays');
  await keyv.set('soon', 'gone', 30);
  // From before it was set on: it may be gone already.
  const watch = client.watch({ prefix: 'keyv:brief:', fromVersion: version + 1 });
  for await (const { type } of watch) if (type === 'expire') break;
  expect(await keyv.get('soon')).toBeUndefined();
  await new Keyv({ store: store() }).clear();
  expect((await client.get('mine')).string()).toBe('stays');
});
