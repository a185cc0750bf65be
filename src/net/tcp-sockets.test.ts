import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { addressText, dial, faultText, isRefusedByMachine, openServer } from './tcp-sockets.ts';

const failure = (code: string): Error => Object.assign(new Error(`connect ${code}`), { code });

test('nobody listening on any address of a host is a refusal by its machine', async () => {
  const server = openServer(() => undefined).listen(0);
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  for (const host of ['127.0.0.1', 'localhost']) {
    const [error] = (await once(dial({ host, port }), 'error')) as [Error];
    assert.equal(isRefusedByMachine(error), true, host);
    assert.match(faultText(error), /ECONNREFUSED/);
  }
});

test('one address that does not answer leaves open whether the server runs', () => {
  const refused = failure('ECONNREFUSED');
  assert.equal(isRefusedByMachine(new AggregateError([refused, refused])), true);
  assert.equal(isRefusedByMachine(new AggregateError([refused, failure('ETIMEDOUT')])), false);
  assert.equal(isRefusedByMachine(failure('ETIMEDOUT')), false);
});

test('faults and addresses are words for people', () => {
  const both = new AggregateError([failure('ECONNREFUSED'), failure('ETIMEDOUT')]);
  assert.equal(faultText(both), 'connect ECONNREFUSED, connect ETIMEDOUT');
  assert.equal(faultText(null), 'it closed the connection');
  assert.equal(addressText({ host: '::1', port: 1 }), '[::1]:1');
  assert.equal(addressText({ host: 'host', port: 1 }), 'host:1');
});
