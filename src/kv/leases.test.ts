import assert from 'node:assert/strict';
import { test } from 'node:test';
import { append, checkSaved, Client, expire, open, remove, run, set, textOf } from './kv.test-support.ts';
import type { Op } from './ops.ts';
import type { OpResult } from './replies.ts';

const grant = (ttlMs: number): Op => ({ op: 'lease-grant', ttlMs });
const keepAlive = (lease: number): Op => ({ op: 'lease-keep-alive', lease });
const revoke = (lease: number): Op => ({ op: 'lease-revoke', lease });

const ok: OpResult = { status: 'ok', version: 0 };
const notFound: OpResult = { status: 'lease-not-found', version: 0 };

function granted(client: Client, stampMs: number, ttlMs: number): number {
  const { lease } = client.do(stampMs, grant(ttlMs));
  assert(lease !== undefined);
  return lease;
}

test('the keys of a lease go when it ends, and nothing else', () => {
  const opened = open();
  const { machine } = opened;
  const client = new Client(machine);
  const lease = granted(client, 0, 100);
  const other = granted(client, 0, 200);
  client.batch(0, [
    set('a', '1', { lease }),
    set('b', '1', { lease }),
    set('c', '1', { lease: other }),
    set('d', '1'),
  ]);
  assert.equal(machine.get('a')?.lease, lease);
  assert.equal(machine.nextDeadlineMs(), 100);
  assert.deepEqual(expire(machine, 99), { status: 'expired', keys: 0, sessions: 0 });
  checkSaved(opened);
  assert.deepEqual(expire(machine, 100), { status: 'expired', keys: 2, sessions: 0 });
  assert.deepEqual(
    ['a', 'b', 'c', 'd'].map((key) => textOf(machine, key)),
    [undefined, undefined, '1', '1'],
  );
  const events = machine.changes(5, 10);
  assert(events !== 'compacted');
  assert.deepEqual(
    events.map(({ type, key }) => `${type} ${key}`),
    ['expire a', 'expire b'],
  );
  assert.equal(machine.leaseCount, 1);
  assert.equal(machine.nextDeadlineMs(), 200);
  checkSaved(opened);
});

test('a lease that is kept alive begins its time anew, by the stamps of the log', () => {
  const { machine } = open();
  const client = new Client(machine);
  const lease = granted(client, 0, 100);
  client.do(0, set('a', '1', { lease }));
  assert.deepEqual(client.do(99, keepAlive(lease)), ok);
  assert.deepEqual(machine.lease(lease), { ttlMs: 100, expiresAtMs: 199 });
  expire(machine, 198);
  assert.equal(textOf(machine, 'a'), '1');
  expire(machine, 199);
  assert.equal(textOf(machine, 'a'), undefined);
  assert.deepEqual(client.do(199, keepAlive(lease)), notFound);
});

test('a write that finds a lease due finds it ended, and its keys gone', () => {
  const { machine, storage } = open();
  const client = new Client(machine);
  const lease = granted(client, 0, 100);
  client.batch(0, [set('a', '1', { lease }), set('b', '1', { lease })]);
  const results = client.batch(100, [
    keepAlive(lease),
    revoke(lease),
    set('c', '1', { lease }),
    append('a', 'x', { when: 'present' }),
    set('b', '2', { when: 'absent' }),
  ]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['lease-not-found', 'lease-not-found', 'lease-not-found', 'not-found', 'ok'],
  );
  assert.equal(textOf(machine, 'b'), '2');
  expire(machine, 100);
  assert.equal(textOf(machine, 'b'), '2', 'it hangs on no lease any more');
  assert.equal(machine.leaseCount, 0);
  checkSaved({ machine, storage });
});

test('revoking ends a lease at once, for reads and writes, whatever the number of its keys', () => {
  const opened = open({ expiredKeysMax: 4 });
  const { machine } = opened;
  const client = new Client(machine);
  const lease = granted(client, 0, 1_000);
  client.batch(
    0,
    Array.from({ length: 10 }, (_, i) => set(`k${i}`, 'x', { lease })),
  );
  assert.deepEqual(client.do(5, revoke(lease)), ok);
  assert.equal(machine.version, 10, 'no key was touched');
  assert.equal(machine.get('k0'), undefined);
  assert.equal(machine.lease(lease), undefined);
  assert.deepEqual(client.do(5, revoke(lease)), notFound);
  assert.equal(client.do(5, set('k9', 'new', { when: 'absent' })).status, 'ok');
  const counts: number[] = [];
  while ((machine.nextDeadlineMs() ?? Infinity) <= 5) {
    expire(machine, 5);
    counts.push(machine.keyCount);
    checkSaved(opened);
  }
  assert.deepEqual(counts, [6, 2, 1]);
  assert.equal(machine.leaseCount, 0);
  assert.equal(textOf(machine, 'k9'), 'new');
});

test('what one expire command cannot drop counts as gone, and goes with the next ones', () => {
  const { machine } = open({ expiredKeysMax: 3 });
  const client = new Client(machine);
  const lease = granted(client, 0, 50);
  const other = granted(client, 0, 60);
  const keys = ['a', 'b', 'c', 'd'];
  client.batch(0, [...keys.map((key) => set(key, '1', { lease })), set('e', '1', { lease: other })]);
  assert.deepEqual(expire(machine, 60), { status: 'expired', keys: 3, sessions: 0 });
  assert.deepEqual(
    [...keys, 'e'].map((key) => textOf(machine, key)),
    [undefined, undefined, undefined, undefined, undefined],
  );
  assert.equal(machine.lease(other), undefined);
  assert.deepEqual(expire(machine, 60), { status: 'expired', keys: 2, sessions: 0 });
  assert.equal(machine.keyCount, 0);
});

test('a key leaves its lease when it is set without one, deleted or given another', () => {
  const opened = open();
  const { machine } = opened;
  const client = new Client(machine);
  const lease = granted(client, 0, 50);
  const other = granted(client, 0, 500);
  client.batch(
    0,
    ['a', 'b', 'c', 'd'].map((key) => set(key, '1', { lease })),
  );
  client.batch(0, [
    set('a', '2'),
    set('b', '2', { lease: other }),
    remove('c'),
    set('c', '2'),
    append('d', '2'),
    { op: 'touch', key: 'd', ttlMs: 900 },
  ]);
  checkSaved(opened);
  expire(machine, 50);
  assert.deepEqual(
    ['a', 'b', 'c', 'd'].map((key) => textOf(machine, key)),
    ['2', '2', '2', undefined],
    'append and touch keep the lease',
  );
  checkSaved(opened);
});

test('there is room for so many leases, ids are not used again, and a restart remembers both', () => {
  const opened = open({ leasesMax: 2 });
  const client = new Client(opened.machine);
  assert.equal(granted(client, 0, 50), 1);
  assert.equal(granted(client, 0, 70), 2);
  assert.deepEqual(client.do(0, grant(1)), { status: 'too-many-leases', version: 0 });
  client.do(0, set('a', '1', { lease: 1 }));
  expire(opened.machine, 60);
  checkSaved(opened);
  const { machine } = open({ leasesMax: 2 }, opened.storage.copy());
  assert.equal(machine.stateHash(), opened.machine.stateHash());
  assert.equal(machine.leaseCount, 1);
  assert.equal(machine.nextDeadlineMs(), 70);
  const batch = {
    command: 'batch',
    session: 1,
    number: 9,
    lowest: 9,
    atomic: false,
    ops: [grant(5)],
  } as const;
  assert.deepEqual(run(machine, batch, 60), {
    status: 'ok',
    results: [{ status: 'ok', version: 0, lease: 3 }],
  });
  assert.deepEqual(run(machine, batch, 61), {
    status: 'ok',
    results: [{ status: 'ok', version: 0, lease: 3 }],
  });
});

test('a leader change gives a lease neither more nor less time: only stamps count', () => {
  // Two replicas of one log: one was led by whoever wrote it, the other replays it after a restart, in one go.
  const led = open();
  const client = new Client(led.machine);
  const lease = granted(client, 1_000, 100);
  client.do(1_000, set('a', '1', { lease }));
  led.machine.save();
  const follower = open({}, led.storage.copy());
  const log = [
    { command: keepAlive(lease), stampMs: 1_050 },
    { command: keepAlive(lease), stampMs: 1_149 },
    { command: set('b', '1', { lease }), stampMs: 1_248 },
    { command: set('c', '1', { lease }), stampMs: 1_249 },
  ];
  for (const { machine } of [led, follower]) {
    const statuses = log.map(({ command, stampMs }, i) => {
      const number = 5 + i;
      const batch = {
        command: 'batch',
        session: 1,
        number,
        lowest: number,
        atomic: false,
        ops: [command],
      } as const;
      const reply = run(machine, batch, stampMs);
      return reply.status === 'ok' ? reply.results[0]?.status : reply.status;
    });
    assert.deepEqual(statuses, ['ok', 'ok', 'ok', 'lease-not-found']);
    assert.equal(machine.nextDeadlineMs(), 1_249);
  }
  assert.equal(led.machine.stateHash(), follower.machine.stateHash());
});

test('a flush takes the keys of a lease, and leaves the lease', () => {
  const opened = open();
  const { machine } = opened;
  const client = new Client(machine);
  const lease = granted(client, 0, 50);
  client.batch(0, [
    set('a', '1', { lease }),
    set('b', '1', { lease }),
    { op: 'flush' },
    set('a', '2', { lease }),
  ]);
  const { version } = machine;
  assert.deepEqual(expire(machine, 50), { status: 'expired', keys: 1, sessions: 0 });
  assert.equal(machine.version, version + 1);
  checkSaved(opened);
});
