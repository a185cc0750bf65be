import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestCluster, type TestCluster } from './cluster.ts';

/** Runs the body with a cluster that is closed afterwards. */
async function withCluster(servers: number, body: (cluster: TestCluster) => Promise<void>): Promise<void> {
  const cluster = await startTestCluster({ servers });
  try {
    await body(cluster);
  } finally {
    await cluster.close();
  }
}

const others = (cluster: TestCluster, server: number): number[] =>
  Array.from({ length: cluster.size }, (_, id) => id).filter((id) => id !== server);

test('a cluster of each size comes up with a leader', async () => {
  for (const servers of [1, 2, 3, 9]) {
    await withCluster(servers, async (cluster) => {
      assert.equal(cluster.size, servers);
      assert.ok((await cluster.leader()) < servers);
    });
  }
});

test('a leader that is cut off is replaced, and follows when it is back', async () => {
  await withCluster(3, async (cluster) => {
    const first = await cluster.leader();
    cluster.partition([first], others(cluster, first));
    cluster.crash(first);
    const second = await cluster.leader();
    assert.notEqual(second, first);
    cluster.restart(first);
    cluster.heal();
    cluster.crash(second);
    assert.equal(cluster.isUp(second), false);
    assert.notEqual(await cluster.leader(), second);
  });
});

test('a minority has no leader until the partition is healed', async () => {
  await withCluster(3, async (cluster) => {
    const leader = await cluster.leader();
    const [a = 0, b = 0] = others(cluster, leader);
    cluster.partition([a]);
    cluster.crash(leader);
    let healed = false;
    const next = cluster.leader().then((server) => {
      assert.ok(healed, 'not before');
      return server;
    });
    // Two elections' time: nothing to wait for, because nothing may happen.
    await new Promise((resolve) => setTimeout(resolve, 600));
    healed = true;
    cluster.heal();
    assert.ok([a, b].includes(await next));
  });
});

test('a client finds its way through crashes, and loses and doubles nothing', async () => {
  await withCluster(3, async (cluster) => {
    const db = await cluster.client();
    let expected = '';
    for (let round = 0; round < 4; round++) {
      const leader = await cluster.leader();
      const appends = Array.from({ length: 10 }, (_, i) => db.append('log', `${round}.${i};`));
      cluster.crash(leader);
      await Promise.all(appends);
      cluster.restart(leader);
      await db.append('log', '|');
      const value = (await db.get('log'))?.string() ?? '';
      assert.deepEqual(
        value.slice(expected.length, -1).split(';').slice(0, -1).sort(),
        Array.from({ length: 10 }, (_, i) => `${round}.${i}`),
      );
      assert.ok(value.startsWith(expected));
      expected = value;
    }
  });
});

test('a client that only knows a minority waits until the partition is healed', async () => {
  await withCluster(3, async (cluster) => {
    cluster.partition([0], [1, 2]);
    const lonely = await cluster.client({ servers: [0] });
    const free = await cluster.client();
    await free.put('key', 'of the majority');
    await assert.rejects(lonely.get('key', { timeout: 300 }), { code: 'TIMEOUT' });
    cluster.heal();
    assert.equal((await lonely.get('key'))?.string(), 'of the majority');
  });
});

test('a paused server goes on with what it missed', async () => {
  await withCluster(3, async (cluster) => {
    const db = await cluster.client();
    const leader = await cluster.leader();
    const slow = await cluster.client({ servers: [leader] });
    cluster.pause(leader, 400);
    await db.put('key', 'value');
    assert.equal((await slow.get('key'))?.string(), 'value');
  });
});

test('clients are closed with their cluster', async () => {
  const cluster = await startTestCluster();
  const db = await cluster.client();
  await db.put('key', 'value');
  await cluster.close();
  await assert.rejects(db.get('key'), { code: 'CLOSED' });
  await assert.rejects(cluster.client(), { code: 'CLOSED' });
});

test('wrong use is refused', async () => {
  for (const servers of [0, 10, 1.5, '3'] as number[]) {
    await assert.rejects(startTestCluster({ servers }), { code: 'INVALID_ARGUMENT' });
  }
  const cluster = await startTestCluster({ servers: 1 });
  assert.throws(() => cluster.crash(1), { code: 'INVALID_ARGUMENT', message: /no server 1, only 0 to 0/ });
  assert.throws(() => cluster.partition([0], [7]), { code: 'INVALID_ARGUMENT' });
  assert.throws(() => cluster.pause(0, -1), { code: 'INVALID_ARGUMENT' });
  await assert.rejects(cluster.client({ servers: [3] }), { code: 'INVALID_ARGUMENT' });
  await assert.rejects(cluster.client({ servers: [] }), { code: 'INVALID_ARGUMENT' });
  await cluster.close();
  await cluster.close();
  assert.throws(() => cluster.restart(0), { code: 'CLOSED' });
  await assert.rejects(cluster.leader(), { code: 'CLOSED' });
});
