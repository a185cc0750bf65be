import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ProcessCluster, until } from './support/processes.ts';

describe('every server of a running cluster', () => {
  let cluster: ProcessCluster;

  before(async () => {
    cluster = await ProcessCluster.create(5);
    cluster.startAll();
    await cluster.leader();
  });
  after(() => cluster[Symbol.asyncDispose]());

  const onEachServer = (name: string, run: (id: number) => Promise<void>): void => {
    test(name, async () => {
      for (const id of cluster.ids) await run(id);
    });
  };

  onEachServer('sets, gets, swaps and deletes', async (id) => {
    const client = await cluster.client(id);
    const first = /^OK (\d+)$/.exec(await client.set(`k${id}`, 'one'))?.[1] ?? '';
    assert.equal(await client.get(`k${id}`), 'one');
    assert.equal((await client.send(`getm k${id}\r\n`)).line, `VALUE ${first} 0 3`);
    assert.equal(await client.cas(`k${id}`, Number(first) + 1000, 'no'), 'ERR_VERSION');
    const second = /^OK (\d+)$/.exec(await client.cas(`k${id}`, first, 'two'))?.[1] ?? '';
    assert.ok(Number(second) > Number(first), 'versions grow');
    assert.equal(await client.get(`k${id}`), 'two');
    assert.equal(await client.delete(`k${id}`), 'DELETED');
    assert.equal(await client.delete(`k${id}`), 'ERR_NOT_FOUND');
    assert.equal(await client.get(`k${id}`), null);
    client.close();
  });

  onEachServer('keeps values that hold line ends, byte for byte', async (id) => {
    const client = await cluster.client(id);
    const value = Buffer.from([0, 13, 10, 255, 13, 10, ...Buffer.from('get x\r\n')]);
    assert.match(await client.set('binary', value), /^OK/);
    const { line, value: read } = await client.send('get binary\r\n');
    assert.equal(line, `VALUE ${value.length}`);
    assert.deepEqual(read, value);
    client.close();
  });

  onEachServer(
    'answers pipelined requests in their order, reads after the writes before them',
    async (id) => {
      const client = await cluster.client(id);
      const requests: string[] = [];
      for (let i = 0; i < 50; i++)
        requests.push(`set pipe 0 2\r\n${String(i).padStart(2, '0')}\r\n`, 'get pipe\r\n');
      const replies = [client.send(requests.join(''))];
      for (let i = 1; i < requests.length; i++) replies.push(client.send(''));
      const all = await Promise.all(replies);
      for (let i = 0; i < 50; i++) {
        assert.match(all[2 * i]?.line ?? '', /^OK \d+$/);
        assert.equal(all[2 * i + 1]?.value?.toString(), String(i).padStart(2, '0'));
      }
      client.close();
    },
  );

  onEachServer('answers errors and goes on', async (id) => {
    const client = await cluster.client(id);
    assert.equal((await client.send('frobnicate\r\n')).line, 'ERR_CMD_ERR');
    assert.equal((await client.send('get\r\n')).line, 'ERR_CMD_ERR');
    assert.equal((await client.send('cas absent 0 1 1\r\nx\r\n')).line, 'ERR_NOT_FOUND');
    assert.equal((await client.send('set quiet 0 1 noreply\r\nq\r\nget quiet\r\n')).value?.toString(), 'q');
    client.close();
  });

  test('expires keys on all servers alike, and shows the seconds that are left', async () => {
    const writer = await cluster.client(0);
    const clients = await Promise.all(cluster.ids.map((id) => cluster.client(id)));
    assert.match(await writer.set('long', 'x', 300), /^OK/);
    assert.match((await writer.send('getm long\r\n')).line, /^VALUE \d+ 300 1$/);
    assert.match(await writer.set('short', 'x', 1), /^OK/);
    await until('the key has expired', async () => (await writer.get('short')) === null);
    for (const client of clients) {
      assert.equal(await client.get('short'), null, 'gone on one server is gone on all');
      assert.equal(await client.delete('short'), 'ERR_NOT_FOUND');
      assert.match((await client.send('getm long\r\n')).line, /^VALUE \d+ (2\d\d|300) 1$/);
      client.close();
    }
    writer.close();
  });

  test('holds the same state', async () => {
    const status = await cluster.converged();
    assert.equal(status.voters.length, 5);
  });
});
