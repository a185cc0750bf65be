import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { makeServer, TestClient } from './test-text.ts';

const key = fc.constantFrom('a', 'b', 'c');
const noreply = fc.constantFrom('', ' noreply');
const value = fc.constantFrom('', 'x', 'get a\r\n', 'v'.repeat(300));

const request = fc.oneof(
  fc.tuple(fc.constantFrom('get', 'getm'), key).map((words) => `${words.join(' ')}\r\n`),
  fc
    .tuple(key, value, noreply)
    .map(([key, value, end]) => `set ${key} 0 ${value.length}${end}\r\n${value}\r\n`),
  fc
    .tuple(key, fc.integer({ min: 1, max: 8 }), value, noreply)
    .map(([key, version, value, end]) => `cas ${key} 60 ${version} ${value.length}${end}\r\n${value}\r\n`),
  fc.tuple(key, noreply).map(([key, end]) => `delete ${key}${end}\r\n`),
  fc.constantFrom('bad\r\n', '\r\n', 'set a x 1 noreply\r\n'),
);

/** What may happen between two pieces of input. */
const event = fc.constantFrom('write', 'read', 'stall', 'drain', 'nothing');
type Event = 'write' | 'read' | 'stall' | 'drain' | 'nothing';

const script = fc.record({
  requests: fc.array(request, { maxLength: 40, size: 'max' }),
  pieces: fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 200 }), event }), {
    maxLength: 60,
    size: 'max',
  }),
});

/** The replies of a client that waits for each before it sends the next request. */
function oneByOne(requests: readonly string[]): string {
  const server = makeServer();
  const client = new TestClient(server);
  for (const request of requests) {
    client.send(request);
    server.service.finishAll();
  }
  return client.stream.received;
}

test('however requests are pipelined, cut and delayed, replies are those of one request after the other', () => {
  fc.assert(
    fc.property(script, ({ requests, pieces }) => {
      const server = makeServer({ inFlightBytesMax: 1_500, unsentBytesMax: 500 }, 3_000);
      const { service, admission } = server;
      const client = new TestClient(server);
      const { stream, connection } = client;
      const happen: Record<Event, () => void> = {
        write: () => service.writes.length > 0 && service.finishWrite(),
        read: () => service.reads.length > 0 && service.finishRead(),
        stall: () => (stream.stalled = true),
        drain: () => stream.drain(connection),
        nothing: () => undefined,
      };
      const input = requests.join('');
      let at = 0;
      for (const { bytes, event } of pieces) {
        if (!stream.paused) {
          client.send(input.slice(at, at + bytes));
          at += bytes;
        }
        happen[event]();
        assert.ok(service.writes.length + service.reads.length <= 1, 'one group at a time');
      }
      stream.stalled = false;
      for (let rest = input.slice(at); rest !== '';) {
        if (!stream.paused) {
          client.send(rest.slice(0, 1_000));
          rest = rest.slice(1_000);
        }
        stream.drain(connection);
        service.finishAll();
      }
      stream.drain(connection);
      service.finishAll();
      assert.equal(stream.received, oneByOne(requests));
      assert.equal(admission.inFlightBytes, 0);
      assert.equal(stream.paused, false);
    }),
    { seed: 7_301, numRuns: 300 },
  );
});
