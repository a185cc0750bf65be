import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Command } from './commands.ts';
import type { KvStateMachine } from './machine.ts';
import { bytes, checkSaved, Client, open, run, set } from './kv.test-support.ts';
import type { OpParts } from './op-arbitraries.test-support.ts';
import { allOps, keyOps } from './op-arbitraries.test-support.ts';
import type { KvOptions } from './options.ts';

/** Small enough for every limit to be met within a few dozen commands. */
const options: Partial<KvOptions> = {
  valueBytesMax: 5,
  sessionsMax: 3,
  sessionTtlMs: 300,
  sessionRepliesMax: 6,
  sessionReplyBytesMax: 500,
  changeLogBytesMax: 900,
  expiredKeysMax: 2,
  purgedRecordsMax: 2,
  leasesMax: 1,
};

const key = fc.constantFrom('a', 'b', 'c', 'd', '\xff');
const value = fc.oneof(fc.string({ maxLength: 6 }), fc.constantFrom('0', '17')).map(bytes);
const ttlMs = fc.constantFrom(0, 0, 1, 20, 60);
const flags = fc.nat(2);
const version = fc.nat(40);
const by = fc.constantFrom(0n, 1n, 7n, 2n ** 64n - 1n);
const parts: OpParts = { key, value, flags, ttlMs, version, by, lease: fc.constantFrom(1, 2, 3) };
const session = fc.constantFrom(1, 1, 1, 2, 3, 4);
const batch = fc
  .record({
    session,
    number: fc.integer({ min: 1, max: 12 }),
    back: fc.nat(7),
    batch: fc.oneof(
      fc.record({ atomic: fc.constant(false), ops: fc.array(allOps(parts), { maxLength: 4 }) }),
      fc.record({ atomic: fc.constant(true), ops: fc.array(keyOps(parts), { maxLength: 4 }) }),
    ),
    more: fc.oneof(
      { weight: 5, arbitrary: fc.constant({}) },
      { weight: 1, arbitrary: fc.record({ fence: fc.record({ lock: key, token: version }) }) },
    ),
  })
  .map(({ back, batch, more, ...rest }) => ({
    command: 'batch' as const,
    ...rest,
    ...batch,
    ...more,
    lowest: Math.max(1, rest.number - back),
  }));
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 12, arbitrary: batch },
  { weight: 2, arbitrary: fc.constant({ command: 'register' as const }) },
  { weight: 1, arbitrary: fc.record({ command: fc.constant('keep-alive' as const), session }) },
  {
    weight: 1,
    arbitrary: fc.record({ command: fc.constant('end-session' as const), session: fc.constantFrom(2, 3) }),
  },
  { weight: 2, arbitrary: fc.constant({ command: 'expire' as const }) },
);
/** An entry of the log, and what a server happens to do after it. */
const entry = fc.record({
  command,
  laterMs: fc.constantFrom(0, 0, 1, 15, 90),
  save: fc.boolean(),
  restart: fc.boolean(),
});
const first: fc.Arbitrary<typeof entry extends fc.Arbitrary<infer Entry> ? Entry : never> = fc.constant({
  command: { command: 'register' },
  laterMs: 0,
  save: false,
  restart: false,
});
const log = fc
  .tuple(first, fc.array(entry, { maxLength: 80, size: 'max' }))
  .map(([first, rest]) => [first, ...rest]);

/**
 * What anybody could tell of a machine. Where more is due than one command drops, nobody reads keys before the next
 * one: what a machine hides until then is not saved.
 */
const observe = (machine: KvStateMachine, stampMs = 0): unknown => ({
  hash: machine.stateHash(),
  version: machine.version,
  keyCount: machine.keyCount,
  sessions: machine.sessionCount,
  deadline: machine.nextDeadlineMs(),
  ...((machine.nextDeadlineMs() ?? Infinity) > stampMs && {
    leases: [1, 2, 3, 4].map((lease) => machine.lease(lease)),
    records: ['a', 'b', 'c', 'd', '\xff'].map((key) => machine.get(key)),
  }),
  changes: [1, machine.version - 3].map((from) => machine.changes(from, 1_000)),
});

test('replicas that save and restart at different moments do and hold the same', () => {
  const property = fc.property(log, (entries) => {
    const { machine: steady } = open(options);
    const saving = open(options);
    let restarting = open(options);
    let stampMs = 0;
    for (const { command, laterMs, save, restart } of entries) {
      stampMs += laterMs;
      const reply = run(steady, command, stampMs);
      assert.deepEqual(run(saving.machine, command, stampMs), reply);
      assert.deepEqual(run(restarting.machine, command, stampMs), reply);
      if (save) saving.machine.save();
      if (restart) {
        restarting.machine.save();
        restarting = open(options, restarting.storage.copy());
      }
      const seen = observe(steady, stampMs);
      assert.deepEqual(observe(saving.machine, stampMs), seen);
      assert.deepEqual(observe(restarting.machine, stampMs), seen);
    }
  });
  fc.assert(property, { seed: 8, numRuns: 60 });
});

test('the hash that is kept up is the hash of what is stored, after every command', () => {
  const property = fc.property(log, (entries) => {
    const opened = open(options);
    let stampMs = 0;
    for (const { command, laterMs } of entries) {
      stampMs += laterMs;
      run(opened.machine, command, stampMs);
      checkSaved(opened);
    }
  });
  fc.assert(property, { seed: 9, numRuns: 60 });
});

test('random logs meet every reply and result', () => {
  const seen = new Set<string>();
  const property = fc.property(log, (entries) => {
    const { machine } = open(options);
    let stampMs = 0;
    for (const { command, laterMs } of entries) {
      stampMs += laterMs;
      const reply = run(machine, command, stampMs);
      seen.add(reply.status);
      if (reply.status === 'ok') for (const { status } of reply.results) seen.add(`result ${status}`);
    }
  });
  fc.assert(property, { seed: 8, numRuns: 250 });
  const replies = [
    'ok',
    'registered',
    'kept-alive',
    'ended',
    'expired',
    'session-expired',
    'stale',
    'window-full',
  ];
  const statuses = ['ok', 'deleted', 'not-found', 'version-mismatch', 'exists', 'too-large', 'not-applied'];
  statuses.push('not-a-number', 'fenced', 'lease-not-found', 'too-many-leases', 'won');
  const expected = [...replies, 'too-many-sessions', ...statuses.map((status) => `result ${status}`)];
  assert.deepEqual([...seen].toSorted(), expected.toSorted());
});

test('loading what was installed in its place forgets the state before', () => {
  const source = open(options);
  const sourceClient = new Client(source.machine, 5);
  sourceClient.do(5, set('a', 'new', { ttlMs: 50 }));
  source.machine.save();
  const target = open(options);
  const client = new Client(target.machine, 1_000);
  for (let i = 0; i < 100; i++) client.do(1_000, set(`old${i}`, 'x', { ttlMs: 1 + i }));
  target.machine.save();
  client.do(1_000, set('unsaved', 'x'));
  target.machine.nextDeadlineMs();
  const old = [...target.storage.range({ start: '\x00', end: '\xff' })];
  for (const [key] of old) target.storage.delete(key);
  for (const [key, stored] of source.storage.range({ start: '\x00', end: '\xff' }))
    target.storage.put(key, stored);
  target.machine.load();
  assert.deepEqual(observe(target.machine), observe(source.machine));
  for (let number = 2; number < 40; number++) {
    const ops = [set(`k${number % 5}`, `${number}`, { ttlMs: number })];
    const command: Command = { command: 'batch', session: 1, number, lowest: number, atomic: false, ops };
    assert.deepEqual(run(target.machine, command, 4 + number), run(source.machine, command, 4 + number));
    assert.deepEqual(observe(target.machine), observe(source.machine));
    if (number % 4 === 0) checkSaved(target);
  }
  target.machine.save();
  assert.deepEqual(observe(open(options, target.storage).machine), observe(source.machine));
  const segments = [...target.storage.range({ start: 'c', end: 'd' })];
  assert(segments.length <= 4, 'segments that went were deleted');
});

test('a stamp below the one before is a broken assertion', () => {
  const { machine } = open();
  run(machine, { command: 'expire' }, 10);
  assert.throws(() => run(machine, { command: 'expire' }, 9), { name: 'AssertionError' });
});

test('a state written by another version is refused', () => {
  const { machine, storage } = open();
  machine.save();
  const [[key, header] = assert.fail()] = storage.range({ start: 'v', end: 'w' });
  header[0] = 99;
  storage.put(key, header);
  assert.throws(() => machine.load(), { code: 'STORE_DAMAGED', message: /another version/ });
});
