import { startTestCluster } from 'kvraft/testing';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

let cluster;
beforeEach(async () => {
  cluster = await startTestCluster({ servers: 3 });
});
afterEach(() => cluster.close());

it('what a program wrote is there after any one server is lost', async () => {
  const db = await cluster.client();
  await db.put('greeting', 'hello');
  const leader = await cluster.leader();
  cluster.crash(leader);
  expect((await db.get('greeting')).string()).toBe('hello');
  cluster.restart(leader);
  await db.append('greeting', ' again');
  expect((await db.get('greeting')).string()).toBe('hello again');
});

it('a program with fake timers still reaches its cluster', async () => {
  vi.useFakeTimers();
  try {
    const db = await cluster.client();
    await db.put('time', 'stands still');
    cluster.crash(await cluster.leader());
    expect((await db.get('time')).string()).toBe('stands still');
  } finally {
    vi.useRealTimers();
  }
});

it('a client that only knows a minority gets no answer until the partition is healed', async () => {
  cluster.partition([0], [1, 2]);
  const db = await cluster.client({ servers: [0] });
  await expect(db.put('k', 'v', { timeout: 500 })).rejects.toMatchObject({ code: 'TIMEOUT' });
  cluster.heal();
  await db.put('k', 'w');
  expect((await db.get('k')).string()).toBe('w');
});
