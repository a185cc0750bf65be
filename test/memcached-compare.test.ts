import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareHandmade, compareRandom, type Comparison } from './memcached/compare.ts';
import { Exchange } from './memcached/exchange.ts';
import { differences } from './memcached/differences.ts';
import { installedMemcached } from './memcached/reference.ts';
import { withBoth } from './memcached/both.ts';

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
