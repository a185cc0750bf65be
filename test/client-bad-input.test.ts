import assert from 'node:assert/strict';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { test } from 'node:test';
import { connect, KvraftError, type Client } from '#dist/client/index.js';
import { encodeHello, RPC_PREAMBLE } from '#dist/wire/rpc-handshake.js';
import { freePorts } from './support/ports.ts';
import { ProcessCluster } from './support/processes.ts';
import { RawSocket } from './support/raw-socket.ts';

const codeOf = async (call: Promise<unknown>): Promise<string> => {
  try {
    await call;
  } catch (error) {
    assert(error instanceof KvraftError, String(error));
    return `${error.code} ${error.outcome}`;
  }
  return 'done';
};

const addressOf = (cluster: ProcessCluster, id: number): string =>
  `127.0.0.1:${cluster.address(id).ClientPort}`;

/** Something that listens and does as it is told with who connects. */
async function listen(serve: (socket: Socket) => void): Promise<{ server: Server; address: string }> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, address: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test('a client against servers of all kinds', async (t) => {
  const [rpcPort = 0] = await freePorts(1);
  await using cluster = await ProcessCluster.create(1, {}, () => ({ RpcPort: rpcPort }));
  await using other = await ProcessCluster.create(1);
  cluster.startAll();
  other.startAll();
  await Promise.all([cluster.leader(), other.leader()]);
  const address = addressOf(cluster, 0);
  const db: Client = await connect({ servers: address });

  await t.test('the typed client works by ClientPort and by RpcPort, beside the text protocol', async () => {
    await using viaRpc = await connect({ servers: `127.0.0.1:${rpcPort}` });
    await viaRpc.put('shared', 'value');
    assert.equal((await db.get('shared'))?.string(), 'value');
    const text = await cluster.client(0);
    assert.equal(await text.get('shared'), 'value');
    text.close();
    const [server] = (await db.status()).servers;
    assert.equal(server?.port, rpcPort, 'who learns the servers learns the port for RPC');
  });

  await t.test(
    'oversized keys and values, and invalid options, are refused before they are sent',
    async () => {
      const { version: before } = await db.status();
      assert.equal(await codeOf(db.put('k'.repeat(251), 'v')), 'TOO_LARGE not-applied');
      assert.equal(await codeOf(db.put('k', Buffer.alloc(1_048_577))), 'TOO_LARGE not-applied');
      assert.equal(await codeOf(db.get('')), 'INVALID_ARGUMENT not-applied');
      for (const options of [{ ttl: -1 }, { ttl: NaN }, { ifVersion: 0 }, { timeout: 0 }, { ttL: 1 }, null]) {
        assert.equal(await codeOf(db.put('k', 'v', options as never)), 'INVALID_ARGUMENT not-applied');
      }
      assert.equal(await codeOf(db.put('k', 5 as never)), 'INVALID_ARGUMENT not-applied');
      assert.equal(await codeOf(db.batch([{ op: 'get' } as never])), 'INVALID_ARGUMENT not-applied');
      assert.throws(() => db.range({ prefix: 'a', start: 'b' } as never), { code: 'INVALID_ARGUMENT' });
      assert.throws(() => db.watch({ fromVersion: 1.5 }), { code: 'INVALID_ARGUMENT' });
      assert.equal((await db.status()).version, before, 'nothing was changed');
    },
  );

  await t.test('an append that would grow a value too large is refused, and changes nothing', async () => {
    await db.put('grown', Buffer.alloc(1_048_000, 'x'));
    for (let i = 0; i < 15; i++) await db.append('grown', Buffer.alloc(1_048_576));
    assert.equal(await codeOf(db.append('grown', Buffer.alloc(1_048_576))), 'TOO_LARGE not-applied');
    assert.equal((await db.get('grown'))?.value.length, 1_048_000 + 15 * 1_048_576);
    await db.delete('grown');
  });

  await t.test('values at the limit go through, many at once', async () => {
    const value = Buffer.alloc(1_048_576, 'v');
    await Promise.all(Array.from({ length: 30 }, (_, i) => db.put(`large-${i}`, value)));
    assert.equal(
      await codeOf(db.getMany(Array.from({ length: 30 }, (_, i) => `large-${i}`))),
      'TOO_LARGE not-applied',
    );
    let entries = 0;
    for await (const entry of db.range({ prefix: 'large-' })) entries += Number(value.equals(entry.value));
    assert.equal(entries, 30);
    await db.batch(Array.from({ length: 30 }, (_, i) => ({ op: 'delete' as const, key: `large-${i}` })));
  });

  await t.test('servers that are none, are unknown, or are of another cluster are told apart', async () => {
    const started = performance.now();
    assert.equal(
      await codeOf(connect({ servers: '127.0.0.1:1', connectTimeout: 300 })),
      'UNREACHABLE not-applied',
    );
    const { clusterId } = db;
    assert.equal(
      await codeOf(connect({ servers: addressOf(other, 0), clusterId })),
      'WRONG_CLUSTER not-applied',
    );
    assert.equal(await codeOf(connect({ servers: 'nowhere' })), 'INVALID_ARGUMENT not-applied');
    const http = await listen((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    assert.equal(await codeOf(connect({ servers: http.address })), 'PROTOCOL not-applied');
    http.server.close();
    assert(performance.now() - started < 9_000, 'none of these waited for its time to be over');
    // The client keeps to the cluster that it found first.
    await using both = await connect({ servers: [address, addressOf(other, 0)] });
    assert([db.clusterId, (await other.status(0))?.clusterId].includes(both.clusterId));
  });

  await t.test('whatever is aborted ends at once and says what is known', async () => {
    const silent = await listen(() => undefined);
    const early = connect({ servers: silent.address, signal: AbortSignal.timeout(50) });
    assert.equal(await codeOf(early), 'ABORTED not-applied');
    silent.server.close();
    assert.equal(
      await codeOf(connect({ servers: address, signal: AbortSignal.abort() })),
      'ABORTED not-applied',
    );
    assert.equal(await codeOf(db.put('a', 'v', { signal: AbortSignal.abort() })), 'ABORTED not-applied');
    const during = new AbortController();
    const put = db.put('a', 'v', { signal: during.signal });
    // Sent with the next turn; the answer takes a write to the disk.
    setImmediate(() => setImmediate(() => during.abort()));
    assert.match(await codeOf(put), /^(ABORTED unknown|done)$/);
    const lifetime = new AbortController();
    const mortal = await connect({ servers: address, signal: lifetime.signal });
    const watch = mortal.watch();
    await watch.started;
    const next = watch[Symbol.asyncIterator]().next();
    lifetime.abort();
    assert.equal(await codeOf(next), 'CLOSED not-applied');
    assert.equal(await codeOf(mortal.get('a')), 'CLOSED not-applied');
  });

  await t.test('a server that has no room is left alone for a while, and says so', async () => {
    const full = await listen((socket) => socket.end('ERR_INTERNAL\r\n'));
    const outcome = connect({ servers: full.address, connectTimeout: 300 });
    await assert.rejects(outcome, /UNREACHABLE|has as many connections as it may/);
    full.server.close();
  });

  await t.test('ranges that are given up, however, leave nothing behind', async () => {
    await Promise.all(Array.from({ length: 50 }, (_, i) => db.put(`range-${i}`, Buffer.alloc(100_000))));
    for (let i = 0; i < 100; i++) {
      const controller = new AbortController();
      const range = db.range({ prefix: 'range-', signal: controller.signal });
      const first = range[Symbol.asyncIterator]().next();
      if (i % 4 === 0) controller.abort();
      else if (i % 4 === 1) setImmediate(() => setImmediate(() => controller.abort()));
      await first.catch(() => undefined);
      if (i % 4 === 2) await range[Symbol.asyncDispose]();
      else if (i % 4 === 3) for await (const entry of range) if (entry.key !== '') break;
    }
    let entries = 0;
    for await (const entry of db.range({ prefix: 'range-' }))
      entries += Number(entry.value.length === 100_000);
    assert.equal(entries, 50);
  });

  await t.test('a hello of an old version is refused with the version that is spoken', async () => {
    using socket = await RawSocket.connect(cluster.address(0).ClientPort);
    await socket.send(Buffer.concat([RPC_PREAMBLE, encodeHello({ version: 0, features: 0, clusterId: '' })]));
    socket.socket.end();
    await socket.closed;
    assert.match(socket.text, /UNSUPPORTED_VERSION.*version 1 of the protocol, not 0/);
  });

  await t.test(
    'connections that are cut behind any number of bytes cost no call and double none',
    async () => {
      let cutAfter = 0;
      let connections = 0;
      const { ClientPort } = cluster.address(0);
      const proxy = await listen((socket) => {
        connections++;
        let left = cutAfter;
        // Farther and farther, until the whole conversation gets through.
        cutAfter += 47;
        void RawSocket.connect(ClientPort).then(({ socket: upstream }) => {
          const relay = (from: Socket, to: Socket): void => {
            from.on('data', (chunk) => {
              to.write(chunk.subarray(0, left));
              left -= chunk.length;
              if (left > 0) return;
              from.destroy();
              to.end();
            });
            from.on('close', () => to.destroy());
          };
          relay(socket, upstream);
          relay(upstream, socket);
        });
      });
      await using cut = await connect({
        servers: proxy.address,
        learnServers: false,
        timeout: 60_000,
        connectTimeout: 60_000,
      });
      for (let i = 0; i < 10; i++) await cut.append('cut', `${i};`);
      assert.equal((await db.get('cut'))?.string(), Array.from({ length: 10 }, (_, i) => `${i};`).join(''));
      assert(connections > 5, `${connections} connections`);
      proxy.server.close();
    },
  );

  await t.test('the server is as it was', async () => {
    await db.close();
    assert.equal((await cluster.status(0))?.role, 'leader');
  });
});
