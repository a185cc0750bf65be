import assert from 'node:assert/strict';
import { test } from 'node:test';
import { virtualTime } from '../store/store.test-support.ts';
import { collectWhenIdle } from './idle-collector.ts';

const MIB = 1024 * 1024;

test('garbage is collected once a load is over, and not again before there is more of it', () => {
  const { scheduler, startLife } = virtualTime();
  let busyShare = 0.9;
  let bytes = 400 * MIB;
  let collections = 0;
  const collect = (): void => {
    collections++;
    bytes = 100 * MIB;
  };
  collectWhenIdle({ clock: startLife(), busyShare: () => busyShare, bytes: () => bytes, collect });
  scheduler.runFor(10_000);
  assert.equal(collections, 0, 'never under load');
  busyShare = 0.01;
  scheduler.runFor(2_000);
  assert.equal(collections, 1);
  bytes += 20 * MIB;
  scheduler.runFor(10_000);
  assert.equal(collections, 1);
  bytes += 20 * MIB;
  scheduler.runFor(2_000);
  assert.equal(collections, 2);
});
