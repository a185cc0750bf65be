import assert from 'node:assert/strict';
import { test } from 'node:test';
import { full } from './support/full.ts';
import { ProcessCluster, until } from './support/processes.ts';
import { Workload } from './support/workload.ts';

/** A stop takes a second or two; the rest is for a busy machine. */
const STOP_MS_MAX = 4_000;
const PAUSE_MS = 3_000;
const PAUSES = full ? 5 : 1;
const RESTARTED = full ? 5 : 3;

const progress = (workload: Workload, writes: number): Promise<true> => {
  const goal = workload.writesAcknowledged + writes;
  return until('writes are acknowledged', async () =>
    workload.writesAcknowledged >= goal ? (true as const) : null,
  );
};

/** Stops a server as an operator does. */
async function stopWell(cluster: ProcessCluster, ...ids: number[]): Promise<void> {
  const began = performance.now();
  const codes = await cluster.kill('SIGTERM', ...ids);
  const stoppedMs = performance.now() - began;
  assert.deepEqual(
    codes,
    ids.map(() => 0),
  );
  assert.ok(stoppedMs < STOP_MS_MAX, `stopped after ${stoppedMs} ms`);
}

test('a leader that is stopped hands over: clients of other servers see no error', async () => {
  await using cluster = await ProcessCluster.create(3);
  cluster.startAll();
  const leader = await cluster.leader();
  const clients = await Promise.all(
    cluster.ids.filter((id) => id !== leader).map((id) => cluster.client(id)),
  );
  let running = true;
  let writes = 0;
  const writers = clients.map(async (client, at) => {
    for (let i = 1; running; i++) {
      assert.match(await client.set(`key-${at}`, String(i)), /^OK/);
      assert.equal(await client.get(`key-${at}`), String(i));
      writes++;
    }
  });
  await until('writes are acknowledged', async () => writes > 50);
  await stopWell(cluster, leader);
  const before = writes;
  await until('writes go on', async () => writes > before + 50);
  running = false;
  await Promise.all(writers);
  for (const client of clients) client.close();
});

test(`${RESTARTED} of five servers restarted one after the other under load lose nothing`, async () => {
  await using cluster = await ProcessCluster.create(5);
  cluster.startAll();
  await cluster.leader();
  await using workload = new Workload(cluster, { writers: 5, readers: 2 });
  for (const id of cluster.ids.slice(0, RESTARTED)) {
    await progress(workload, 50);
    await stopWell(cluster, id);
    await progress(workload, 20);
    cluster.start(id);
    await cluster.up();
    await cluster.leader();
  }
  await workload.stop();
  for (const id of cluster.ids) await workload.verify(id);
  assert.deepEqual(workload.violations, []);
  await cluster.converged();
});

test('all servers stopped at once end well, and start where they were', async () => {
  await using cluster = await ProcessCluster.create(3);
  cluster.startAll();
  await cluster.leader();
  await using workload = new Workload(cluster, { writers: 4, readers: 1 });
  await progress(workload, 100);
  await stopWell(cluster, ...cluster.ids);
  cluster.startAll();
  await cluster.leader();
  await progress(workload, 20);
  await workload.stop();
  for (const id of cluster.ids) await workload.verify(id);
  assert.deepEqual(workload.violations, []);
  await cluster.converged();
});

test(`a leader that stands still for ${PAUSE_MS} ms is replaced, and answers nothing stale when it goes on`, async () => {
  await using cluster = await ProcessCluster.create(3);
  cluster.startAll();
  await using workload = new Workload(cluster, { writers: 4, readers: 3 });
  for (let pause = 0; pause < PAUSES; pause++) {
    const leader = await cluster.leader();
    await progress(workload, 50);
    cluster.signal('SIGSTOP', leader);
    const others = cluster.ids.filter((id) => id !== leader);
    const resume = performance.now() + PAUSE_MS;
    await until('another server leads', async () => {
      const rows = await Promise.all(others.map((id) => cluster.status(id)));
      return rows.some((row) => row?.role === 'leader');
    });
    await until('the time is over', async () => performance.now() >= resume);
    cluster.signal('SIGCONT', leader);
    await until('it follows', async () => (await cluster.status(leader))?.role === 'follower');
    await progress(workload, 50);
  }
  await workload.stop();
  for (const id of cluster.ids) await workload.verify(id);
  assert.deepEqual(workload.violations, []);
  await cluster.converged();
});
