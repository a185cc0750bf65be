import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeServer, requestTimeoutMs, TestClient } from './test-text.ts';
import { textDialects } from '../wire/text-dialects.ts';
import type { WriteOp } from './kv-service.ts';

const keysOf = (ops: readonly WriteOp[] | undefined): string[] | undefined =>
  ops?.map((op) => ('key' in op ? op.key : ''));

test('each request gets the reply of its result', () => {
  const server = makeServer();
  const { service } = server;
  const client = new TestClient(server);
  const exchange = (request: string): string => {
    client.send(request);
    service.finishAll();
    return client.stream.take();
  };
  assert.equal(exchange('get k\r\n'), 'ERR_NOT_FOUND\r\n');
  assert.equal(exchange('getm k\r\n'), 'ERR_NOT_FOUND\r\n');
  assert.equal(exchange('delete k\r\n'), 'ERR_NOT_FOUND\r\n');
  assert.equal(exchange('cas k 0 1 1\r\nx\r\n'), 'ERR_NOT_FOUND\r\n');
  assert.equal(exchange('set k 300 3\r\nabc\r\n'), 'OK 1\r\n');
  assert.equal(exchange('set k 300 3\r\na\r\n\r\n'), 'OK 2\r\n');
  assert.equal(exchange('get k\r\n'), 'VALUE 3\r\na\r\n\r\n');
  assert.equal(exchange('getm k\r\n'), 'VALUE 2 300 3\r\na\r\n\r\n');
  assert.equal(exchange('cas k 0 1 1\r\nx\r\n'), 'ERR_VERSION\r\n');
  assert.equal(exchange('cas k 0 2 1\r\nx\r\n'), 'OK 3\r\n');
  assert.equal(exchange('getm k\r\n'), 'VALUE 3 0 1\r\nx\r\n');
  assert.equal(exchange('delete k\r\n'), 'DELETED\r\n');
  assert.equal(exchange('nonsense\r\n'), 'ERR_CMD_ERR\r\n');
});

test('getm says the whole seconds that are left, rounded up, and never less than one', () => {
  const server = makeServer();
  const client = new TestClient(server);
  client.send('set k 2 1\r\nx\r\n');
  server.service.finishAll();
  client.stream.take();
  for (const [passedMs, left] of [
    [0, 2],
    [1, 2],
    [1_000, 1],
    [1_999, 1],
    [2_000, 1],
    [2_500, 1],
  ] as const) {
    server.service.stampMs = 1_000 + passedMs;
    client.send('getm k\r\n');
    server.service.finishAll();
    assert.equal(client.stream.take(), `VALUE 1 ${left} 1\r\nx\r\n`, `after ${passedMs} ms`);
  }
});

test('a create-only dialect says ERR_VERSION for a key that exists', () => {
  const server = makeServer({ dialect: { ...textDialects.kvraft, setWhen: 'absent' } });
  const client = new TestClient(server);
  client.send('set k 0 1\r\nx\r\nset k 0 1\r\ny\r\n');
  server.service.finishAll();
  assert.equal(client.stream.take(), 'OK 1\r\nERR_VERSION\r\n');
});

test('writes go out as one, then one barrier does for the reads behind them, and each answer leaves in one write', () => {
  const server = makeServer();
  const { service } = server;
  const client = new TestClient(server);
  client.send('set a 0 1\r\n1\r\nset b 0 1\r\n2\r\ndelete a\r\nget a\r\nget b\r\ngetm b\r\n');
  assert.deepEqual(keysOf(service.writes[0]?.ops), ['a', 'b', 'a']);
  assert.equal(service.reads.length, 0, 'the barrier comes after the writes');
  service.finishWrite();
  assert.equal(client.stream.writes, 1);
  assert.equal(client.stream.take(), 'OK 1\r\nOK 2\r\nDELETED\r\n');
  service.finishRead();
  assert.equal(client.stream.writes, 2);
  assert.equal(client.stream.take(), 'ERR_NOT_FOUND\r\nVALUE 1\r\n2\r\nVALUE 2 0 1\r\n2\r\n');
});

test('a write behind a read waits for it: the read does not see it', () => {
  const server = makeServer();
  const { service } = server;
  const client = new TestClient(server);
  client.send('get k\r\nset k 0 1\r\nx\r\nget k\r\n');
  assert.equal(service.writes.length, 0);
  service.finishRead();
  assert.equal(client.stream.take(), 'ERR_NOT_FOUND\r\n');
  service.finishWrite();
  service.finishRead();
  assert.equal(client.stream.take(), 'OK 1\r\nVALUE 1\r\nx\r\n');
});

test('what arrives while a group is under way waits, and is one group after it', () => {
  const server = makeServer();
  const { service } = server;
  const client = new TestClient(server);
  client.send('set a 0 1\r\n1\r\n', 'set b 0 1\r\n2\r\nset c', ' 0 1\r\n3\r\n', 'get c\r\n');
  assert.equal(service.writes.length, 1);
  service.finishWrite();
  assert.deepEqual(keysOf(service.writes[0]?.ops), ['b', 'c']);
  service.finishAll();
  assert.equal(client.stream.take(), 'OK 1\r\nOK 2\r\nOK 3\r\nVALUE 1\r\n3\r\n');
});

test('connections do not wait for each other', () => {
  const server = makeServer();
  const [one, other] = [new TestClient(server), new TestClient(server)];
  one.send('set a 0 1\r\n1\r\n');
  other.send('nonsense\r\nget a\r\n');
  server.service.finishRead();
  assert.equal(other.stream.take(), 'ERR_CMD_ERR\r\nERR_NOT_FOUND\r\n');
  assert.equal(one.stream.take(), '');
});

test('errors are answered in their turn', () => {
  const server = makeServer();
  const client = new TestClient(server);
  client.send('bad\r\nset a 0 1\r\n1\r\nbad\r\nget a\r\nbad\r\nset b 0 1\r\n2\r\nbad\r\n');
  assert.equal(client.stream.take(), '', 'the first one leaves with its group');
  server.service.finishAll();
  const expected = [
    'ERR_CMD_ERR',
    'OK 1',
    'ERR_CMD_ERR',
    'VALUE 1',
    '1',
    'ERR_CMD_ERR',
    'OK 2',
    'ERR_CMD_ERR',
    '',
  ];
  assert.equal(client.stream.take(), expected.join('\r\n'));
});

test('an error alone is answered at once', () => {
  const client = new TestClient(makeServer());
  client.send('bad\r\nworse\r\n');
  assert.equal(client.stream.take(), 'ERR_CMD_ERR\r\nERR_CMD_ERR\r\n');
  assert.equal(client.stream.writes, 1);
});

test('noreply: the work is done and nothing is sent, errors included', () => {
  const server = makeServer();
  const { service } = server;
  const client = new TestClient(server);
  client.send(
    'set k 0 1 noreply\r\nx\r\nset k x 1 noreply\r\ncas k 0 99 1 noreply\r\ny\r\nset l 0 1\r\nz\r\n',
  );
  service.finishWrite();
  assert.equal(client.stream.take(), 'OK 2\r\n', 'the reply of the last one');
  client.send('delete k noreply\r\n');
  service.failWrite();
  assert.equal(client.stream.writes, 1);
});

test('an outcome that is not known is ERR_INTERNAL for every request of the group', () => {
  const server = makeServer();
  const { service } = server;
  const client = new TestClient(server);
  client.send('set k 0 1\r\nx\r\nbad\r\ndelete k\r\nget k\r\nget k\r\nbad\r\n');
  service.failWrite();
  assert.equal(client.stream.take(), 'ERR_INTERNAL\r\nERR_CMD_ERR\r\nERR_INTERNAL\r\n');
  service.failRead();
  assert.equal(client.stream.take(), 'ERR_INTERNAL\r\nERR_INTERNAL\r\nERR_CMD_ERR\r\n');
  client.send('get k\r\n');
  service.finishRead();
  assert.equal(client.stream.take(), 'ERR_NOT_FOUND\r\n', 'the connection goes on');
});

test('the timeout counts from when a request was received, also while others of its connection are before it', () => {
  const server = makeServer();
  const { service, clock } = server;
  const client = new TestClient(server);
  client.send('set a 0 1\r\n1\r\n');
  assert.equal(service.writes[0]?.deadlineMs, requestTimeoutMs);
  clock.advance(10_000);
  client.send('set b 0 1\r\n2\r\n');
  clock.advance(10_000);
  client.send('set c 0 1\r\n3\r\n');
  service.failWrite();
  assert.deepEqual(keysOf(service.writes[0]?.ops), ['b'], 'not with one that came much later');
  assert.equal(service.writes[0]?.deadlineMs, 10_000 + requestTimeoutMs);
  service.failWrite();
  assert.equal(service.writes[0]?.deadlineMs, 20_000 + requestTimeoutMs);
});

test('a large group is cut, and nothing of it is lost or out of order', () => {
  const server = makeServer({ inFlightBytesMax: 100_000_000, unsentBytesMax: 100_000_000 });
  const { service } = server;
  const client = new TestClient(server);
  const value = 'v'.repeat(300_000);
  let input = '';
  for (let i = 0; i < 10; i++) input += `set ${i} 0 ${value.length}\r\n${value}\r\n`;
  for (let i = 0; i < 10_000; i++) input += 'get 9\r\nbad\r\n';
  client.send(input);
  assert.equal(service.writes[0]?.ops.length, 3, 'a group of at most 1 MiB');
  let groups = 0;
  for (; service.writes.length > 0; groups++) service.finishWrite();
  assert.equal(groups, 4);
  service.records.clear();
  service.finishAll();
  const replies = client.stream.take().split('\r\n').slice(0, -1);
  assert.deepEqual(
    replies.slice(0, 10),
    Array.from({ length: 10 }, (_, i) => `OK ${i + 1}`),
  );
  assert.equal(replies.length, 20_010);
  for (let i = 10; i < replies.length; i += 2) {
    assert.deepEqual(replies.slice(i, i + 2), ['ERR_NOT_FOUND', 'ERR_CMD_ERR']);
  }
});
