import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { memberId, serverOf, type AppendEntries, type Entry } from '../raft/types.ts';
import { channelOf } from './channel.ts';
import { anyMessage } from './peer-messages.test-support.ts';
import {
  append,
  heartbeat,
  identityOf,
  listenRaw,
  ManualClock,
  orderOf,
  standing,
  startServer,
  startServers,
  TestServer,
  until,
} from './transport.test-support.ts';
import type { PeerMessage } from './transport.ts';

const options = { timeout: 20_000 };
const MIB = 1024 * 1024;

/** Two servers that have reached one another. */
async function startPair(t: TestContext, clock = new ManualClock()): Promise<[TestServer, TestServer]> {
  const [a, b] = await startServers(t, clock, 2);
  assert.ok(a !== undefined && b !== undefined);
  return [a, b];
}

test('every kind of message arrives unaltered, in order on each channel', options, async (t) => {
  const [a, b] = await startPair(t);
  const messages = fc.sample(anyMessage, { seed: 5, numRuns: 300 }).map((message): PeerMessage => {
    return 'from' in message ? { ...message, from: a.member, to: b.member } : message;
  });
  a.send(b.member, ...messages);
  await until(() => b.received.length === messages.length);
  for (const channel of ['control', 'bulk'] as const) {
    assert.deepEqual(
      b.received.map(({ message }) => message).filter((message) => channelOf(message) === channel),
      messages.filter((message) => channelOf(message) === channel),
    );
  }
  assert.ok(b.received.every(({ from }) => from === a.member));
  assert.equal(a.transport.counters.messagesSent, messages.length);
  assert.equal(b.transport.counters.messagesReceived, messages.length);
});

test('all servers reach one another', options, async (t) => {
  const servers = await startServers(t, new ManualClock(), 3);
  for (const from of servers) {
    for (const to of servers) {
      if (from === to) continue;
      assert.equal(from.transport.connected(to.serverId), true);
      from.send(to.member, heartbeat(from.member, to.member));
    }
  }
  await until(() => servers.every((server) => server.received.length === 2));
  for (const server of servers) {
    const others = servers.filter((other) => other !== server).map((other) => other.member);
    assert.deepEqual(new Set(server.connections), new Set(others));
    assert.deepEqual(new Set(server.received.map(({ from }) => from)), new Set(others));
  }
});

test('a heartbeat does not wait behind the bytes of a log', options, async (t) => {
  const [a, b] = await startPair(t);
  for (let index = 1; index <= 3; index++)
    a.send(b.member, append(a.member, b.member, index, Buffer.alloc(16 * MIB)));
  a.send(b.member, heartbeat(a.member, b.member));
  await until(() => b.received.length === 4);
  assert.notEqual(b.received[3]?.message.type, 'Heartbeat');
  assert.deepEqual(orderOf(b, 0, 'AppendEntries'), [1, 2, 3]);
});

test(
  'a peer that ends is reported, then that nobody listens there; when it is back, messages flow',
  options,
  async (t) => {
    const clock = new ManualClock();
    const [a, b] = await startPair(t, clock);
    const { port } = b.address;
    await b.close();
    await until(() => a.disconnections.length === 1);
    assert.deepEqual(a.disconnections, [[1, false]]);
    assert.equal(a.transport.connected(1), false);
    a.send(b.member, heartbeat(a.member, b.member));
    assert.equal(a.transport.counters.messagesDroppedUnconnected, 1);

    clock.advance(50);
    await until(() => a.disconnections.length === 2);
    assert.deepEqual(a.disconnections[1], [1, true]);
    const refusals = (): number => a.log.filter(({ text }) => text.includes('ECONNREFUSED')).length;
    for (let attempt = 1; attempt <= 5; attempt++) {
      const before = refusals();
      clock.advance(2_000);
      await until(() => refusals() >= before + 2);
    }
    assert.equal(a.disconnections.length, 2, 'told once');
    const told = a.log.filter(({ level, text }) => level === 'info' && text.includes('ECONNREFUSED'));
    assert.equal(told.length, 1, 'logged once');

    const again = await startServer(t, { serverId: 1, clock, port }, [[0, a.address]]);
    clock.advance(2_000);
    await until(() => a.connections.length === 2);
    a.send(again.member, heartbeat(a.member, again.member, 7));
    await until(() => again.received.length === 1);
    assert.deepEqual(orderOf(again, 0, 'Heartbeat'), [7]);
  },
);

test('nothing of a turn is held once its messages are sent', options, async (t) => {
  const [a, b] = await startPair(t);
  const sendWatched = (): WeakRef<Entry> => {
    const message = append(a.member, b.member, 1) as AppendEntries;
    a.send(b.member, message);
    return new WeakRef(message.entries[0]!);
  };
  const entry = sendWatched();
  await until(() => b.received.length === 1);
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  await until(() => {
    collect();
    return entry.deref() === undefined;
  });
});

test('a peer that calls is called back at once', options, async (t) => {
  const clock = new ManualClock();
  const [a, b] = await startPair(t, clock);
  const { port } = b.address;
  await b.close();
  await until(() => a.disconnections.length === 1);
  clock.advance(50);
  await until(() => a.disconnections.length === 2);
  // From here on no time passes, so no retry of server 0 is due: only the call of server 1 can be why it calls.
  await startServer(t, { serverId: 1, clock, port }, [[0, a.address]]);
  await until(() => a.connections.length === 2 && a.transport.connected(1));
});

test(
  'messages for a former member are dropped, those of its successor carry the new name',
  options,
  async (t) => {
    const clock = new ManualClock();
    const [a, b] = await startPair(t, clock);
    const { port } = b.address;
    await b.close();
    const rebuilt = await startServer(t, { serverId: 1, clock, port, identity: identityOf(1, 1) }, [
      [0, a.address],
    ]);
    await until(() => a.connections.length === 2 && standing(rebuilt) === 2);
    assert.equal(a.connections[1], memberId(1, 1));
    assert.equal(serverOf(rebuilt.member), 1);

    a.send(b.member, heartbeat(a.member, b.member, 1));
    a.send(rebuilt.member, heartbeat(a.member, rebuilt.member, 2));
    rebuilt.send(a.member, heartbeat(rebuilt.member, a.member, 3));
    await until(() => rebuilt.received.length > 0 && a.received.length > 0);
    assert.deepEqual(orderOf(rebuilt, 0, 'Heartbeat'), [2]);
    assert.deepEqual(a.received, [{ from: rebuilt.member, message: heartbeat(rebuilt.member, a.member, 3) }]);
    assert.equal(a.transport.counters.messagesDroppedUnconnected, 1);
  },
);

test('peers may be removed, added and given another address while running', options, async (t) => {
  const clock = new ManualClock();
  const [a, b] = await startPair(t, clock);
  const c = await startServer(t, { serverId: 2, clock }, [[0, a.address]]);

  a.transport.setPeers(new Map([[2, c.address]]));
  assert.equal(a.transport.connected(1), false);
  await until(() => a.connections.length === 2);
  assert.deepEqual(a.connections, [b.member, c.member]);
  await until(() => b.disconnections.length === 1);
  assert.deepEqual(a.disconnections, [], 'what the configuration does is no news to it');
  a.send(b.member, heartbeat(a.member, b.member));
  assert.equal(a.transport.counters.messagesDroppedUnconnected, 1);

  const moved = await startServer(t, { serverId: 2, clock }, [[0, a.address]]);
  await c.close();
  a.transport.setPeers(new Map([[2, moved.address]]));
  await until(() => a.connections.length === 3);
  a.send(moved.member, heartbeat(a.member, moved.member, 9));
  await until(() => orderOf(moved, 0, 'Heartbeat').includes(9));
});

test('a port that is taken is told before anything is started', options, async (t) => {
  const clock = new ManualClock();
  const a = await startServer(t, { serverId: 0, clock });
  const b = new TestServer({ serverId: 1, clock, port: a.address.port });
  const error = await b.listen();
  assert.equal(error?.code, 'INVALID_CONFIG');
  assert.match(
    error.message,
    /cannot listen for other servers at 127\.0\.0\.1:\d+: .*EADDRINUSE.*: check LogPort/,
  );
  await b.close();
});

test('a transport that is closed calls nobody and is called by nobody', options, async (t) => {
  const clock = new ManualClock();
  const [a, b] = await startPair(t, clock);
  const { address } = a;
  b.send(a.member, heartbeat(b.member, a.member));
  await a.close();
  await until(() => b.disconnections.length === 1);
  clock.advance(10_000);
  a.send(b.member, heartbeat(a.member, b.member));
  assert.deepEqual([a.received, a.disconnections], [[], []]);
  assert.equal(a.transport.connected(1), false);
  const probe = await listenRaw(t, () => undefined);
  assert.notEqual(probe.address.port, address.port);
});
