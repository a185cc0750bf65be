import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KvraftError, type ErrorCode } from '../base/errors.ts';
import { askAdmin } from './admin-client.ts';
import { packFrame } from '../base/frame.ts';
import { encodeHello, encodeRefusal, encodeWelcome, MAGIC } from './handshake.ts';
import { netLimits } from './net-limits.ts';
import type { OnAdmin } from './tcp-incoming.ts';
import {
  identityOf,
  listenRaw,
  ManualClock,
  RawPeer,
  startServer,
  until,
  type RawPeer as Guest,
  type TestServer,
} from './transport.test-support.ts';

const options = { timeout: 20_000 };
const timeoutMs = 15_000;

const ask = (server: { address: { host: string; port: number } }, request: unknown): Promise<unknown> =>
  askAdmin({ ...server.address, timeoutMs }, request);

const failsWith = (
  promise: Promise<unknown>,
  code: ErrorCode,
  outcome: string,
  message: RegExp,
): Promise<void> =>
  assert.rejects(promise, (error) => {
    assert.ok(error instanceof KvraftError);
    assert.deepEqual([error.code, error.outcome], [code, outcome]);
    assert.match(error.message, message);
    return true;
  });

/** Waits until the guest has sent so many frames. */
const frames = (guest: Guest, count: number): Promise<void> => until(() => guest.payloads.length === count);

test('a request is answered, at once or later, by any plain value', options, async (t) => {
  const clock = new ManualClock();
  const onAdmin: OnAdmin = (request, respond) => {
    if (request === 'later') setImmediate(() => respond(['later', 1, null]));
    else respond({ you: request, bytes: Buffer.of(1), none: undefined });
  };
  const server = await startServer(t, { serverId: 0, clock, onAdmin });
  assert.deepEqual(await ask(server, { a: [1, 'x'] }), {
    you: { a: [1, 'x'] },
    bytes: Buffer.of(1),
    none: null,
  });
  assert.deepEqual(await ask(server, 'later'), ['later', 1, null]);
  const large = 'x'.repeat(900_000);
  assert.deepEqual(await ask(server, large), { you: large, bytes: Buffer.of(1), none: null });
  assert.equal(server.transport.counters.strangers, 0);
});

test('only the first answer counts', options, async (t) => {
  const onAdmin: OnAdmin = (_request, respond) => {
    respond(1);
    respond(2);
  };
  const server = await startServer(t, { serverId: 0, clock: new ManualClock(), onAdmin });
  assert.equal(await ask(server, null), 1);
});

test('a server that takes no requests says so', options, async (t) => {
  const server = await startServer(t, { serverId: 0, clock: new ManualClock() });
  await failsWith(
    ask(server, 1),
    'UNREACHABLE',
    'not-applied',
    /it refuses: this server takes no requests here/,
  );
});

test('where nobody listens, the error names the address', options, async (t) => {
  const server = await startServer(t, { serverId: 0, clock: new ManualClock() });
  const { address } = server;
  await server.close();
  await failsWith(ask({ address }, 1), 'UNREACHABLE', 'not-applied', /127\.0\.0\.1:\d+: .*ECONNREFUSED/);
});

test('a server that does not answer in time may have done what was asked', options, async (t) => {
  const mute = await listenRaw(t, () => undefined);
  const slow = await startServer(t, { serverId: 0, clock: new ManualClock(), onAdmin: () => undefined });
  const within = (address: TestServer['address'], timeoutMs: number): Promise<unknown> =>
    askAdmin({ ...address, timeoutMs }, 1);
  await failsWith(within(mute.address, 50), 'TIMEOUT', 'not-applied', /no answer in time/);
  await failsWith(within(slow.address, 500), 'TIMEOUT', 'unknown', /no answer in time/);
});

test('a server that hangs up after the request may have done what was asked', options, async (t) => {
  const server = await listenRaw(t, (guest) => {
    guest.socket.write(encodeWelcome(identityOf(0)));
    void frames(guest, 2).then(() => guest.socket.destroy());
  });
  await failsWith(ask(server, 1), 'UNREACHABLE', 'unknown', /without an answer/);
});

test('what is no kvraft, or another version of it, is told apart', options, async (t) => {
  const cases: [Buffer, ErrorCode, RegExp][] = [
    [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), 'PROTOCOL', /a frame of \d+ bytes/],
    [packFrame(['no']), 'PROTOCOL', /no kvraft speaks here/],
    [packFrame([MAGIC, 9, 'welcome']), 'PROTOCOL', /version 9/],
    [encodeRefusal('busy'), 'UNREACHABLE', /it refuses: busy/],
  ];
  for (const [bytes, code, message] of cases) {
    const server = await listenRaw(t, (guest) => guest.socket.write(bytes));
    await failsWith(ask(server, 1), code, 'not-applied', message);
  }
  const liar = await listenRaw(t, (guest) => {
    guest.socket.write(encodeWelcome(identityOf(0)));
    void frames(guest, 2).then(() =>
      guest.socket.write(Buffer.concat([packFrame(1).subarray(0, 8), Buffer.of(2)])),
    );
  });
  await failsWith(ask(liar, 1), 'PROTOCOL', 'unknown', /wrong checksum/);
});

test('a request that is too large is not sent', options, async () => {
  const request = Buffer.alloc(netLimits.adminRequestBytesMax);
  const address = { host: '127.0.0.1', port: 1 };
  await failsWith(ask({ address }, request), 'INVALID_ARGUMENT', 'not-applied', /too large/);
});

test('an answer that is too large ends the connection', options, async (t) => {
  const onAdmin: OnAdmin = (_request, respond) => respond(Buffer.alloc(netLimits.adminResponseBytesMax));
  const server = await startServer(t, { serverId: 0, clock: new ManualClock(), onAdmin });
  await failsWith(ask(server, 1), 'UNREACHABLE', 'unknown', /without an answer/);
  assert.ok(server.log.some(({ level }) => level === 'error'));
});

test('a client that is gone is not answered', options, async (t) => {
  const responds: ((value: unknown) => void)[] = [];
  const onAdmin: OnAdmin = (_request, respond) => responds.push(respond);
  const server = await startServer(t, { serverId: 0, clock: new ManualClock(), onAdmin });
  const client = await RawPeer.dial(t, server.address);
  client.socket.write(Buffer.concat([encodeHello({ kind: 'admin' }), packFrame(1)]));
  await until(() => responds.length === 1);
  client.socket.destroy();
  await until(() =>
    server.log.some(({ text }) => text.startsWith('closed the connection of the command line')),
  );
  responds[0]?.('too late');
  const second = ask(server, 2);
  await until(() => responds.length === 2);
  responds[1]?.('in time');
  assert.equal(await second, 'in time');
});

test('a client may not ask twice, nor nothing', options, async (t) => {
  const clock = new ManualClock();
  const asked: unknown[] = [];
  const onAdmin: OnAdmin = (request) => asked.push(request);
  const server = await startServer(t, { serverId: 0, clock, onAdmin });
  const twice = await RawPeer.dial(t, server.address);
  twice.socket.write(Buffer.concat([encodeHello({ kind: 'admin' }), packFrame(1), packFrame(2)]));
  await until(() => twice.closed);
  assert.deepEqual(asked, [1]);

  const silent = await RawPeer.dial(t, server.address);
  silent.socket.write(encodeHello({ kind: 'admin' }));
  await frames(silent, 1);
  clock.advance((netLimits.handshakeTicksMax + 1) * netLimits.tickMs);
  await until(() => silent.closed);
});

test('more clients than allowed are turned away, until one is done', options, async (t) => {
  const responds: ((value: unknown) => void)[] = [];
  const onAdmin: OnAdmin = (_request, respond) => responds.push(respond);
  const server = await startServer(t, { serverId: 0, clock: new ManualClock(), onAdmin });
  const asked = Array.from({ length: netLimits.adminConnectionsMax }, (_, i) => ask(server, i));
  await until(() => responds.length === asked.length);
  await failsWith(ask(server, 1), 'UNREACHABLE', 'not-applied', /too many requests at once/);
  for (const respond of responds) respond('done');
  assert.deepEqual(new Set(await Promise.all(asked)), new Set(['done']));
  const next = ask(server, 1);
  await until(() => responds.length === asked.length + 1);
  responds.at(-1)?.('also');
  assert.equal(await next, 'also');
});
