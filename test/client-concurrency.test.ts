import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '#dist/client/index.js';
import { ProcessCluster } from './support/processes.ts';

const CALLS = 1_000;
const CHAINS = 50;
const CHAIN_LENGTH = 10;

test(`${CALLS} calls at once share one connection, behind others that wait, and each is done once`, async () => {
  await using cluster = await ProcessCluster.create(1);
  cluster.startAll();
  await cluster.leader();
  const servers = `127.0.0.1:${cluster.address(0).ClientPort}`;
  const holder = await connect({ servers });
  await using db = await connect({ servers });
  const ownConnections = async () => ((await cluster.status(0))?.listeners[0]?.connections ?? 0) - 1;

  // These wait until they are told otherwise; nothing may wait for them.
  const held = await holder.election('held').campaign('another');
  const stop = new AbortController();
  const waiting = db.lock('held', { signal: stop.signal, timeout: 600_000 }, () =>
    assert.fail('held by another'),
  );
  const watch = db.watch({ prefix: 'nothing' });
  await watch.started;
  const next = watch[Symbol.asyncIterator]().next();

  const numbers = Array.from({ length: CALLS }, (_, i) => i);
  await Promise.all(numbers.map((i) => db.append('all', `${i};`)));
  const seen = ((await db.get('all'))?.string() ?? '').split(';').slice(0, -1).map(Number);
  assert.deepEqual(
    seen.toSorted((a, b) => a - b),
    numbers,
  );

  const reads = numbers.map((i) => db.put(`key-${i}`, `${i}`).then(() => db.get(`key-${i}`)));
  assert.deepEqual(
    (await Promise.all(reads)).map((entry) => entry?.string()),
    numbers.map(String),
  );

  await Promise.all(
    Array.from({ length: CHAINS }, async (_, chain) => {
      for (let i = 0; i < CHAIN_LENGTH; i++) await db.append(`chain-${chain}`, `${i}`);
    }),
  );
  for (let chain = 0; chain < CHAINS; chain++) {
    assert.equal((await db.get(`chain-${chain}`))?.string(), '0123456789', 'in the order of awaited calls');
  }

  assert.equal(await ownConnections(), 1);
  stop.abort();
  await assert.rejects(waiting, { code: 'ABORTED', outcome: 'not-applied' });
  await held.resign();
  await watch[Symbol.asyncDispose]();
  assert.equal((await next).done, true);
  await holder.close();
});
