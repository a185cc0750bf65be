import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeServer, TestClient } from './test-text.ts';

test('a client that sends nothing more gets its replies, then the end', () => {
  const server = makeServer();
  const client = new TestClient(server);
  client.send('set k 0 1\r\nx\r\nget k\r\nget unfinished');
  client.connection.ended();
  assert.equal(client.stream.ended, false);
  server.service.finishWrite();
  assert.equal(client.stream.ended, false);
  server.service.finishRead();
  assert.equal(client.stream.take(), 'OK 1\r\nVALUE 1\r\nx\r\n');
  assert.equal(client.stream.ended, true);
});

test('an idle connection that its client ends is ended at once', () => {
  const client = new TestClient(makeServer());
  client.connection.ended();
  assert.equal(client.stream.ended, true);
  assert.equal(client.stream.writes, 0);
});

test('a value that its client did not finish is not stored', () => {
  const server = makeServer();
  const client = new TestClient(server);
  client.send('set k 0 3\r\nabc');
  client.connection.ended();
  assert.equal(server.service.writes.length, 0);
  assert.equal(server.admission.inFlightBytes, 0);
});

test('input that cannot be read on is answered in its turn, then the connection ends and takes nothing more', () => {
  const server = makeServer();
  const client = new TestClient(server);
  client.send('set k 0 1\r\nx\r\nset l 0 1\r\nyyy\r\ndelete k\r\n');
  client.send('delete k\r\n');
  assert.equal(client.stream.ended, false);
  server.service.finishAll();
  assert.equal(client.stream.take(), 'OK 1\r\nERR_CMD_ERR\r\n');
  assert.equal(client.stream.ended, true);
  assert.ok(server.service.records.has('k'));
});

test('the same with noreply: only the end', () => {
  const client = new TestClient(makeServer());
  client.send('set l 0 1 noreply\r\nyyy\r\n');
  assert.equal(client.stream.take(), '');
  assert.equal(client.stream.ended, true);
});

test('writes of a client that vanished are executed, its reads are not, and all bytes are released', () => {
  const server = makeServer();
  const { service, admission } = server;
  const client = new TestClient(server);
  client.send('set a 0 1\r\n1\r\n', 'get a\r\nset b 0 1\r\n2\r\nget b\r\nset c 0 100\r\nhalf');
  client.vanish();
  assert.equal(admission.connections, 0);
  assert.ok(admission.inFlightBytes > 0);
  service.finishWrite();
  assert.equal(service.reads.length, 0);
  service.finishWrite();
  assert.deepEqual([...service.records.keys()], ['a', 'b']);
  assert.equal(service.writes.length + service.reads.length, 0);
  assert.equal(admission.inFlightBytes, 0);
  assert.equal(client.stream.writes, 0);
});

test('a client that vanished during a barrier hurts nobody', () => {
  const server = makeServer();
  const client = new TestClient(server);
  client.send('get a\r\n', 'get b\r\n');
  client.vanish();
  server.service.finishRead();
  assert.equal(client.stream.writes, 0);
  assert.equal(server.service.reads.length, 0);
  assert.equal(server.admission.inFlightBytes, 0);
});

test('stop answers what was received, takes nothing more and ends', () => {
  const server = makeServer();
  const client = new TestClient(server);
  client.send('set a 0 1\r\n1\r\n', 'set b 0 1\r\n2\r\n');
  client.connection.stop();
  client.send('set c 0 1\r\n3\r\n');
  server.service.finishAll();
  assert.equal(client.stream.take(), 'OK 1\r\nOK 2\r\n');
  assert.equal(client.stream.ended, true);
  assert.equal(server.service.records.has('c'), false);
});
