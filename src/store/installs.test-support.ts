import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  at,
  bytes,
  contents,
  flushed,
  installed,
  snapshotOf,
  stage,
  type Harness,
} from './store.test-support.ts';

/** Lets so many turns of the event loop pass. */
async function turns(harness: Harness, count: number): Promise<void> {
  let passed = 0;
  const turn = (): void => {
    passed++;
    if (passed < count) harness.clock.defer(turn);
  };
  harness.clock.defer(turn);
  await harness.until(() => passed >= count);
}

/** How a snapshot takes the place of a state. */
export function testInstalls(name: string, makeOne: () => Harness): void {
  const whole = { ka: 'new', kx: 'new', xa: 'new' };

  test(`${name}: an installed snapshot takes the place of everything, in memory and on disk`, async () => {
    const harness = makeOne();
    const store = harness.open({});
    await flushed(harness, store, 3, { ka: 'old', kb: 'old' });
    store.put('kc', bytes('in the overlay'));
    store.delete('ka');
    store.advance(at(4));
    const first = { start: 'k', end: 'l', limit: 1 };
    assert.deepEqual(contents(store, first), [['kb', 'old']]);
    const install = store.beginInstall(at(9));
    assert.equal(await stage(harness, install, snapshotOf(at(9), whole)), null);
    assert.equal(store.get('ka'), undefined, 'before the switch nothing shows');
    install.commit();
    for (const opened of [() => store, () => harness.open({})]) {
      const now = opened();
      assert.deepEqual(contents(now, first), [['ka', 'new']]);
      assert.deepEqual(contents(now), Object.entries(whole));
      assert.equal(now.get('kb'), undefined);
      assert.deepEqual(now.position, at(9));
      assert.deepEqual(now.durablePosition, at(9));
      assert.equal(now.installedIndex, 9);
      assert.equal(now.unflushedBytes, 0);
      if (now === store) await harness.crash();
    }
  });

  test(`${name}: writing goes on after an install, and the first flush ends its mark`, async () => {
    const harness = makeOne();
    const store = harness.open({});
    await flushed(harness, store, 3, { ka: 'old' });
    await installed(harness, store, at(9), snapshotOf(at(9), whole));
    await flushed(harness, store, 10, { kb: 'after' });
    assert.equal(store.installedIndex, 0);
    await installed(harness, store, at(20), snapshotOf(at(20), { kz: 'second' }));
    await flushed(harness, store, 21, { kzz: 'after' });
    await harness.crash();
    const reopened = harness.open({});
    assert.equal(reopened.installedIndex, 0);
    assert.deepEqual(reopened.position, at(21));
    assert.deepEqual(contents(reopened), [
      ['kz', 'second'],
      ['kzz', 'after'],
    ]);
  });

  test(`${name}: a flush under way does not outlive an install`, async () => {
    // So many turns after its begin the flush is being encoded, or written, or about to end.
    for (const turnsMax of [0, 1, 2, 4, 8]) {
      const harness = makeOne();
      const store = harness.open({});
      await flushed(harness, store, 1, { ka: 'old' });
      const install = store.beginInstall(at(9));
      assert.equal(await stage(harness, install, snapshotOf(at(9), whole)), null);
      for (let i = 0; i < 2_000; i++) store.put(`kflushing${i}`, bytes('x'.repeat(100)));
      store.advance(at(2));
      store.setLogDurable(100);
      store.flush();
      await turns(harness, turnsMax);
      store.onFlushed = () => assert.equal(store.durablePosition.index, 10);
      install.commit();
      assert.equal(store.unflushedBytes, 0);
      // Whoever writes has answered what it was asked before.
      const next = store.beginInstall(at(20));
      assert.equal(await stage(harness, next, snapshotOf(at(20), {})), null);
      next.abort();
      assert.equal(store.installedIndex, 9);
      assert.deepEqual(store.durablePosition, at(9));
      await flushed(harness, store, 10, { kb: 'after' });
      await harness.crash();
      assert.deepEqual(contents(harness.open({})), Object.entries({ ...whole, kb: 'after' }).sort());
    }
  });

  test(`${name}: an aborted install leaves no trace, and the next one works`, async () => {
    const harness = makeOne();
    const store = harness.open({});
    await flushed(harness, store, 3, { ka: 'old' });
    const chunks = snapshotOf(at(9), whole);
    for (const count of [0, 1, 2, chunks.length]) {
      const install = store.beginInstall(at(9));
      if (count === chunks.length) assert.equal(await stage(harness, install, chunks), null);
      else await stage(harness, install, chunks.slice(0, count));
      install.abort();
      install.abort();
    }
    const install = store.beginInstall(at(9));
    install.write(chunks[0] ?? bytes(''), () => assert.fail('nothing calls back after an abort'));
    install.abort();
    assert.deepEqual(contents(store), [['ka', 'old']]);
    await installed(harness, store, at(9), chunks);
    assert.deepEqual(contents(store), Object.entries(whole));
  });

  test(`${name}: a snapshot that is cut short, changed or of another position is refused`, async () => {
    const harness = makeOne();
    const store = harness.open({});
    await flushed(harness, store, 3, { ka: 'old' });
    const chunks = snapshotOf(at(9), whole);
    const flipped = chunks.map((chunk) => chunk.slice());
    const middle = flipped[1];
    assert.ok(middle !== undefined);
    middle[20] = (middle[20] ?? 0) ^ 4;
    const bad = [
      chunks.slice(0, -1),
      chunks.slice(1),
      [],
      flipped,
      snapshotOf(at(8), whole),
      [...chunks, bytes('more')],
    ];
    for (const pieces of bad) {
      const install = store.beginInstall(at(9));
      const error = await stage(harness, install, pieces);
      assert.equal((error as { code?: string } | null)?.code, 'PROTOCOL');
      install.abort();
    }
    assert.deepEqual(contents(store), [['ka', 'old']]);
  });

  test(`${name}: a crash during an install leaves the old state before the switch, the new one after it`, async () => {
    const chunks = snapshotOf(at(9), whole);
    for (const steps of [0, 1, 2, 3, 4]) {
      const harness = makeOne();
      const store = harness.open({});
      await flushed(harness, store, 3, { ka: 'old' });
      const install = steps > 0 ? store.beginInstall(at(9)) : null;
      const pieces = steps > 2 ? chunks : chunks.slice(0, 2);
      if (install !== null && steps > 1)
        assert.equal((await stage(harness, install, pieces)) === null, steps > 2);
      if (steps > 3) install?.commit();
      await harness.crash();
      const reopened = harness.open({});
      assert.deepEqual(contents(reopened), steps > 3 ? Object.entries(whole) : [['ka', 'old']]);
      assert.deepEqual(reopened.position, steps > 3 ? at(9) : at(3));
      await flushed(harness, reopened, 20, { kb: 'goes on' });
    }
  });
}
