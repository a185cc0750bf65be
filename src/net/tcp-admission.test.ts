import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FRAME_HEADER_BYTES, packFrame } from '../base/frame.ts';
import { decodeAnswer, encodeHello, encodeWelcome, MAGIC } from './handshake.ts';
import {
  append,
  CLUSTER,
  heartbeat,
  identityOf,
  listenRaw,
  ManualClock,
  orderOf,
  RawPeer,
  standing,
  startServer,
  startServers,
  TestServer,
  until,
} from './transport.test-support.ts';
import { MessageEncoder } from './peer-codec.ts';
import type { PeerMessage } from './transport.ts';

const options = { timeout: 20_000 };

const frameOf = (message: PeerMessage): Buffer => Buffer.concat(new MessageEncoder().encode(message));

/** The kind of answer that a raw peer was given, or why it was refused. */
function answerTo(peer: RawPeer): string {
  assert.ok(peer.payloads[0] !== undefined, 'there was an answer');
  const answer = decodeAnswer(peer.payloads[0]);
  return answer.kind === 'refused' ? answer.reason : answer.kind;
}

test('a refusal is told on both sides once, however often it is tried again', options, async (t) => {
  const clock = new ManualClock();
  const a = await startServer(t, { serverId: 0, clock });
  const b = await startServer(t, { serverId: 1, clock });
  b.refuses = ({ clusterId }) => `it belongs to cluster ${clusterId}`;
  b.transport.setPeers(new Map([[0, a.address]]));
  a.transport.setPeers(new Map([[1, b.address]]));
  const attempts = (): number => b.log.filter(({ text }) => text.startsWith('refused server 0')).length;
  for (let attempt = 1; attempt <= 6; attempt++) {
    await until(() => attempts() >= 2 * attempt && b.log.length > 0);
    await until(
      () => a.log.filter(({ text }) => text.includes('it refuses this server')).length >= 2 * attempt,
    );
    clock.advance(2_000);
  }
  const { port } = b.address;
  assert.deepEqual(a.warnings, [
    `servers do not talk with one another: server 1 at 127.0.0.1:${port}: ` +
      `it refuses this server: it belongs to cluster ${CLUSTER}`,
  ]);
  assert.deepEqual(
    b.warnings.filter((text) => text.startsWith('refused')),
    [`refused server 0 that called from 127.0.0.1: it belongs to cluster ${CLUSTER}`],
  );
  assert.deepEqual([a.connections, a.transport.connected(1)], [[], false]);

  b.refuses = () => null;
  clock.advance(2_000);
  await until(() => a.connections.length === 1);
});

test('another reason is told, too', options, async (t) => {
  const clock = new ManualClock();
  const a = await startServer(t, { serverId: 0, clock });
  const b = await startServer(t, { serverId: 1, clock }, [[0, a.address]]);
  b.refuses = () => 'one reason';
  a.transport.setPeers(new Map([[1, b.address]]));
  await until(() => a.warnings.length === 1);
  b.refuses = () => 'another reason';
  clock.advance(2_000);
  await until(() => a.warnings.length === 2);
  assert.match(a.warnings[1] ?? '', /another reason$/);
});

test('the caller refuses, too', options, async (t) => {
  const clock = new ManualClock();
  const a = await startServer(t, { serverId: 0, clock });
  a.refuses = () => 'not that one';
  const b = await startServer(t, { serverId: 1, clock }, [[0, a.address]]);
  a.transport.setPeers(new Map([[1, b.address]]));
  await until(() => a.warnings.some((text) => text.includes('servers do not talk')));
  assert.equal(a.transport.connected(1), false);
  assert.deepEqual(a.connections, []);
});

test('a server under the address of another one is found out', options, async (t) => {
  const clock = new ManualClock();
  const a = await startServer(t, { serverId: 0, clock });
  const c = await startServer(t, { serverId: 2, clock }, [[0, a.address]]);
  a.transport.setPeers(new Map([[1, c.address]]));
  const told =
    /it refuses this server: server 0 called this one as server 1, but it is server 2: check Hostname/;
  await until(() => a.warnings.some((text) => told.test(text)));
});

test('who answers under the address of another one is not talked with', options, async (t) => {
  const clock = new ManualClock();
  const impostor = await listenRaw(t, (guest) => guest.socket.write(encodeWelcome(identityOf(2))));
  const a = await startServer(t, { serverId: 0, clock }, [[1, impostor.address]]);
  await until(() => a.warnings.length === 1);
  assert.match(a.warnings[0] ?? '', /server 2 answered where server 1 was called/);
  assert.deepEqual(a.connections, []);
});

test('a server that is not in the configuration is refused', options, async (t) => {
  const a = await startServer(t, { serverId: 0, clock: new ManualClock() });
  const stranger = await RawPeer.greet(t, a, identityOf(5));
  assert.match(answerTo(stranger), /server 5 is not in the configuration of server 0/);
  await until(() => stranger.closed);
  assert.equal(a.warnings.length, 1);
});

test('another version of the protocol is refused in words', options, async (t) => {
  const clock = new ManualClock();
  const a = await startServer(t, { serverId: 0, clock });
  const peer = await RawPeer.dial(t, a.address);
  peer.socket.write(packFrame([MAGIC, 2, 'control', 'whatever comes then']));
  await until(() => peer.closed);
  assert.match(answerTo(peer), /speaks version 2 .* this one version 1: run the same version/);

  const newer = await listenRaw(t, (guest) => guest.socket.write(packFrame([MAGIC, 2, 'hi'])));
  const b = await startServer(t, { serverId: 1, clock }, [[0, newer.address]]);
  await until(() => b.warnings.length === 1);
  assert.match(b.warnings[0] ?? '', /speaks version 2/);
});

test('a message that carries another name than its connection ends it', options, async (t) => {
  const clock = new ManualClock();
  const [a, b] = (await startServers(t, clock, 2)) as [TestServer, TestServer];
  for (const forged of [heartbeat(7, a.member), heartbeat(b.member, 7), append(7, a.member, 1)]) {
    const peer = await RawPeer.greet(t, a, b.identity(), 'bulk');
    peer.socket.write(Buffer.concat([frameOf(forged), frameOf(heartbeat(b.member, a.member))]));
    await until(() => peer.closed);
  }
  assert.deepEqual(a.received, []);
  assert.equal(a.transport.counters.protocolErrors, 3);
});

test('a newer connection of the same server and channel replaces the older one', options, async (t) => {
  const clock = new ManualClock();
  const a = await startServer(t, { serverId: 0, clock });
  const nobody = await listenRaw(t, () => undefined);
  a.transport.setPeers(new Map([[1, nobody.address]]));
  const first = await RawPeer.greet(t, a, identityOf(1));
  const bulk = await RawPeer.greet(t, a, identityOf(1), 'bulk');
  const second = await RawPeer.greet(t, a, identityOf(1));
  await until(() => first.closed);
  const { member } = identityOf(1);
  second.socket.write(frameOf(heartbeat(member, a.member, 2)));
  await until(() => a.received.length === 1);
  bulk.socket.write(frameOf(append(member, a.member, 1)));
  await until(() => a.received.length === 2);
  assert.equal(answerTo(second), 'welcome');
  assert.deepEqual(orderOf(a, 1, 'Heartbeat'), [2]);
});

test('a server that is removed is hung up on', options, async (t) => {
  const clock = new ManualClock();
  const [a, b] = (await startServers(t, clock, 2)) as [TestServer, TestServer];
  const peer = await RawPeer.greet(t, a, b.identity());
  a.transport.setPeers(new Map());
  await until(() => peer.closed);
});

test('nobody is let in before the transport is started', options, async (t) => {
  const clock = new ManualClock();
  const a = new TestServer({ serverId: 0, clock });
  t.after(() => a.close());
  assert.equal(await a.listen(), null);
  const early = await RawPeer.dial(t, a.address);
  early.socket.write(encodeHello({ kind: 'control', identity: identityOf(1), expectServer: 0 }));
  await until(() => early.closed);
  assert.deepEqual(early.payloads, []);

  a.transport.start(a);
  const nobody = await listenRaw(t, () => undefined);
  a.transport.setPeers(new Map([[1, nobody.address]]));
  assert.equal(answerTo(await RawPeer.greet(t, a, identityOf(1))), 'welcome');
});

test('a server that never answers a hello is called again', options, async (t) => {
  const clock = new ManualClock();
  const hellos: number[] = [];
  const mute = await listenRaw(t, (guest) =>
    guest.socket.once('data', (chunk: Buffer) => hellos.push(chunk.length)),
  );
  const a = await startServer(t, { serverId: 0, clock }, [[1, mute.address]]);
  await until(() => hellos.length === 2);
  assert.ok(hellos.every((bytes) => bytes > FRAME_HEADER_BYTES));
  clock.advance(6_000);
  await until(() => mute.guests.every(({ closed }) => closed));
  await until(() => a.log.some(({ level, text }) => level === 'info' && text.includes('it does not answer')));
  clock.advance(2_000);
  await until(() => hellos.length === 4);
  assert.equal(standing(a), 0);
});
