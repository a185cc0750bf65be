import assert from 'node:assert/strict';
import { test } from 'node:test';
import { full } from './support/full.ts';
import { ProcessCluster, until } from './support/processes.ts';
import { Workload } from './support/workload.ts';

const LEADER_KILLS = full ? 20 : 5;
const POWER_LOSSES = full ? 5 : 2;

const progress = (workload: Workload, writes: number): Promise<true> => {
  const goal = workload.writesAcknowledged + writes;
  return until('writes are acknowledged', async () =>
    workload.writesAcknowledged >= goal ? (true as const) : null,
  );
};

test(`no acknowledged write is lost and no read is stale while ${LEADER_KILLS} leaders are killed`, async () => {
  await using cluster = await ProcessCluster.create(5);
  cluster.startAll();
  await using workload = new Workload(cluster, { writers: 6, readers: 3 });
  for (let kill = 0; kill < LEADER_KILLS; kill++) {
    const leader = await cluster.leader();
    await progress(workload, 50);
    await cluster.kill('SIGKILL', leader);
    await progress(workload, 50);
    cluster.start(leader);
  }
  await workload.stop();
  await cluster.up();
  await cluster.leader();
  for (const id of cluster.ids) await workload.verify(id);
  assert.deepEqual(workload.violations, []);
  await cluster.converged();
});

test('two of five may be down; with three down nothing is acknowledged until they return', async () => {
  await using cluster = await ProcessCluster.create(5);
  cluster.startAll();
  const leader = await cluster.leader();
  const followers = cluster.ids.filter((id) => id !== leader);
  const [a = 0, b = 0, c = 0] = followers;
  const client = await cluster.client(leader);
  assert.match(await client.set('k', 'five up'), /^OK/);
  await cluster.kill('SIGKILL', a, b);
  assert.match(await client.set('k', 'three up'), /^OK/);
  await cluster.kill('SIGKILL', c);
  let answered = false;
  const pending = client.set('k', 'two up').finally(() => {
    answered = true;
  });
  const reader = await cluster.client(leader);
  const read = reader.get('k').finally(() => {
    answered = true;
  });
  await until('the leader has noticed', async () => (await cluster.status(leader))?.role !== 'leader');
  assert.equal(answered, false, 'neither write nor read is answered without a majority');
  cluster.start(a, b, c);
  assert.match(await pending, /^OK/, 'the write goes through once a majority is back');
  assert.match((await read) ?? '', /^(three|two) up$/);
  assert.equal(await client.get('k'), 'two up');
  client.close();
  reader.close();
  await cluster.leader();
  await cluster.converged();
});

test(`every acknowledged write survives ${POWER_LOSSES} kills of all servers at once under load`, async () => {
  await using cluster = await ProcessCluster.create(5);
  cluster.startAll();
  await using workload = new Workload(cluster, { writers: 8, readers: 2 });
  for (let loss = 0; loss < POWER_LOSSES; loss++) {
    await cluster.leader();
    await progress(workload, 200);
    await cluster.kill('SIGKILL', ...cluster.running);
    cluster.startAll();
  }
  await cluster.leader();
  await progress(workload, 50);
  await workload.stop();
  await cluster.up();
  for (const id of cluster.ids) await workload.verify(id);
  assert.deepEqual(workload.violations, []);
  await cluster.converged();
});
