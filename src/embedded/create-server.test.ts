import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createListener } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { KvraftError } from '../base/errors.ts';
import { silentLogger } from '../base/logger.ts';
import type { Client } from '../client/index.ts';
import type { ConfigInput } from '../server/config-input.ts';
import { parseConfig } from '../server/config.ts';
import { startServer } from '../server/server.ts';
import type { ServerStatus } from '../server/status.ts';
import { createServer } from './create-server.ts';
import type { EmbeddedServer } from './embedded-server.ts';

const full = process.env['KVRAFT_TEST_FULL'] === '1';

async function freePorts(count: number): Promise<number[]> {
  const listeners = await Promise.all(
    Array.from({ length: count }, async () => {
      const listener = createListener();
      await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
      return listener;
    }),
  );
  const ports = listeners.map((listener) => (listener.address() as { port: number }).port);
  await Promise.all(listeners.map((listener) => new Promise((resolve) => listener.close(resolve))));
  return ports;
}

async function makeConfig(size: number): Promise<ConfigInput> {
  const ports = await freePorts(2 * size);
  const servers = Array.from({ length: size }, (_, id) => ({
    id,
    hostname: '127.0.0.1',
    clientPort: ports[id] ?? 0,
    logPort: ports[size + id] ?? 0,
  }));
  return { servers };
}

/** The states of all servers, once one leads and all know it and the cluster that they belong to. */
async function settled(servers: readonly Pick<EmbeddedServer, 'status'>[]): Promise<ServerStatus[]> {
  for (;;) {
    const rows = await Promise.all(servers.map((server) => server.status()));
    const leader = rows.find(({ role }) => role === 'leader');
    if (
      leader !== undefined &&
      rows.every(
        ({ leaderId, term, clusterId }) => leaderId === leader.id && term === leader.term && clusterId !== '',
      )
    )
      return rows;
  }
}

function leaderOf(rows: readonly ServerStatus[]): ServerStatus {
  const leader = rows.find(({ role }) => role === 'leader');
  assert.ok(leader !== undefined);
  return leader;
}

/** Twice this is less than the program stands still; a machine that is busy otherwise keeps within it. */
const ELECTION_TIMEOUT_MS = 900;
const BLOCKED_MS = 2_000;

/** The event loop of this thread stands still. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

describe('an embedded server', () => {
  let dataDir: string;
  before(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'kvraft-test-'));
  });
  after(() => rmSync(dataDir, { recursive: true, force: true }));

  test('keeps its term while the program blocks its event loop for longer than an election takes', async () => {
    const config = { ...(await makeConfig(3)), electionTimeoutMs: ELECTION_TIMEOUT_MS };
    const folder = join(dataDir, 'blocked');
    const servers = await Promise.all([0, 1, 2].map((id) => createServer({ id, config, dataDir: folder })));
    try {
      const before = await settled(servers);
      for (let i = 0; i < (full ? 10 : 2); i++) {
        block(BLOCKED_MS);
        const rows = await Promise.all(servers.map((server) => server.status()));
        assert.deepEqual(
          rows.map(({ term, role }) => ({ term, role })),
          before.map(({ term, role }) => ({ term, role })),
        );
      }
    } finally {
      await Promise.all(servers.map((server) => server.close()));
    }
  });

  test(
    'would lose its leadership so on the loop of the program, which is why it has a thread',
    { skip: !full },
    async () => {
      const config = { ...(await makeConfig(3)), electionTimeoutMs: ELECTION_TIMEOUT_MS };
      const folder = join(dataDir, 'on-the-loop');
      const others = await Promise.all([1, 2].map((id) => createServer({ id, config, dataDir: folder })));
      const onLoop = await startServer({
        config: parseConfig(JSON.stringify({ ...config, path: folder }), 'config'),
        serverId: 0,
        rebuild: false,
        logger: silentLogger,
        onFatal: (error) => assert.fail(String(error)),
      });
      const servers = [{ status: () => Promise.resolve(onLoop.status()) }, ...others];
      try {
        let leader = leaderOf(await settled(servers));
        while (leader.id !== 0) {
          await others[leader.id - 1]?.close();
          const again = await createServer({ id: leader.id, config, dataDir: folder });
          others[leader.id - 1] = servers[leader.id] = again;
          leader = leaderOf(await settled(servers));
        }
        let { term } = leader;
        for (let attempt = 1; term === leader.term; attempt++) {
          assert.ok(attempt <= 5, 'no election, however long the leader stood still');
          block(BLOCKED_MS);
          await new Promise((resolve) => setImmediate(resolve));
          ({ term } = leaderOf(await settled(servers)));
        }
        assert.ok(term > leader.term);
      } finally {
        await Promise.all([onLoop.stop(), ...others.map((server) => server.close())]);
      }
    },
  );

  test('serves a client of the program, and goes on serving it after the program was busy', async () => {
    const config = await makeConfig(3);
    const folder = join(dataDir, 'clients');
    const servers = await Promise.all([0, 1, 2].map((id) => createServer({ id, config, dataDir: folder })));
    let clients: Client[] = [];
    try {
      clients = await Promise.all(
        servers.map((server) => server.client({ connectTimeout: 60_000, timeout: 60_000 })),
      );
      // Each server has its own client, and two of them have to forward.
      for (const [at, client] of clients.entries()) await client.append('log', String(at));
      for (const client of clients) assert.equal((await client.get('log'))?.string(), '012');
      const [first, second] = clients as [Client, Client];
      const large = Buffer.alloc(500_000, 'x');
      const writes = Array.from({ length: 8 }, (_, i) => first.put(`large-${i}`, large));
      block(300);
      await Promise.all(writes);
      const reads = Array.from({ length: 8 }, (_, i) => second.get(`large-${i}`));
      block(300);
      for (const entry of await Promise.all(reads))
        assert.equal(large.compare(entry?.value ?? Buffer.of()), 0);
      await second.close();
      await assert.rejects(second.get('log'), { code: 'CLOSED' });
    } finally {
      await Promise.all(servers.map((server) => server.close()));
    }
    const [first] = clients as [Client];
    await assert.rejects(first.get('log'), { code: 'CLOSED' });
  });

  test('lets its folder and its ports go when it is closed, and keeps who it is', async () => {
    const config = await makeConfig(1);
    const folder = join(dataDir, 'again');
    const first = await createServer({ id: 0, config, dataDir: folder });
    const [{ clusterId, term }] = (await settled([first])) as [ServerStatus];
    await first.close();
    await first.closed;
    await assert.rejects(first.status(), { code: 'STOPPED' });
    await assert.rejects(first.client(), { code: 'STOPPED' });
    assert.ok(existsSync(join(folder, 'server-0', 'identity.json')));

    const second = await createServer({ id: 0, config, dataDir: folder });
    const [status] = (await settled([second])) as [ServerStatus];
    assert.equal(status.clusterId, clusterId);
    assert.ok(status.term > term);
    await second[Symbol.asyncDispose]();
  });

  test('logs to the logger that it is given', async () => {
    const lines: string[] = [];
    const log = (_fields: object, message: string): unknown => lines.push(message);
    const logger = { debug: log, info: log, warn: log, error: log };
    const config = { ...(await makeConfig(1)), path: join(dataDir, 'logs') };
    await (await createServer({ id: 0, config, logger })).close();
    assert.ok(lines.includes('listening'), lines.join('\n'));
  });

  test('takes the path or the URL of a configuration file, and runs only once', async () => {
    const config = await makeConfig(1);
    const file = join(dataDir, 'config.json');
    writeFileSync(file, JSON.stringify({ Path: 'from-file', Servers: config.servers }));
    const server = await createServer({ id: 0, config: file });
    try {
      assert.deepEqual(readdirSync(join(dataDir, 'from-file')), ['server-0']);
      await assert.rejects(createServer({ id: 0, config: pathToFileURL(file) }), (error) => {
        assert.ok(error instanceof KvraftError);
        assert.equal(error.code, 'DATA_LOCKED');
        assert.match(error.message, /is in use by process \d+; stop it first/);
        return true;
      });
    } finally {
      await server.close();
    }
  });

  test('says why it cannot start', async () => {
    const config = await makeConfig(1);
    const dir = join(dataDir, 'refused');
    const [port = 0] = await freePorts(1);
    const listener = createListener();
    await new Promise<void>((resolve) => listener.listen(port, resolve));
    const taken = {
      servers: [{ Id: 0, ClientPort: port, LogPort: config.servers[0] === undefined ? 0 : port + 1 }],
    };
    const cyclic: { servers: unknown[] } = { servers: [] };
    cyclic.servers.push(cyclic);
    const broken = join(dir, 'server-0');
    const cases: [object, string, RegExp][] = [
      [{ id: 0.5, config }, 'INVALID_ARGUMENT', /id: 0.5 is not the Id of a server/],
      [{ id: 0 }, 'INVALID_ARGUMENT', /config: must be an object, or the path of a file/],
      [{ id: 0, config: cyclic }, 'INVALID_ARGUMENT', /config: .*circular/],
      [{ id: 0, config, dataDir: '' }, 'INVALID_ARGUMENT', /dataDir: must be the path of a folder/],
      [{ id: 0, config: { servers: [] } }, 'INVALID_CONFIG', /config: .*names no server/],
      [{ id: 0, config: '/nowhere/config.json' }, 'INVALID_CONFIG', /ENOENT/],
      [{ id: 9, config, dataDir: dir }, 'INVALID_CONFIG', /has no server 9, only 0/],
      [{ id: 0, config: taken, dataDir: dir }, 'INVALID_CONFIG', /cannot listen/],
    ];
    for (const [options, code, message] of cases) {
      await assert.rejects(createServer(options as Parameters<typeof createServer>[0]), { code, message });
    }
    listener.close();
    await (await createServer({ id: 0, config, dataDir: dir })).close();
    rmSync(join(broken, 'log'), { recursive: true });
    await assert.rejects(createServer({ id: 0, config, dataDir: dir }), { code: 'LOG_DAMAGED' });
  });

  test('is not started when its signal aborts', async () => {
    const config = await makeConfig(1);
    const options = { id: 0, config, dataDir: join(dataDir, 'aborted') };
    await assert.rejects(createServer({ ...options, signal: AbortSignal.abort() }), { name: 'AbortError' });
    const controller = new AbortController();
    const starting = createServer({ ...options, signal: controller.signal });
    controller.abort(new Error('enough'));
    await assert.rejects(starting, /^Error: enough$/);
    await (await createServer(options)).close();
  });
});
