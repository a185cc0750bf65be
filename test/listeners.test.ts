import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { kvraft } from './support/command.ts';
import { freePorts } from './support/ports.ts';
import { ProcessCluster, until } from './support/processes.ts';
import { TextClient } from './support/text-client.ts';

test('a server serves clients on every port that it is told to, and status shows them all', async () => {
  const [configured = 0, given = 0, redirecting = 0] = await freePorts(3);
  await using cluster = await ProcessCluster.create(1, {}, () => ({ listen: [`kvraft:${configured}`] }));
  cluster.startWith(0, '--listen', `kvraft:${given}`, '--listen', `redirect:${redirecting}`);
  await cluster.leader();
  const { ClientPort } = cluster.address(0);
  await until('the last port is open', () =>
    TextClient.connect(redirecting).then(
      (c) => (c.close(), true),
      () => null,
    ),
  );
  const warning = `redirect clients to port ${ClientPort}, not to redirect:${redirecting}`;
  assert.ok(cluster.logs.get(0)?.includes(warning), 'what the others do not know is said');
  for (const port of [ClientPort, configured, given, redirecting]) {
    const client = await TextClient.connect(port);
    assert.match(await client.set('k', `by way of ${port}`), /^OK/);
    assert.equal(await client.get('k'), `by way of ${port}`);
    client.close();
  }
  const { stdout } = await kvraft('status', '--json', '--config', cluster.configFile);
  const [row] = (JSON.parse(stdout) as { servers: { listeners: object[] }[] }).servers;
  assert.deepEqual(
    row?.listeners.map((listener) => ({ ...listener, connections: 0 })),
    [...[ClientPort, configured, given].map((port) => ['kvraft', port]), ['redirect', redirecting]].map(
      ([name, port]) => ({ name, port, connections: 0 }),
    ),
  );
  const table = await kvraft('status', '--config', cluster.configFile);
  assert.match(
    table.stdout,
    new RegExp(`kvraft:${ClientPort} kvraft:${configured} kvraft:${given} redirect:${redirecting}\n`),
  );
});

test('a listener that cannot be had ends the server before it serves, with one line that names it', async () => {
  const [port = 0] = await freePorts(1);
  await using cluster = await ProcessCluster.create(1);
  const server = ['server', '0', '--config', cluster.configFile, '--log-level', 'warn'];
  const refused = async (listen: string, message: RegExp): Promise<void> => {
    const { code, stderr } = await kvraft(...server, '--listen', listen);
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /\n +at /, 'no stack trace');
  };
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(port, resolve));
  await refused(`kvraft:${port}`, new RegExp(`cannot listen for clients on port ${port}: .*EADDRINUSE`));
  taken.close();
  const { LogPort } = cluster.address(0);
  await refused(
    `kvraft:${LogPort}`,
    new RegExp(`--listen kvraft:${LogPort}: this server has port ${LogPort}`),
  );
  await refused(`http:${port}`, new RegExp(`server 0 is to serve http on port ${port}: .*not speak http`));
  await refused('gopher:70', /"gopher" is none of kvraft/);
});
