import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { full } from './support/full.ts';
import { ProcessCluster, until } from './support/processes.ts';
import { RawSocket } from './support/raw-socket.ts';
import type { TextClient } from './support/text-client.ts';

const MIB = 1024 * 1024;
const IDLE_CONNECTIONS = full ? 10_000 : 2_000;
const RECONNECTS = full ? 5_000 : 500;
/** What a server may grow by, whatever its clients do; its heap is not swept at once. */
const GROWTH_BYTES_MAX = 150 * MIB;

const TLS_HELLO = Buffer.from('16030100a5010000a10303' + '5a'.repeat(160), 'hex');
const HTTP = 'GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: curl/8.0\r\nAccept: */*\r\n\r\n';

describe('clients that do not keep to the protocol', () => {
  let cluster: ProcessCluster;
  let leader: number;
  let other: TextClient;

  before(async () => {
    cluster = await ProcessCluster.create(3);
    cluster.startAll();
    leader = await cluster.leader();
    other = await cluster.client(leader);
    assert.match(await other.set('k', 'sound'), /^OK/);
  });
  after(() => cluster[Symbol.asyncDispose]());

  const rssBytes = async (): Promise<number> => (await cluster.status(leader))?.rssBytes ?? 0;

  /** The server answers others as before. */
  const assertUnharmed = async (): Promise<void> => {
    assert.match(await other.set('k', 'sound'), /^OK/);
    assert.equal(await other.get('k'), 'sound');
    assert.equal(cluster.running.length, 3, 'no server ended');
  };

  const onClientPort = (): Promise<RawSocket> => RawSocket.connect(cluster.address(leader).ClientPort);

  test('an HTTP request, a TLS hello and noise on the port of clients are errors, nothing else', async () => {
    for (const bytes of [HTTP, TLS_HELLO, randomBytes(100_000)]) {
      using raw = await onClientPort();
      await raw.send(bytes);
      await raw.send('\r\nget k\r\n');
      raw.socket.end();
      await raw.closed;
      assert.doesNotMatch(raw.text, /^OK/m);
      await assertUnharmed();
    }
    assert.equal((await cluster.converged()).keys, 1, 'nothing of it was taken for a write');
  });

  test('the same on the port of servers is cut off', async () => {
    const length = Buffer.alloc(8);
    length.writeUInt32LE(2 ** 31, 0);
    for (const bytes of [
      HTTP,
      TLS_HELLO,
      randomBytes(100_000),
      length,
      Buffer.alloc(4),
      Buffer.alloc(100_000),
    ]) {
      using raw = await RawSocket.connect(cluster.address(leader).LogPort);
      await raw.send(bytes);
      raw.socket.end();
      await raw.closed;
      await assertUnharmed();
    }
    assert.equal(await cluster.leader(), leader, 'the leader went on');
  });

  test('numbers that are too large, and keys that are too long, get an error and are read no further', async () => {
    const refused: [string, RegExp][] = [
      ['set huge 0 2147483648\r\n', /^ERR_CMD_ERR\r\n/],
      ['set huge 0 99999999999999999999\r\n', /^ERR_CMD_ERR\r\n/],
      ['set huge 99999999999999999999 1\r\nx\r\n', /^ERR_CMD_ERR\r\n/],
      ['cas huge 0 99999999999999999999 1\r\nx\r\n', /^ERR_CMD_ERR\r\n/],
      ['set huge 0 -1\r\n', /^ERR_CMD_ERR\r\n/],
      [`get ${'k'.repeat(10_000)}\r\n`, /^ERR_CMD_ERR\r\n/],
      [`set ${'k'.repeat(10_000)} 0 1\r\nx\r\n`, /^ERR_CMD_ERR\r\n/],
    ];
    for (const [request, reply] of refused) {
      using raw = await onClientPort();
      await raw.send(request);
      await until(`${request.slice(0, 40)} is answered`, async () => reply.test(raw.text));
    }
    await assertUnharmed();
    assert.equal((await cluster.converged()).keys, 1);
  });

  test('a line that never ends, and a value that never comes, take no memory', async () => {
    const before = await rssBytes();
    using line = await onClientPort();
    using peer = await RawSocket.connect(cluster.address(leader).LogPort);
    using value = await onClientPort();
    await value.send('set half 0 1000000\r\nhalf of it');
    const chunk = Buffer.alloc(MIB, 'a');
    for (let i = 0; i < 64; i++) await Promise.all([line.send(chunk), peer.send(chunk)]);
    await assertUnharmed();
    const grown = (await rssBytes()) - before;
    assert.ok(grown < GROWTH_BYTES_MAX, `grew by ${grown} bytes`);
    assert.equal(await other.get('half'), null);
  });

  test('a client that asks and never reads is held to its limit', async () => {
    const blob = Buffer.alloc(MIB, 'b');
    assert.match(await other.set('blob', blob), /^OK/);
    const before = await rssBytes();
    using raw = await onClientPort();
    raw.socket.pause();
    const wish = Buffer.from('get blob\r\n'.repeat(1_000));
    for (let i = 0; i < 20; i++) raw.socket.write(wish);
    for (let i = 0; i < 20; i++) await assertUnharmed();
    const grown = (await rssBytes()) - before;
    assert.ok(grown < GROWTH_BYTES_MAX, `grew by ${grown} bytes, was asked for 20 GB`);
    assert.equal(await other.delete('blob'), 'DELETED');
  });

  test('clients that vanish in the middle of a write leave it whole or undone', async () => {
    const value = 'v'.repeat(100_000);
    for (let i = 0; i < 50; i++) {
      using raw = await onClientPort();
      const request = `set vanish-${i} 0 ${value.length}\r\n${value}\r\n`;
      void raw.send(request.slice(0, Math.floor((request.length * i) / 49)));
      if (i % 2 === 0) await raw.send('');
      raw.socket.resetAndDestroy();
    }
    for (let i = 0; i < 50; i++) {
      const read = await other.get(`vanish-${i}`);
      assert.ok(read === null || read === value, `vanish-${i}`);
    }
    assert.equal(await other.get('vanish-10'), null, 'its value was never sent in whole');
    await assertUnharmed();
  });

  test(`${RECONNECTS} connections that come and go, some with a request in flight, leave nothing behind`, async () => {
    for (let i = 0; i < RECONNECTS; i += 50) {
      const sockets = await Promise.all(Array.from({ length: 50 }, onClientPort));
      for (const [at, raw] of sockets.entries()) {
        if (at % 2 === 0) void raw.send('set churn 0 1\r\nx\r\n');
        if (at % 3 === 0) raw.socket.resetAndDestroy();
        else raw.socket.destroy();
      }
    }
    await until('the connections are gone', async () => (await cluster.status(leader))?.connections === 1);
    await assertUnharmed();
  });

  test(`${IDLE_CONNECTIONS} idle connections cost little, and others are served as before`, async () => {
    const before = await rssBytes();
    const idle: RawSocket[] = [];
    for (let i = 0; i < IDLE_CONNECTIONS; i += 100) {
      idle.push(...(await Promise.all(Array.from({ length: 100 }, onClientPort))));
    }
    await until(
      'all are connected',
      async () => (await cluster.status(leader))?.connections === IDLE_CONNECTIONS + 1,
    );
    for (let i = 0; i < 20; i++) await assertUnharmed();
    const bytes = ((await rssBytes()) - before) / IDLE_CONNECTIONS;
    assert.ok(bytes < 32 * 1024, `${bytes} bytes a connection`);
    for (const raw of idle) raw.socket.destroy();
    await until('they are gone', async () => (await cluster.status(leader))?.connections === 1);
    await cluster.converged();
  });
});
