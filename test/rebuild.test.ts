import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ProcessCluster, until } from './support/processes.ts';
import { Workload } from './support/workload.ts';

const MIB = 1024 * 1024;

test('a server that lost its data is refused, and comes back by --rebuild while the cluster goes on', async () => {
  await using cluster = await ProcessCluster.create(3, { logBytesMax: MIB });
  cluster.startAll();
  const leader = await cluster.leader();
  const lost = cluster.ids.find((id) => id !== leader) ?? 0;
  await using workload = new Workload(cluster, { writers: 2, readers: 1 });
  await cluster.kill('SIGKILL', lost);
  rmSync(join(cluster.folder, 'data', `server-${lost}`), { recursive: true });
  cluster.start(lost);
  await until('the others have said why they refuse it', async () =>
    cluster.logs.get(lost)?.includes('data folder that is not the one its cluster knows'),
  );
  await cluster.kill('SIGTERM', lost);

  for (const round of [1, 2]) {
    cluster.startRebuild(lost);
    const member = 65_536 * round + lost;
    await until('it votes in the place of its former life', async () => {
      const status = await cluster.status(leader);
      const swaps = cluster.logs.get(leader)?.split('a rebuilt server votes again').length ?? 0;
      return status?.members.includes(member) && swaps > round && status.learners.length === 0;
    });
    await cluster.kill('SIGKILL', lost);
  }
  cluster.start(lost);
  await cluster.up();
  await cluster.kill('SIGKILL', leader);
  const goal = workload.writesAcknowledged + 50;
  await until('the rebuilt server makes up a majority', async () => workload.writesAcknowledged >= goal);
  cluster.start(leader);
  await workload.stop();
  await cluster.up();
  await cluster.leader();
  for (const id of cluster.ids) await workload.verify(id);
  assert.deepEqual(workload.violations, []);
  await cluster.converged();
});

test('a rebuild without the others says what it needs and touches nothing', async () => {
  await using cluster = await ProcessCluster.create(3);
  cluster.startRebuild(0);
  assert.equal(await cluster.exitOf(0), 4);
  assert.match(cluster.logs.get(0) ?? '', /none of the others answers.*start them first/);
});
