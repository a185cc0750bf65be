import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, KvraftError, type Client } from '#dist/client/index.js';
import { ProcessCluster, until } from './support/processes.ts';

const TTL_MS = 3_000;
const TIMEOUT_MS = 60_000;
/** A client that gets no turn on a busy machine for that long loses its lease, and rightly so. */
const LEASE_MS = 2_500;

const open = (cluster: ProcessCluster): Promise<Client> =>
  connect({
    servers: cluster.servers.map(({ Hostname, ClientPort }) => ({ host: Hostname, port: ClientPort })),
    timeout: TIMEOUT_MS,
  });

const aborted = (signal: AbortSignal): Promise<unknown> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    else signal.addEventListener('abort', () => resolve(signal.reason), { once: true });
  });

test('locks, elections and leases hold over a cluster of processes, its leader killed meanwhile', async (t) => {
  await using cluster = await ProcessCluster.create(3);
  cluster.startAll();
  await using one = await open(cluster);
  await using two = await open(cluster);

  await t.test(
    'one after the other holds a lock, each under a higher token, and the last one alone writes',
    async () => {
      const inside: string[] = [];
      const tokens: number[] = [];
      const enter = (client: Client, name: string): Promise<string> =>
        client.lock('locks/a', { ttl: TTL_MS }, async ({ fence, fencingToken, signal, isHeld }) => {
          assert(isHeld && !signal.aborted);
          assert.deepEqual(fence, { lock: 'locks/a', token: fencingToken });
          inside.push(`${name} enters`);
          tokens.push(fencingToken);
          await client.put('guarded', name, { fence });
          inside.push(`${name} leaves`);
          return name;
        });
      const names = await Promise.all([enter(one, 'a'), enter(two, 'b'), enter(one, 'c')]);
      assert.deepEqual(names, ['a', 'b', 'c']);
      for (let i = 0; i < inside.length; i += 2) {
        assert.equal(inside[i]?.replace('enters', 'leaves'), inside[i + 1], 'never two inside');
      }
      assert.deepEqual(
        tokens,
        tokens.toSorted((a, b) => a - b),
      );
      assert.equal(await one.get('locks/a'), null, 'nobody holds it now');
      const fence = { lock: 'locks/a', token: tokens.at(-1) ?? 0 };
      await assert.rejects(one.put('guarded', 'late', { fence }), { code: 'FENCED', outcome: 'not-applied' });
    },
  );

  await t.test('a lock is kept while the leader is killed', async () => {
    await one.lock('locks/a', { ttl: TTL_MS }, async ({ signal, fence }) => {
      const leader = await cluster.leader();
      await cluster.kill('SIGKILL', leader);
      await one.put('guarded', 'still', { fence });
      assert.equal(signal.aborted, false);
      cluster.start(leader);
    });
  });

  await t.test(
    'who waits gives up after his time, or when he is told to, and a failure frees the lock',
    async () => {
      const failure = new Error('inside');
      const held = one.lock('locks/a', { ttl: TTL_MS }, async () => {
        const short = two.lock('locks/a', { timeout: 300 }, () => assert.fail('held by another'));
        await assert.rejects(short, { code: 'TIMEOUT' });
        const abort = new AbortController();
        const waiting = two.lock('locks/a', { signal: abort.signal }, () => assert.fail('held by another'));
        abort.abort();
        await assert.rejects(waiting, { code: 'ABORTED' });
        throw failure;
      });
      await assert.rejects(held, failure);
      assert.equal(await two.lock('locks/a', { ttl: TTL_MS }, () => 'got it'), 'got it');
    },
  );

  await t.test('a lock that somebody takes away is lost, and its holder is told', async () => {
    const lost = one.lock('locks/a', { ttl: 600 }, async ({ fence, signal }) => {
      await two.delete('locks/a');
      await assert.rejects(one.put('guarded', 'mine', { fence }), { code: 'FENCED' });
      await cluster.kill('SIGKILL', ...cluster.ids);
      const reason = await aborted(signal);
      assert(reason instanceof KvraftError && reason.code === 'LOCK_LOST');
      cluster.startAll();
    });
    await assert.rejects(lost, { code: 'LOCK_LOST' });
  });

  await t.test('one leads at a time, and everybody sees who', async () => {
    const seen: (string | null)[] = [];
    const stop = new AbortController();
    const observing = (async () => {
      for await (const leader of two.election('leader').observe({ signal: stop.signal })) {
        seen.push(leader === null ? null : leader.string());
      }
    })();
    const first = await one.election('leader', { ttl: TTL_MS }).campaign('one');
    const second = two.election('leader', { ttl: TTL_MS }).campaign('two');
    assert.equal((await two.election('leader').leader())?.string(), 'one');
    await first.resign();
    const leadership = await second;
    assert(leadership.fencingToken > first.fencingToken);
    assert.equal((await one.election('leader').leader())?.string(), 'two');
    await leadership.resign();
    await until('the end was seen', async () => seen.includes('two') && seen.at(-1) === null);
    assert.deepEqual(
      seen.filter((name) => name !== null),
      ['one', 'two'],
    );
    stop.abort();
    await assert.rejects(observing, { code: 'ABORTED' });
  });

  await t.test('keys go with their lease, and are there as long as it is kept alive', async () => {
    const lease = await one.lease({ ttl: LEASE_MS });
    await one.put('here', 'x', { lease });
    await one.batch([{ op: 'put', key: 'there', value: 'x', lease }]);
    const watch = two.watch({ prefix: 'here' });
    await watch.started;
    await new Promise((resolve) => setTimeout(resolve, 1.5 * LEASE_MS));
    assert.notEqual(await two.get('here'), null, 'kept alive for longer than its time');
    await lease.revoke();
    assert.deepEqual(await two.getMany(['here', 'there']), [null, null]);
    for await (const event of watch) {
      assert.equal(event.type, 'expire');
      break;
    }
    await assert.rejects(one.put('late', 'x', { lease }), { code: 'LEASE_LOST', outcome: 'not-applied' });
  });
});
