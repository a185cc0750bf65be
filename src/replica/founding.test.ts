import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../base/logger.ts';
import { createPrng } from '../base/prng.ts';
import { MemoryStorage } from '../kv/memory-storage.ts';
import { SimDisk } from '../sim/disk.ts';
import { Founding } from './founding.ts';
import { Identity } from './identity.ts';
import { Membership } from './membership.ts';

const WAIT_MS = 1_000;

/** Server 1 of three, with an empty folder. `start` starts it again on the same folder. */
function newServer(foundingWaitMs = WAIT_MS) {
  const prng = createPrng(1);
  const vfs = new SimDisk({ prng, schedule: () => undefined }).mount();
  let nowMs = 0;
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (_fields: unknown, text?: string) => warnings.push(text ?? '') };
  const clock = {
    monotonicMs: () => nowMs,
    wallMs: () => nowMs,
    setTimer: () => ({ cancel() {} }),
    defer() {},
  };
  const start = (): Founding => {
    const identity = Identity.open(vfs, 'data', { serverId: 1, foundingServers: [1, 2, 3], prng });
    const membership = new Membership(new MemoryStorage());
    return new Founding({ membership, identity, logger, clock, options: { foundingWaitMs } });
  };
  return { start, warnings, pass: (ms: number) => (nowMs += ms) };
}

const peer = (
  member: number,
  clusterId = '',
): { clusterId: string; member: number; incarnation: string } => ({
  clusterId,
  member,
  incarnation: `i${member}`,
});

test('new servers begin when all have met', () => {
  const founding = newServer().start();
  assert.equal(founding.mayElect(0), false);
  founding.onConnected(2);
  assert.equal(founding.mayElect(0), false);
  founding.onConnected(3);
  assert.equal(founding.mayElect(0), true);
});

test('a majority begins after a while, or never', () => {
  const some = newServer();
  const founding = some.start();
  some.pass(WAIT_MS);
  assert.equal(founding.mayElect(0), true);
  const all = newServer(Infinity);
  const waiting = all.start();
  all.pass(1e9);
  assert.equal(waiting.mayElect(0), false);
});

test('who has heard of a cluster founds none, on that folder, and says what to do', () => {
  const { start, warnings, pass } = newServer();
  start().hear(peer(2, 'c1'));
  const founding = start();
  founding.onConnected(2);
  founding.onConnected(3);
  assert.equal(founding.mayElect(0), false);
  pass(5_000);
  assert.equal(founding.mayElect(0), false);
  assert.equal(founding.mayElect(0), false);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? '', /--rebuild.*remove its data folder/);
});

test('an election whose candidate has a log is nothing new', () => {
  const founding = newServer(Infinity).start();
  founding.hear(peer(2, 'c1'));
  assert.equal(founding.mayElect(1), true);
});

test('what servers say that the configuration does not name, or that claim to be this one, is not believed', () => {
  const { start, pass } = newServer();
  const founding = start();
  founding.hear(peer(4, 'c1'));
  founding.hear(peer(1, 'c1'));
  founding.hear(peer(2));
  pass(WAIT_MS);
  assert.equal(founding.mayElect(0), true);
});
