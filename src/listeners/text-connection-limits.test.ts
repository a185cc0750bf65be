import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeServer, requestTimeoutMs, TestClient } from './test-text.ts';

const setOf = (key: string, bytes: number): string => `set ${key} 0 ${bytes}\r\n${'v'.repeat(bytes)}\r\n`;

test('a connection with too much in flight is not read until it is answered', () => {
  const server = makeServer({ inFlightBytesMax: 1_000 });
  const client = new TestClient(server);
  client.send(setOf('a', 700));
  assert.equal(client.stream.paused, false);
  client.send(setOf('b', 700));
  assert.equal(client.stream.paused, true);
  server.service.finishWrite();
  assert.equal(client.stream.paused, false);
  server.service.finishAll();
  assert.equal(client.stream.take(), 'OK 1\r\nOK 2\r\n');
});

test('many tiny requests count as what they take in memory', () => {
  const server = makeServer({ inFlightBytesMax: 10_000 });
  const client = new TestClient(server);
  client.send('get a\n'.repeat(100));
  assert.equal(client.stream.paused, true);
});

test('a client that does not read its replies is neither read nor served until it does', () => {
  const server = makeServer({ unsentBytesMax: 1_000 });
  const { service } = server;
  const client = new TestClient(server);
  client.send(setOf('k', 600));
  service.finishAll();
  client.stream.take();
  client.stream.stalled = true;
  client.send('get k\r\n'.repeat(5), 'set l 0 1\r\nx\r\n');
  service.finishRead();
  assert.equal(
    client.stream.unsentBytes,
    2 * 'VALUE 600\r\n\r\n'.length + 2 * 600,
    'as many as fit, and one',
  );
  assert.equal(client.stream.paused, true);
  assert.equal(service.reads.length + service.writes.length, 0, 'nothing more is executed');
  client.stream.drain(client.connection);
  assert.equal(client.stream.paused, false);
  assert.equal(service.reads.length, 1, 'the rest is read at a barrier of its own');
  client.stream.stalled = false;
  service.finishAll();
  const replies = client.stream.take();
  assert.equal(replies, `VALUE 600\r\n${'v'.repeat(600)}\r\n`.repeat(5) + 'OK 2\r\n');
});

test('when replies leave at once, many large ones go on without waiting for the network', () => {
  const server = makeServer({ unsentBytesMax: 1_000 });
  const client = new TestClient(server);
  client.send(setOf('k', 600));
  server.service.finishAll();
  client.stream.take();
  client.send('get k\r\n'.repeat(10));
  server.service.finishAll();
  assert.equal(client.stream.take(), `VALUE 600\r\n${'v'.repeat(600)}\r\n`.repeat(10));
});

test('the timeout of a request does not count while its client does not read', () => {
  const server = makeServer({ unsentBytesMax: 10 });
  const { service, clock } = server;
  const client = new TestClient(server);
  client.stream.stalled = true;
  client.send('get a\r\n', 'get b\r\n');
  service.finishRead();
  clock.advance(requestTimeoutMs * 2);
  client.stream.drain(client.connection);
  assert.equal(service.reads[0]?.deadlineMs, requestTimeoutMs * 3);
});

test('errors alone wait for the client to read, too', () => {
  const server = makeServer({ unsentBytesMax: 100 });
  const client = new TestClient(server);
  client.stream.stalled = true;
  for (let i = 0; i < 50; i++) if (!client.stream.paused) client.send('bad\r\nbad\r\n');
  assert.ok(client.stream.paused);
  assert.ok(client.stream.unsentBytes < 200, String(client.stream.unsentBytes));
});

test('past what all connections may hold, nobody is read until enough is answered', () => {
  const server = makeServer({}, 2_000);
  const { service, admission } = server;
  const [one, other, idle] = [new TestClient(server), new TestClient(server), new TestClient(server)];
  one.send(setOf('a', 1_500));
  assert.equal(admission.underPressure, false);
  other.send('get a\r\n'.repeat(10));
  assert.equal(admission.underPressure, true);
  assert.ok(one.stream.paused && other.stream.paused && idle.stream.paused);
  service.finishWrite();
  assert.equal(admission.underPressure, false);
  assert.ok(!one.stream.paused && !other.stream.paused && !idle.stream.paused);
  service.finishAll();
  assert.equal(admission.inFlightBytes, 0);
});

test('a value that was announced counts in whole, and can be finished under pressure', () => {
  const server = makeServer({}, 2_000);
  const [one, other] = [new TestClient(server), new TestClient(server)];
  one.send('set a 0 1900\r\nab');
  other.send('set b 0 500\r\ncd');
  assert.equal(server.admission.inFlightBytes, 2_400);
  assert.ok(!one.stream.paused && !other.stream.paused, 'both are in the middle of a value');
  const idle = new TestClient(server);
  idle.send('get a\r\n');
  assert.equal(idle.stream.paused, true);
  one.send(`${'v'.repeat(1_898)}\r\n`);
  assert.equal(one.stream.paused, true, 'nothing new');
  server.service.writes[0]?.done({ ok: true, results: [{ status: 'ok', version: 1 }], stampMs: 0 });
  assert.equal(server.admission.underPressure, false);
  assert.ok(!one.stream.paused && !other.stream.paused && !idle.stream.paused);
});

test('under lasting pressure, connections that only wait for their client are dropped', () => {
  const server = makeServer({}, 2_000);
  const { clock, service, admission } = server;
  const [sleeper, deaf, busy] = [new TestClient(server), new TestClient(server), new TestClient(server)];
  deaf.stream.stalled = true;
  deaf.send('bad\r\n');
  sleeper.send('set a 0 1900\r\nab');
  busy.send('get k\r\n');
  assert.equal(admission.underPressure, true);
  clock.advance(9_000);
  assert.ok(!sleeper.stream.destroyed && !deaf.stream.destroyed);
  clock.advance(1_000);
  assert.ok(sleeper.stream.destroyed && deaf.stream.destroyed);
  assert.equal(busy.stream.destroyed, false, 'it waits for the server, not the server for it');
  sleeper.vanish();
  deaf.vanish();
  assert.equal(admission.underPressure, false);
  assert.equal(busy.stream.paused, false);
  service.finishAll();
  assert.equal(admission.inFlightBytes, 0);
  clock.advance(100_000);
  assert.equal(busy.stream.destroyed, false);
});

test('clients that do not read hold no more together than the limit, and others wait until they are dropped', () => {
  const server = makeServer({}, 2_000);
  const { clock, service, admission } = server;
  const writer = new TestClient(server);
  writer.send(setOf('k', 600));
  service.finishAll();
  const deaf = Array.from({ length: 10 }, () => new TestClient(server));
  // All are asked before any is answered: none of them could be left unread.
  for (const client of deaf) {
    client.stream.stalled = true;
    client.send('get k\r\n');
  }
  service.finishAll();
  const heldBytes = deaf.reduce((sum, { stream }) => sum + stream.unsentBytes, 0);
  assert.ok(heldBytes > 2_000 && heldBytes <= 2_700, `${heldBytes} bytes are held: the limit, and one reply`);
  assert.equal(admission.hasRoom, false);
  const late = new TestClient(server);
  late.send('get k\r\n');
  service.finishAll();
  assert.equal(late.stream.take(), '');

  const slow = new TestClient(server);
  slow.send('set slow 0 5\r\na');
  clock.advance(2_900);
  assert.ok(deaf.every(({ stream }) => !stream.destroyed));
  clock.advance(1_000);
  assert.equal(slow.stream.destroyed, false, 'it is not the one that leaves no room');
  const dropped = deaf.filter(({ stream }) => stream.destroyed);
  assert.equal(dropped.length, 4, 'those that hold replies, and nobody else');
  for (const client of dropped) client.vanish();
  for (const client of deaf) client.stream.stalled = false;
  clock.advance(0);
  service.finishAll();
  const whole = `VALUE 600\r\n${'v'.repeat(600)}\r\n`;
  for (const client of [late, ...deaf.filter((one) => !dropped.includes(one))]) {
    assert.equal(client.stream.take(), whole);
  }
  slow.vanish();
  assert.equal(admission.inFlightBytes, 0);
  assert.ok(admission.hasRoom);
});

test('who came later than the pressure is dropped when he has waited as long, not at the next round', () => {
  const server = makeServer({}, 2_000);
  const { clock } = server;
  const [early, late] = [new TestClient(server), new TestClient(server)];
  early.send('set a 0 1900\r\nab');
  late.send('set b 0 1900\r\nab');
  clock.advance(1_500);
  late.send('cd', `${'v'.repeat(1_896)}\r\nset b 0 1900\r\nab`);
  for (let i = 0; i < 9; i++) clock.advance(1_000);
  assert.ok(early.stream.destroyed);
  assert.equal(late.stream.destroyed, false);
  early.vanish();
  clock.advance(1_000);
  assert.equal(late.stream.destroyed, true);
});

test('without pressure a slow client may take its time', () => {
  const server = makeServer();
  const client = new TestClient(server);
  client.send('set k 0 3\r\na');
  server.clock.advance(1_000_000);
  client.send('bc\r\n');
  server.service.finishAll();
  assert.equal(client.stream.take(), 'OK 1\r\n');
});

test('a refused value is not counted', () => {
  const server = makeServer();
  const client = new TestClient(server);
  client.send(`set k 0 2000000\r\n${'v'.repeat(1_000)}`);
  assert.equal(client.stream.take(), 'ERR_CMD_ERR\r\n');
  assert.equal(server.admission.inFlightBytes, 0);
});
