import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { limits } from '../base/limits.ts';
import { createPrng } from '../base/prng.ts';
import { EMPTY_FRAME, FRAME_HEADER_BYTES, packFrame } from '../base/frame.ts';
import { encodeHello } from './handshake.ts';
import { netLimits } from './net-limits.ts';
import {
  append,
  heartbeat,
  identityOf,
  listenRaw,
  ManualClock,
  RawPeer,
  startServer,
  startServers,
  type TestServer,
  until,
  welcomeAndStall,
} from './transport.test-support.ts';

const options = { timeout: 20_000 };
const MIB = 1024 * 1024;

const hello = (target: TestServer): Buffer =>
  encodeHello({ kind: 'control', identity: identityOf(1), expectServer: target.serverId });

/** A server 0 whose peer, server 1, is nobody. */
async function startAlone(t: TestContext, clock = new ManualClock()): Promise<TestServer> {
  const nobody = await listenRaw(t, () => undefined);
  return startServer(t, { serverId: 0, clock }, [[1, nobody.address]]);
}

/** Whether the server still lets its peer in and takes its messages. */
async function assertServes(t: TestContext, server: TestServer): Promise<void> {
  const { member } = identityOf(1);
  const peer = await RawPeer.greet(t, server, identityOf(1), 'bulk');
  const before = server.received.length;
  const forward = packFrame([16, 1, Buffer.of(1)]);
  peer.socket.write(forward);
  await until(() => server.received.length === before + 1);
  assert.equal(server.received.at(-1)?.from, member);
}

test('what is no hello is closed without a word, and counted', options, async (t) => {
  const server = await startAlone(t);
  const prng = createPrng(4);
  const random = Buffer.from(Array.from({ length: 300 }, () => prng.below(256)));
  const garbage = [
    Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
    Buffer.from('set key 0 5\r\nvalue\r\n'),
    Buffer.from('1603010200010001fc0303', 'hex'),
    random,
    EMPTY_FRAME,
    packFrame({ hello: 'world' }),
    packFrame('x'.repeat(netLimits.helloBytesMax + 1)),
  ];
  for (const bytes of garbage) {
    const stranger = await RawPeer.dial(t, server.address);
    stranger.socket.write(bytes);
    await until(() => stranger.closed);
    assert.deepEqual(stranger.payloads, []);
  }
  assert.equal(server.transport.counters.strangers, garbage.length);
  assert.deepEqual(server.warnings, []);
  await assertServes(t, server);
});

test('half a hello is waited for no longer than the handshake may take', options, async (t) => {
  const clock = new ManualClock();
  const server = await startAlone(t, clock);
  const half = await RawPeer.dial(t, server.address);
  half.socket.write(hello(server).subarray(0, 20));
  const silent = await RawPeer.dial(t, server.address);
  const other = await RawPeer.greet(t, server, identityOf(1));
  clock.advance(netLimits.handshakeTicksMax * netLimits.tickMs);
  assert.deepEqual([half.closed, silent.closed], [false, false]);
  clock.advance(netLimits.tickMs);
  await until(() => half.closed && silent.closed);
  assert.equal(other.closed, false);
  assert.equal(server.transport.counters.strangers, 2);
});

test('a hello byte by byte is one, too', options, async (t) => {
  const server = await startAlone(t);
  const peer = await RawPeer.dial(t, server.address);
  for (const byte of hello(server)) {
    peer.socket.write(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => peer.payloads.length === 1);
});

test('connections that say nothing do not keep a peer out', options, async (t) => {
  const server = await startAlone(t);
  const silent: RawPeer[] = [];
  for (let i = 0; i < netLimits.pendingHandshakesMax + 10; i++)
    silent.push(await RawPeer.dial(t, server.address));
  await until(() => silent.filter(({ closed }) => closed).length >= 10);
  await assertServes(t, server);
  const open = silent.filter(({ closed }) => !closed).length;
  assert.ok(open <= netLimits.pendingHandshakesMax, `${open} are open`);
  assert.equal(silent[0]?.closed, true, 'the oldest goes first');
  assert.equal(silent.at(-1)?.closed, false);
});

test('garbage from a peer ends that connection only', options, async (t) => {
  const server = await startAlone(t);
  const damaged = packFrame([16, 1, Buffer.of(1)]);
  damaged[damaged.length - 1] = 9;
  const garbage = [packFrame('text'), packFrame([99]), packFrame([5, 1]), damaged, Buffer.alloc(64, 0xff)];
  for (const bytes of garbage) {
    const peer = await RawPeer.greet(t, server, identityOf(1));
    peer.socket.write(bytes);
    await until(() => peer.closed);
  }
  assert.equal(server.transport.counters.protocolErrors, garbage.length);
  assert.equal(server.warnings.length, 1, 'a flood of faults is no flood of lines');
  await assertServes(t, server);
});

test('a frame past the limit of its channel is refused by its header', options, async (t) => {
  const server = await startAlone(t);
  for (const [kind, bytesMax] of [
    ['control', netLimits.controlFrameBytesMax],
    ['bulk', limits.frameBytesMax],
  ] as const) {
    const header = Buffer.alloc(FRAME_HEADER_BYTES);
    header.writeUInt32LE(bytesMax + 1);
    const peer = await RawPeer.greet(t, server, identityOf(1), kind);
    peer.socket.write(header);
    await until(() => peer.closed);
  }
  assert.equal(server.transport.counters.protocolErrors, 2);
});

test('a claimed giant frame takes no memory', options, async (t) => {
  const server = await startAlone(t);
  const before = process.memoryUsage().arrayBuffers;
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header.writeUInt32LE(60 * MIB);
  const peer = await RawPeer.greet(t, server, identityOf(1), 'bulk');
  peer.socket.write(Buffer.concat([packFrame([16, 1, Buffer.of(1)]), header, Buffer.alloc(1_000)]));
  await until(() => server.received.length === 1);
  const grown = process.memoryUsage().arrayBuffers - before;
  assert.ok(grown < 4 * MIB, `grew by ${grown} bytes`);
  assert.equal(peer.closed, false);
});

test('a peer that asks for signs of life without reading them is hung up on', options, async (t) => {
  const server = await startAlone(t);
  const peer = await RawPeer.greet(t, server, identityOf(1));
  peer.socket.pause();
  const questions = Buffer.alloc(64 * 1024);
  const ask = (): void => {
    if (!peer.closed && peer.socket.writableLength < MIB) peer.socket.write(questions);
  };
  await until(() => {
    ask();
    return server.transport.counters.protocolErrors > 0;
  });
  assert.match(server.warnings[0] ?? '', /server 1 does not read what it asks for/);
});

test(
  'a peer that never reads costs the others nothing, and its messages a bounded memory',
  options,
  async (t) => {
    const clock = new ManualClock();
    const [a, b] = (await startServers(t, clock, 2)) as [TestServer, TestServer];
    const stalled = await listenRaw(t, welcomeAndStall(identityOf(2)));
    a.transport.setPeers(
      new Map([
        [1, b.address],
        [2, stalled.address],
      ]),
    );
    await until(() => a.transport.connected(2) && stalled.guests.length === 2);
    await until(
      () => a.log.filter(({ text }) => text.includes('connected to a server: server 2')).length === 2,
    );

    const { member } = identityOf(2);
    const { counters } = a.transport;
    const data = Buffer.alloc(MIB);
    const before = process.memoryUsage().arrayBuffers;
    for (let index = 1; index <= 150; index++) a.send(member, append(a.member, member, index, data));
    for (let round = 1; round <= 300_000; round++) a.send(member, heartbeat(a.member, member, round));
    assert.ok(counters.messagesDroppedFull > 80, `${counters.messagesDroppedFull} were dropped`);
    const grown = process.memoryUsage().arrayBuffers - before;
    assert.ok(grown < 110 * MIB, `grew by ${grown} bytes`);

    const dropped = counters.messagesDroppedFull;
    a.send(b.member, append(a.member, b.member, 1), heartbeat(a.member, b.member));
    await until(() => b.received.length === 2);
    assert.equal(counters.messagesDroppedFull, dropped);

    // After ten silent seconds it is given up; server 1, which answers in between, is not.
    for (let tick = 0; tick < netLimits.silentTicksMax + 5 && a.disconnections.length === 0; tick++) {
      const received = b.transport.counters.bytesReceived;
      clock.advance(netLimits.tickMs);
      await until(() => b.transport.counters.bytesReceived > received);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => a.disconnections.length > 0);
    assert.deepEqual(a.disconnections, [[2, false]]);
    assert.equal(a.transport.connected(1), true);
  },
);
