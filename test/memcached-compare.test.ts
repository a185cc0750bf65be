import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { compareHandmade, compareRandom, type Comparison } from './memcached/compare.ts';
import { Exchange } from './memcached/exchange.ts';
import { differences } from './memcached/differences.ts';
import { installedMemcached } from './memcached/reference.ts';
import { withBoth } from './memcached/both.ts';
import { freePorts } from './support/ports.ts';
import { exchangesOf, play, readDocument } from './support/printed-session.ts';
import { ProcessCluster } from './support/processes.ts';

const version = installedMemcached();
const skip = version === null ? 'memcached is not installed' : false;
const requests = process.env['KVRAFT_TEST_FULL'] === undefined ? 2_000 : 50_000;

const alike = ({ mismatches }: Comparison): void => assert.deepEqual(mismatches, []);

test('memcached and kvraft give the same answers', { skip }, () =>
  withBoth(1, async (ports) => {
    alike(await compareHandmade(ports));
    alike(await compareRandom(ports, 20_261, requests));
  }),
);

test('where they differ, they differ as documented', { skip: skip || version !== '1.6.18' }, () =>
  withBoth(1, async (ports) => {
    for (const { name, before, request, memcached, kvraft } of differences) {
      for (const side of ['memcached', 'kvraft'] as const) {
        const exchange = await Exchange.connect(ports[side]);
        if (before !== undefined) await exchange.ask(before);
        assert.equal(await exchange.ask(request), side === 'kvraft' ? kvraft : memcached, `${name}: ${side}`);
        exchange.close();
      }
    }
  }),
);

const document = readDocument('memcached-protocol.md');

test('every difference is a row of the documentation', () => {
  const rows = new Set([...document.matchAll(/^\| `?([A-Za-z][^|`]*?)`? +\|/gm)].map(([, name]) => name));
  for (const { name } of differences) assert(rows.has(name), name);
});

test('the session of the documentation goes as it is printed', async () => {
  const [port = 0] = await freePorts(1);
  await using cluster = await ProcessCluster.create(1, {}, () => ({ MemcachedPort: port }));
  cluster.startAll();
  await cluster.leader();
  const exchanges = exchangesOf(document);
  assert.equal(exchanges.length, 1);
  for (const exchange of exchanges) await play(exchange, connect(port, 'localhost'));
});
