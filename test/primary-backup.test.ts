import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { createPrng } from '#dist/base/prng.js';
import { Command, kvraft } from './support/command.ts';
import { full } from './support/full.ts';
import { freePorts } from './support/ports.ts';
import { PrimaryBackupCluster } from './support/primary-backup.ts';
import { until } from './support/processes.ts';
import { Proxy } from './support/proxy.ts';
import { PutHashChain } from './support/put-hash-chain.ts';
import { Workload } from './support/workload.ts';

const KILLS = full ? 20 : 4;

test('a primary is killed and a spare steps in, twice: whoever is asked has the data', async () => {
  await using cluster = await PrimaryBackupCluster.create(3, 1);
  const { servers } = cluster;
  await cluster.startAll();
  for (const round of [1, 2]) {
    const { primary, view } = await cluster.inSync();
    assert.ok(primary !== null);
    const writer = await servers.client(primary);
    assert.match(await writer.set(`k${round}`, `value ${round}`), /^OK/);
    await servers.kill('SIGKILL', primary);
    const other = servers.running[0] ?? 0;
    assert.equal(await (await servers.client(other)).get(`k${round}`), `value ${round}`);
    servers.start(primary);
    await cluster.inSync((status) => status.view > view && status.primary !== primary);
    await servers.up();
  }
  for (const id of servers.ids) {
    const client = await servers.client(id);
    assert.deepEqual([await client.get('k1'), await client.get('k2')], ['value 1', 'value 2']);
  }
});

test(`no acknowledged write is lost and no read is stale while primary and backup are killed ${KILLS} times`, async () => {
  await using cluster = await PrimaryBackupCluster.create(3, 3);
  const { servers } = cluster;
  await cluster.startAll();
  await using workload = new Workload(servers, { writers: 4, readers: 2 });
  await using chain = await PutHashChain.start(servers.servers, 3);
  for (let kill = 0; kill < KILLS; kill++) {
    const { primary, backup, view } = await cluster.inSync();
    const victim = kill % 2 === 0 ? primary : backup;
    assert.ok(victim !== null);
    const goal = workload.writesAcknowledged + 30;
    await until('writes are acknowledged', async () => workload.writesAcknowledged >= goal);
    await servers.kill('SIGKILL', victim);
    await until('writes are acknowledged again', async () => workload.writesAcknowledged >= goal + 30);
    servers.start(victim);
    await cluster.inSync((status) => status.view > view);
  }
  await workload.stop();
  await chain.check();
  await servers.up();
  for (const id of servers.ids) await workload.verify(id);
  assert.deepEqual(workload.violations, []);
  await servers.converged();
});

test('both copies are killed at once and come back: nothing that was acknowledged is lost', async () => {
  await using cluster = await PrimaryBackupCluster.create(2, 1);
  const { servers } = cluster;
  await cluster.startAll();
  const client = await servers.client(0);
  for (let i = 0; i < 50; i++) assert.match(await client.set(`k${i}`, `value ${i}`), /^OK/);
  await servers.kill('SIGKILL', 0, 1);
  await until('the service says what it waits for', async () =>
    /start (it|one of them) again with its data/.test((await cluster.service())?.waiting ?? ''),
  );
  // Whichever comes back first goes on with what it has, without the other.
  for (const [first, second] of [
    [1, 0],
    [0, 1],
  ] as const) {
    servers.start(first);
    await until('it leads', async () => (await servers.status(first))?.role === 'primary');
    const reader = await servers.client(first);
    for (let i = 0; i < 50; i += 7) assert.equal(await reader.get(`k${i}`), `value ${i}`);
    servers.start(second);
    await cluster.inSync();
    await servers.up();
    assert.equal(await (await servers.client(second)).get('k49'), 'value 49');
    if (first === 1) await servers.kill('SIGKILL', 0, 1);
  }
});

test('without the view service clients are served as long as both copies live; then nothing wrong is answered', async () => {
  await using cluster = await PrimaryBackupCluster.create(2, 1);
  const { servers } = cluster;
  await cluster.startAll();
  const { primary, backup, view } = await cluster.inSync();
  assert.ok(primary !== null && backup !== null);
  await cluster.killMonitors(0);
  const client = await servers.client(backup);
  assert.match(await client.set('k', 'served'), /^OK/);
  await servers.kill('SIGKILL', primary);
  let isAnswered = false;
  const write = client.set('k', 'later').finally(() => (isAnswered = true));
  const read = (await servers.client(backup)).get('k').finally(() => (isAnswered = true));
  await until('the backup has noticed', async () => (await servers.status(backup))?.role === 'backup');
  assert.equal(isAnswered, false);
  cluster.startMonitors(0);
  assert.match(await write, /^OK/);
  assert.match((await read) ?? '', /^(served|later)$/);
  assert.ok(((await cluster.service())?.view ?? 0) > view, 'the service has not forgotten its views');
});

test('a monitor of three, the leading one, is killed: nobody waits for that', async () => {
  await using cluster = await PrimaryBackupCluster.create(2, 3);
  const { servers } = cluster;
  await cluster.startAll();
  const { id, view } = await cluster.inSync();
  await using workload = new Workload(servers, { writers: 2, readers: 1 });
  await cluster.killMonitors(id);
  const next = await until('another monitor leads', async () => {
    const status = await cluster.service();
    return status !== null && status.id !== id ? status : null;
  });
  const goal = workload.writesAcknowledged + 50;
  await until('writes are acknowledged', async () => workload.writesAcknowledged >= goal);
  assert.equal(next.view, view, 'no view changed for that');
  await workload.stop();
  assert.deepEqual(workload.violations, []);
});

test('a primary that is cut off from the view service is followed by its backup, and answers nothing old', async () => {
  await using cluster = await PrimaryBackupCluster.create(3, 1);
  const { servers } = cluster;
  const proxy = await Proxy.open(cluster.monitors[0]?.Port ?? 0, createPrng(1));
  try {
    cluster.startMonitors(0);
    servers.startWith(0, '--config', cluster.configThrough(proxy.port));
    await until('the first server is the primary', async () => (await cluster.service())?.primary === 0);
    servers.start(1, 2);
    const { backup } = await cluster.inSync();
    assert.ok(backup !== null);
    assert.match(await (await servers.client(0)).set('k', 'old'), /^OK/);
    proxy.cut();
    await cluster.inSync(({ primary }) => primary === backup);
    assert.match(await (await servers.client(backup)).set('k', 'new'), /^OK/);
    const read = (await servers.client(0)).get('k');
    proxy.join();
    assert.equal(await read, 'new');
  } finally {
    proxy.close();
  }
});

test('kvraft cluster runs the monitors, too, and kvraft status shows both', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kvraft-test-'));
  try {
    const ports = await freePorts(7);
    const port = (at: number): number => ports[at] ?? 0;
    const config = join(folder, 'config.json');
    const servers = [0, 1].map((Id) => ({ Id, ClientPort: port(Id), LogPort: port(2 + Id) }));
    const monitors = [0, 1, 2].map((Id) => ({ Id, Port: port(4 + Id) }));
    writeFileSync(config, JSON.stringify({ engine: 'primary-backup', servers, monitors }));
    using cluster = new Command('cluster', '--config', config);
    await until('the cluster has started', async () => cluster.stdout.includes('(primary)'));
    await until('there are two copies', async () => {
      const { stdout } = await kvraft('status', '--config', config, '--json');
      const status = JSON.parse(stdout) as { monitors: { inSync: boolean }[] };
      return status.monitors.length === 3 && status.monitors.some(({ inSync }) => inSync);
    });
    const { stdout } = await kvraft('status', '--config', config);
    assert.match(stdout, /primary[^]*monitor +role[^]*true/);
    cluster.process.kill('SIGINT');
    assert.equal((await cluster.ended()).code, 0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('the example tells of everything that it does', async () => {
  const ports = await freePorts(1);
  // Three ranges of three ports each, from a port on that was free a moment ago.
  const env = { ...process.env, EXAMPLE_PORTS_FROM: String(Math.min(ports[0] ?? 0, 65_000)) };
  const example = join(import.meta.dirname, '..', 'examples', 'primary-backup.js');
  const { stdout } = await promisify(execFile)(process.execPath, [example], { env, timeout: 120_000 });
  assert.match(stdout, /the added server leads: view \d+, primary 2/);
  assert.match(stdout, /the diary says one;two;three;four;\n$/);
});
