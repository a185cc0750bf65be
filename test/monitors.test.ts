import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MONITOR_IDS_FROM } from '#dist/replica/monitor-ids.js';
import { PrimaryBackupCluster } from './support/primary-backup.ts';
import { until } from './support/processes.ts';

const GENERATION = 65_536;

test('a monitor that lost its log stops, is rebuilt from the others, and counts again', async () => {
  await using cluster = await PrimaryBackupCluster.create(2, 3);
  const { servers } = cluster;
  await cluster.startAll();
  const { id: leading } = await cluster.inSync();
  const [lost = 0, third = 0] = cluster.monitors.map(({ Id }) => Id).filter((id) => id !== leading);
  await cluster.killMonitors(lost);
  rmSync(join(servers.folder, 'data', `monitor-${lost}`, 'log'), { recursive: true });
  const refusal = await cluster.startMonitor(lost).ended();
  assert.equal(refusal.code, 3);
  assert.match(refusal.stderr, /log is gone: .* rebuild/);

  cluster.startMonitor(lost, '--rebuild');
  await until('it votes in the place of its former life', async () =>
    cluster.logOf(leading).includes('a rebuilt server votes again'),
  );
  const member = GENERATION + MONITOR_IDS_FROM + lost;
  assert.ok((await cluster.monitorStatus(leading))?.members.includes(member));

  // It is one of two now that make up the majority of three.
  await cluster.killMonitors(third);
  const { primary, backup, view } = await until('a monitor leads', () => cluster.service());
  assert.ok(primary !== null && backup !== null);
  await servers.kill('SIGKILL', primary);
  await until('the backup leads', async () => {
    const service = await cluster.service();
    return service?.primary === backup && service.view > view && service.acknowledged;
  });
  // Its pings reach the new life, too: it may lead.
  await cluster.killMonitors(leading);
  cluster.startMonitor(third);
  servers.start(primary);
  await cluster.inSync();
});

test('the only monitor cannot be rebuilt, which touches nothing', async () => {
  await using cluster = await PrimaryBackupCluster.create(2, 1);
  await cluster.startAll();
  const { view } = await cluster.inSync();
  await cluster.killMonitors(0);
  const { code, stderr } = await cluster.startMonitor(0, '--rebuild').ended();
  assert.equal(code, 2);
  assert.match(stderr, /no other monitor that knows the views/);
  assert.ok(existsSync(join(cluster.servers.folder, 'data', 'monitor-0', 'log')));
  cluster.startMonitor(0);
  await cluster.inSync((status) => status.view === view);
});
