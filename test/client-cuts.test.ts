/** Connections that are cut for good behind any byte: what a client says of its write must be true. */
import assert from 'node:assert/strict';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { test } from 'node:test';
import { packFrame } from '#dist/base/frame.js';
import { connect, KvraftError } from '#dist/client/index.js';
import { full } from './support/full.ts';
import { ProcessCluster } from './support/processes.ts';
import { RawSocket } from './support/raw-socket.ts';

/** More than is said in either direction. */
const CUT_MAX = 180;
const CUT_EVERY = full ? 1 : 9;
const AT_ONCE = 20;
const TIMEOUT_MS = 1_000;
const TOKEN = 'once;';

type Direction = 'to-server' | 'to-client';

/** Lets through so many bytes in one direction, then cuts the connection, and lets nobody connect again. */
async function cuttingProxy(port: number, direction: Direction, bytes: number) {
  let isFirst = true;
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    if (!isFirst) return void socket.destroy();
    isFirst = false;
    void RawSocket.connect(port).then(({ socket: upstream }) => {
      relay(socket, upstream, direction === 'to-server' ? bytes : Infinity);
      relay(upstream, socket, direction === 'to-client' ? bytes : Infinity);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => server.close(),
  };
}

function relay(from: Socket, to: Socket, bytesMax: number): void {
  let left = bytesMax;
  from.on('data', (chunk) => {
    // What was let through arrives, whatever comes after it.
    to.write(chunk.subarray(0, left), () => {
      if (left > 0) return;
      from.destroy();
      to.destroy();
    });
    left = Math.max(0, left - chunk.length);
  });
  from.on('close', () => to.destroy());
}

/** Connects and appends once; how that ended: `done`, or the outcome of the error. */
async function appendOnce(address: string, key: string): Promise<string> {
  try {
    const times = { timeout: TIMEOUT_MS, connectTimeout: TIMEOUT_MS };
    await using db = await connect({ servers: address, learnServers: false, ...times });
    await db.append(key, TOKEN);
    return 'done';
  } catch (error) {
    assert(error instanceof KvraftError, String(error));
    const { code, outcome, message } = error;
    assert.match(code, /^(TIMEOUT|UNREACHABLE)$/);
    const isUnknown = /whether the write happened.* is unknown/;
    assert.match(message, outcome === 'unknown' ? isUnknown : /nothing was changed|no server can be used/);
    return outcome;
  }
}

test('a connection that is cut for good behind any byte leaves a client that tells the truth of its write', async () => {
  await using cluster = await ProcessCluster.create(1);
  cluster.startAll();
  await cluster.leader();
  const { ClientPort } = cluster.address(0);
  const cuts = (['to-server', 'to-client'] as const).flatMap((direction) =>
    Array.from({ length: Math.ceil(CUT_MAX / CUT_EVERY) }, (_, i) => ({ direction, bytes: i * CUT_EVERY })),
  );
  const ends = new Map<string, string>();
  for (let at = 0; at < cuts.length; at += AT_ONCE) {
    await Promise.all(
      cuts.slice(at, at + AT_ONCE).map(async ({ direction, bytes }) => {
        const proxy = await cuttingProxy(ClientPort, direction, bytes);
        const key = `${direction}-${bytes}`;
        ends.set(key, await appendOnce(proxy.address, key));
        proxy.close();
      }),
    );
  }
  await using db = await connect({ servers: `127.0.0.1:${ClientPort}` });
  const seen = new Set<string>();
  for (const [key, end] of ends) {
    const value = (await db.get(key))?.string() ?? '';
    const possible = { done: [TOKEN], 'not-applied': [''], unknown: ['', TOKEN] }[end];
    assert(possible?.includes(value), `cut ${key}: ${end}, and the value is "${value}"`);
    seen.add(`${end} "${value}"`);
  }
  const all = [`done "${TOKEN}"`, 'not-applied ""', 'unknown ""', `unknown "${TOKEN}"`];
  assert.deepEqual([...seen].toSorted(), all, 'all that can be was seen');
});

test('a server of another version of the protocol is named with both versions', async () => {
  const future = createServer((socket) => socket.end(packFrame([2, 7, 'whatever comes then'])));
  await new Promise<void>((resolve) => future.listen(0, '127.0.0.1', resolve));
  const { port } = future.address() as AddressInfo;
  await assert.rejects(connect({ servers: `127.0.0.1:${port}` }), {
    code: 'UNSUPPORTED_VERSION',
    outcome: 'not-applied',
    message: /speaks version 7 of the protocol, this client 1/,
  });
  future.close();
});
