import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProcessCluster, until } from './support/processes.ts';
import { Workload } from './support/workload.ts';

const MIB = 1024 * 1024;
const value = Buffer.alloc(16 * 1024, 'v');

/** Writes until the leader has cut its log behind everything that a server that is down now could need. */
async function writePastTheLog(cluster: ProcessCluster, leader: number, round: number): Promise<void> {
  const client = await cluster.client(leader);
  for (let i = 0; i < 400; i++) assert.match(await client.set(`key-${round}-${i % 150}`, value), /^OK/);
  client.close();
}

test('a follower that was down while the log was cut catches up by a snapshot while the cluster goes on', async () => {
  await using cluster = await ProcessCluster.create(3, { logBytesMax: MIB });
  cluster.startAll();
  const leader = await cluster.leader();
  const follower = cluster.ids.find((id) => id !== leader) ?? 0;
  await using workload = new Workload(cluster, { writers: 2, readers: 1 });
  for (let round = 0; round < 2; round++) {
    await cluster.kill('SIGKILL', follower);
    await writePastTheLog(cluster, leader, round);
    cluster.logs.delete(follower);
    cluster.start(follower);
    await until('the follower has installed a snapshot', async () =>
      cluster.logs.get(follower)?.includes('installed a snapshot'),
    );
    const goal = (await cluster.status(leader))?.commitIndex ?? 0;
    await until('it has caught up', async () => ((await cluster.status(follower))?.lastApplied ?? 0) >= goal);
  }
  await workload.stop();
  await workload.verify(follower);
  assert.deepEqual(workload.violations, []);
  const { keys } = await cluster.converged();
  assert.equal(keys, 302);
});

test('the log on disk stays bounded under load', async () => {
  await using cluster = await ProcessCluster.create(1, { logBytesMax: MIB });
  cluster.startAll();
  await cluster.leader();
  for (let round = 0; round < 3; round++) await writePastTheLog(cluster, 0, round);
  const status = await until('the log was cut', async () => {
    const row = await cluster.status(0);
    return row !== null && row.logBytes < 4 * MIB ? row : null;
  });
  assert.ok(status.walBytesOnDisk <= 3 * 64 * MIB, `${status.walBytesOnDisk} bytes of log on disk`);
});
