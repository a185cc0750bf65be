import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { limits } from '../base/limits.ts';
import { silentLogger } from '../base/logger.ts';
import { textDialects } from '../wire/text-dialects.ts';
import { Admission } from './admission.ts';
import { FakeService, ManualClock } from './test-text.ts';
import type { Listener } from './listener.ts';
import { textListener } from './text-listener.ts';

interface Running {
  readonly listener: Listener;
  readonly service: FakeService;
  readonly clock: ManualClock;
  readonly admission: Admission;
}

/** The service answers by itself, a moment after it was asked, unless it is told to be silent. */
async function start(
  t: TestContext,
  options: { connectionsMax?: number; silent?: boolean } = {},
): Promise<Running> {
  const { connectionsMax = 100, silent = false } = options;
  const clock = new ManualClock();
  const service = new FakeService();
  if (!silent) {
    service.onWrite = () => process.nextTick(() => service.finishWrite());
    service.onRead = () => process.nextTick(() => service.finishRead());
  }
  const admission = new Admission({ clock, connectionsMax });
  const listener = textListener({
    service,
    clock,
    logger: silentLogger,
    admission,
    dialect: textDialects.kvraft,
    redirects: null,
    port: 0,
    host: '127.0.0.1',
    keyBytesMax: limits.keyBytesMax,
    valueBytesMax: limits.valueBytesMax,
    requestTimeoutMs: 30_000,
    rpc: null,
  });
  await listener.start();
  t.after(() => {
    listener.stop(() => undefined);
    clock.advance(100_000);
  });
  return { listener, service, clock, admission };
}

/** Resolves when the service is asked for a write. */
const askedToWrite = (service: FakeService): Promise<void> =>
  new Promise((resolve) => {
    service.onWrite = resolve;
  });

class Client {
  readonly socket: Socket;
  #received = '';

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (text) => (this.#received += String(text)));
    socket.on('error', () => undefined);
  }

  static async connect(port: number): Promise<Client> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    await once(socket, 'connect');
    return new Client(socket);
  }

  send(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** Waits for this text to have arrived, and nothing else. */
  async expect(text: string): Promise<void> {
    while (this.#received.length < text.length) await once(this.socket, 'data');
    assert.equal(this.#received, text);
    this.#received = '';
  }

  async closed(): Promise<void> {
    if (!this.socket.readableEnded) await once(this.socket, 'end');
  }
}

test('requests are answered over a socket, whole, pipelined and cut', async (t) => {
  const { listener } = await start(t);
  const client = await Client.connect(listener.port);
  client.send('set k 0 3\r\nabc\r\n');
  await client.expect('OK 1\r\n');
  client.send('get k\r\ngetm k\r\nset k 100 5\r\na\r\n\0\xff\r\ngetm k\r\n');
  await client.expect('VALUE 3\r\nabc\r\nVALUE 1 0 3\r\nabc\r\nOK 2\r\nVALUE 2 100 5\r\na\r\n\0\xff\r\n');
  client.send('delete');
  client.send(' k\r\n');
  await client.expect('DELETED\r\n');
});

test('large values go in and out', async (t) => {
  const { listener, admission } = await start(t);
  const client = await Client.connect(listener.port);
  const value = 'v'.repeat(limits.valueBytesMax);
  for (let i = 1; i <= 10; i++) client.send(`set k 0 ${value.length}\r\n${value}\r\n`);
  await client.expect(Array.from({ length: 10 }, (_, i) => `OK ${i + 1}\r\n`).join(''));
  client.send('get k\r\n'.repeat(10));
  await client.expect(`VALUE ${value.length}\r\n${value}\r\n`.repeat(10));
  assert.equal(admission.inFlightBytes, 0);
});

test('a client that does not read does not make the server hold its replies, and gets them when it reads', async (t) => {
  const { listener, service, admission } = await start(t);
  const value = Buffer.alloc(limits.valueBytesMax, 'v');
  service.records.set('k', { value, version: 1, flags: 0, expiresAtMs: 0 });
  const client = await Client.connect(listener.port);
  client.socket.pause();
  const requests = 40;
  client.send('get k\r\n'.repeat(requests));
  const other = await Client.connect(listener.port);
  const reply = `VALUE ${value.length}\r\n${value.toString()}\r\n`;
  for (let i = 0; i < 5; i++) {
    other.send('get k\r\n');
    await other.expect(reply);
    assert.ok(admission.inFlightBytes < 4 * value.length, 'others are served, and little is held');
  }
  client.socket.resume();
  await client.expect(reply.repeat(requests));
});

test('a client that half-closes gets its replies, then the end', async (t) => {
  const { listener } = await start(t);
  const client = await Client.connect(listener.port);
  client.socket.end('set k 0 1\r\nx\r\nget k\r\n');
  await client.expect('OK 1\r\nVALUE 1\r\nx\r\n');
  await client.closed();
});

test('a value of another length than announced gets its error, though more input comes, then the end', async (t) => {
  const { listener, service, clock } = await start(t);
  const client = await Client.connect(listener.port);
  client.send(`set k 0 3\r\n${'x'.repeat(1_000_000)}\r\nset k 0 1\r\nx\r\n`);
  await client.expect('ERR_CMD_ERR\r\n');
  await client.closed();
  assert.equal(service.records.size, 0);
  assert.equal(listener.connections, 1, 'the client has not closed its side');
  clock.advance(10_000);
  const other = await Client.connect(listener.port);
  assert.equal(listener.connections, 1, 'only the new one');
  other.socket.destroy();
});

test('a client too many is told so and closed, and there is room again when one leaves', async (t) => {
  const { listener, admission } = await start(t, { connectionsMax: 1 });
  const first = await Client.connect(listener.port);
  first.send('get k\r\n');
  await first.expect('ERR_NOT_FOUND\r\n');
  const second = await Client.connect(listener.port);
  await second.expect('ERR_INTERNAL\r\n');
  await second.closed();
  second.socket.end();
  first.socket.end();
  await first.closed();
  assert.equal(admission.connections, 0);
  const third = await Client.connect(listener.port);
  third.send('get k\r\n');
  await third.expect('ERR_NOT_FOUND\r\n');
});

test('a client that breaks off does no harm, and what it sent is executed', async (t) => {
  const { listener, service, admission } = await start(t, { silent: true });
  const client = await Client.connect(listener.port);
  const asked = askedToWrite(service);
  client.send('set k 0 1\r\nx\r\n');
  const other = await Client.connect(listener.port);
  await asked;
  client.socket.resetAndDestroy();
  other.send('bad\r\n');
  await other.expect('ERR_CMD_ERR\r\n');
  service.finishWrite();
  assert.ok(service.records.has('k'));
  assert.equal(admission.inFlightBytes, 0);
});

test('stop answers what was received, closes the connections and calls back', async (t) => {
  const { listener, service } = await start(t, { silent: true });
  const [busy, idle] = [await Client.connect(listener.port), await Client.connect(listener.port)];
  const asked = askedToWrite(service);
  busy.send('set k 0 1\r\nx\r\n');
  idle.send('bad\r\n');
  await idle.expect('ERR_CMD_ERR\r\n');
  await asked;
  const stopped = new Promise<void>((resolve) => listener.stop(resolve));
  await idle.closed();
  idle.socket.end();
  service.finishWrite();
  await busy.expect('OK 1\r\n');
  await busy.closed();
  busy.socket.end();
  await stopped;
  assert.equal(listener.connections, 0);
});

test('stop does not wait for ever for a client that stays', async (t) => {
  const { listener, clock } = await start(t, { silent: true });
  const client = await Client.connect(listener.port);
  client.send('bad\r\nget k\r\n');
  await client.expect('ERR_CMD_ERR\r\n');
  const stopped = new Promise<void>((resolve) => listener.stop(resolve));
  clock.advance(10_000);
  await stopped;
});

test('a port that is taken is an error that names it', async (t) => {
  const { listener, clock, service, admission } = await start(t);
  const { port } = listener;
  const second = textListener({
    service,
    clock,
    logger: silentLogger,
    admission,
    dialect: textDialects.kvraft,
    redirects: null,
    port,
    host: '127.0.0.1',
    keyBytesMax: limits.keyBytesMax,
    valueBytesMax: limits.valueBytesMax,
    requestTimeoutMs: 30_000,
    rpc: null,
  });
  await assert.rejects(second.start(), {
    code: 'INVALID_CONFIG',
    message: new RegExp(`${port}.*EADDRINUSE`),
  });
});
