import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { silentLogger } from '../base/logger.ts';
import { createPrng } from '../base/prng.ts';
import { NO_MEMBER } from '../raft/types.ts';
import { encodeWelcome } from './handshake.ts';
import { netLimits } from './net-limits.ts';
import { ReasonLog } from './reason-log.ts';
import { newCounters } from './tcp-context.ts';
import { OutgoingLink } from './tcp-outgoing-link.ts';
import { dial, type Address } from './tcp-sockets.ts';
import { identityOf, listenRaw, ManualClock, until } from './transport.test-support.ts';

const options = { timeout: 20_000 };

/** A link to server 1 whose calls are made, or only seem to be, by the given function. */
function makeLink(t: TestContext, address: Address, call: (address: Address) => Socket) {
  const clock = new ManualClock();
  const sockets: Socket[] = [];
  const closed = new Set<Socket>();
  const told: string[] = [];
  const context = {
    clock,
    prng: createPrng(1),
    logger: silentLogger,
    reasons: new ReasonLog(clock),
    counters: newCounters(),
    handler: {
      identity: () => identityOf(0),
      admit: () => null,
      onMessage: () => undefined,
      onConnected: () => undefined,
      onDisconnected: () => undefined,
    },
    dial: (to: Address) => {
      const socket = call(to);
      socket.once('close', () => closed.add(socket));
      sockets.push(socket);
      return socket;
    },
    knows: () => true,
  };
  const link = new OutgoingLink(
    context,
    { serverId: 1, channel: 'control', address },
    {
      onStanding: () => told.push('standing'),
      onLost: () => told.push('lost'),
      onRefusedByMachine: () => told.push('refused'),
    },
  );
  t.after(() => link.close());
  return { clock, link, sockets, closed, told };
}

const nowhere: Address = { host: '127.0.0.1', port: 1 };
/** What a call looks like that no machine answers. */
const silence = (): Socket => new Socket();

test('a call that no machine answers is given up and made again', options, async (t) => {
  const { clock, link, sockets, closed } = makeLink(t, nowhere, silence);
  for (let i = 0; i < netLimits.connectTicksMax; i++) link.tick();
  assert.equal(sockets[0]?.destroyed, false);
  link.tick();
  await until(() => closed.size === 1);
  assert.equal(sockets.length, 1);
  clock.advance(netLimits.reconnectMsMin);
  assert.equal(sockets.length, 2);
});

test(
  'once the peer is known to be up, an old unanswered call is replaced, a fresh one is not',
  options,
  async (t) => {
    const { clock, link, sockets, closed } = makeLink(t, nowhere, silence);
    link.hurry();
    assert.equal(sockets.length, 1);
    link.tick();
    link.hurry();
    assert.equal(sockets.length, 2);
    await until(() => closed.size === 1);
    clock.advance(10_000);
    assert.equal(sockets.length, 2, 'the end of the replaced call calls nobody');
  },
);

test(
  'a connection that stood is made again at once, one that broke soon after a pause',
  options,
  async (t) => {
    const server = await listenRaw(t, (guest) => guest.socket.write(encodeWelcome(identityOf(1))));
    const { clock, link, sockets, told } = makeLink(t, server.address, dial);
    await until(() => told.length === 1);
    clock.advance(netLimits.stoodMsMin);
    server.guests[0]?.socket.destroy();
    await until(() => told.length === 2);
    assert.equal(link.member, NO_MEMBER);
    clock.advance(0);
    assert.equal(sockets.length, 2);

    await until(() => told.length === 3);
    server.guests[1]?.socket.destroy();
    await until(() => told.length === 4);
    clock.advance(0);
    assert.equal(sockets.length, 2);
    clock.advance(netLimits.reconnectMsMin);
    assert.equal(sockets.length, 3);
    assert.deepEqual(told, ['standing', 'lost', 'standing', 'lost']);
  },
);

test('a link that is closed tells nothing and calls nobody', options, async (t) => {
  const server = await listenRaw(t, (guest) => guest.socket.write(encodeWelcome(identityOf(1))));
  const { clock, link, sockets, closed, told } = makeLink(t, server.address, dial);
  await until(() => told.length === 1);
  link.close();
  await until(() => closed.size === 1);
  clock.advance(10_000);
  link.hurry();
  assert.deepEqual([told, sockets.length], [['standing'], 1]);
});
