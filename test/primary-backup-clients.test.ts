import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '#dist/client/index.js';
import { kvraft } from './support/command.ts';
import { freePorts } from './support/ports.ts';
import { PrimaryBackupCluster } from './support/primary-backup.ts';
import { RawSocket } from './support/raw-socket.ts';
import { TextClient } from './support/text-client.ts';
import { until } from './support/processes.ts';

async function ask(port: number, request: string): Promise<string> {
  const client = await TextClient.connect(port);
  const { line } = await client.send(request);
  client.close();
  return line;
}

/** What a memcached server answers, whole lines, to these requests. */
async function memcached(port: number, requests: string, lines: number): Promise<string> {
  using socket = await RawSocket.connect(port);
  await socket.send(requests);
  const isWhole = async (): Promise<boolean> => socket.text.split('\r\n').length > lines;
  await until('memcached answers', isWhole).catch((cause: unknown) => {
    throw new Error(`memcached answered only ${JSON.stringify(socket.text)}`, { cause });
  });
  return socket.text;
}

test('every protocol works on primary, backup and spare: forwarding or redirecting, as it says, over a failover', async () => {
  const ports = await freePorts(6);
  const [memcachedPorts, redirectPorts] = [ports.slice(0, 3), ports.slice(3)];
  await using cluster = await PrimaryBackupCluster.create(3, 1, (id) => ({
    MemcachedPort: memcachedPorts[id],
    listen: [`redirect:${redirectPorts[id]}`],
  }));
  const { servers } = cluster;
  await cluster.startAll();
  const { primary } = await cluster.inSync();
  assert.ok(primary !== null);
  const others = servers.ids.filter((id) => id !== primary);
  await until('everybody hears the primary', async () => {
    const rows = await Promise.all(servers.ids.map((id) => servers.status(id)));
    return rows.every((row) => row?.leaderId === primary);
  });

  for (const id of others) {
    const redirect = redirectPorts[id] ?? 0;
    assert.equal(await ask(redirect, 'get k\r\n'), `ERR_REDIRECT 127.0.0.1 ${redirectPorts[primary]}`);
    assert.equal(
      await memcached(
        memcachedPorts[id] ?? 0,
        `set m${id} 7 0 2\r\nhi\r\nget m${id}\r\nincr n 1\r\nmg m${id} v f\r\n`,
        7,
      ),
      `STORED\r\nVALUE m${id} 7 2\r\nhi\r\nEND\r\nNOT_FOUND\r\nVA 2 f7\r\nhi\r\n`,
    );
  }
  assert.match(await ask(redirectPorts[primary] ?? 0, 'set k 0 1\r\nx\r\n'), /^OK \d+$/);

  await using db = await connect({
    servers: servers.servers.map(({ Hostname: host, ClientPort: port }) => ({ host, port })),
    timeout: 60_000,
  });
  await db.append('log', 'one;');
  assert.equal(Buffer.from((await db.putHash('sum', 'a')).previous).toString(), '');
  await servers.kill('SIGKILL', primary);
  await db.append('log', 'two;');
  // FNV-1a of "a".
  assert.equal(Buffer.from((await db.putHash('sum', 'b')).previous).toString(), '3826002220');
  assert.equal((await db.get('log'))?.string(), 'one;two;');

  const config = ['--config', servers.configFile];
  assert.match((await kvraft('put', 'from/shell', 'value', ...config)).stdout, /^OK \d+\n$/);
  assert.equal((await kvraft('get', 'from/shell', ...config)).stdout, 'value');
  const { next, cas } = await until('another server leads and all know it', async () => {
    const rows = await Promise.all(others.map((id) => servers.status(id)));
    const [leader] = new Set(rows.map((row) => row?.leaderId));
    return leader !== undefined &&
      leader !== null &&
      leader !== primary &&
      rows.every((row) => row?.leaderId === leader)
      ? { next: leader, cas: others.find((id) => id !== leader) ?? 0 }
      : null;
  });
  assert.equal(
    await ask(redirectPorts[cas] ?? 0, 'get k\r\n'),
    `ERR_REDIRECT 127.0.0.1 ${redirectPorts[next]}`,
  );
  assert.equal(
    await memcached(memcachedPorts[cas] ?? 0, `get m${others[0]} m${others[1]}\r\n`, 5),
    others.map((id) => `VALUE m${id} 7 2\r\nhi\r\n`).join('') + 'END\r\n',
  );
});
