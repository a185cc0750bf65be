import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { bytes, checkSaved, Client, expire, open, run } from './kv.test-support.ts';
import type { Opened } from './kv.test-support.ts';
import type { KvStateMachine } from './machine.ts';
import { NaiveModel } from './naive-model.test-support.ts';
import { allOps, keyOps } from './op-arbitraries.test-support.ts';
import type { OpParts } from './op-arbitraries.test-support.ts';
import type { KvOptions } from './options.ts';
import type { OpResult } from './replies.ts';

const runs = process.env['KVRAFT_TEST_FULL'] === undefined ? 400 : 20_000;

/** Purges in small steps; everything else without limits that the model does not know. */
const options: Partial<KvOptions> = { purgedRecordsMax: 2, sessionTtlMs: 1e12 };

const keys = ['a', 'b', 'c', 'd', 'e\xff', 'f\x00'];
const parts: OpParts = {
  key: fc.constantFrom(...keys),
  value: fc.constantFrom('', '0', '7', '41  ', '18446744073709551615', 'x', '\xff\x00').map(bytes),
  flags: fc.constantFrom(0, 1, 0xffff_ffff),
  ttlMs: fc.constantFrom(0, 0, 0, 1, 5, 20, 100),
  version: fc.integer({ min: 1, max: 60 }),
  by: fc.constantFrom(0n, 1n, 9n, 2n ** 64n - 1n),
  lease: fc.constantFrom(1, 2, 3, 4),
};
const batch = fc.record({
  kind: fc.constant('batch' as const),
  batch: fc.oneof(
    fc.record({ atomic: fc.constant(false), ops: fc.array(allOps(parts), { maxLength: 4, size: 'max' }) }),
    fc.record({ atomic: fc.constant(true), ops: fc.array(keyOps(parts), { maxLength: 4, size: 'max' }) }),
  ),
  /** A fence on the key's version as it is (0), or as it was so many changes ago. */
  fence: fc.option(fc.record({ lock: parts.key, off: fc.constantFrom(0, 0, 1) }), {
    freq: 5,
    nil: undefined,
  }),
});
const step = fc.record({
  laterMs: fc.constantFrom(0, 0, 0, 1, 4, 30),
  action: fc.oneof(
    { weight: 10, arbitrary: batch },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('expire' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('save' as const, 'restart' as const) }) },
  ),
});

const comparable = (results: readonly OpResult[]): unknown =>
  results.map(({ value, ...rest }) => ({ ...rest, value: value && Buffer.from(value).toString('latin1') }));

/** Keys and values as somebody knows them who watched all changes. */
function watched(machine: KvStateMachine): Map<string, string> {
  const events = machine.changes(1, Infinity);
  assert(events !== 'compacted');
  const seen = new Map<string, string>();
  for (const { type, key, record } of events) {
    if (type === 'flush') seen.clear();
    else if (record === null) assert(seen.delete(key), 'what goes was there');
    else seen.set(key, Buffer.from(record.value).toString('latin1'));
  }
  return seen;
}

function compare({ machine }: Opened, model: NaiveModel): void {
  const { state } = model;
  assert.equal(machine.version, state.version);
  assert.equal(machine.keyCount, state.keys.size);
  assert.equal(machine.leaseCount, state.leases.size);
  const seen = keys.flatMap((key) => {
    const record = machine.get(key);
    return record === undefined
      ? []
      : [[key, { ...record, value: Buffer.from(record.value).toString('latin1') }]];
  });
  assert.deepEqual(seen, model.visible());
  const stored = new Map([...state.keys].map(([key, { value }]) => [key, value]));
  assert.deepEqual(watched(machine), stored);
}

test('the machine does what a naive model does, whatever the operations, restarts included', () => {
  const met = new Set<string>();
  const property = fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
    const model = new NaiveModel();
    let opened = open(options);
    const client = new Client(opened.machine);
    let stampMs = 0;
    for (const { laterMs, action } of steps) {
      stampMs += laterMs;
      if (action.kind === 'batch') {
        const { ops, atomic } = action.batch;
        const { lock, off } = action.fence ?? { lock: '', off: 0 };
        const fence =
          action.fence === undefined
            ? undefined
            : { lock, token: Math.max(0, (model.state.keys.get(lock)?.version ?? 0) - off) };
        client.machine = opened.machine;
        const results = client.batch(stampMs, ops, atomic, fence);
        assert.deepEqual(comparable(results), comparable(model.batch(ops, atomic, stampMs, fence)));
        results.forEach(({ status }, i) => met.add(`${ops[i]?.op} ${status}`));
      } else if (action.kind === 'expire') {
        expire(opened.machine, stampMs);
        model.expire(stampMs);
      } else {
        checkSaved(opened);
        if (action.kind === 'restart') opened = open(options, opened.storage.copy());
      }
      compare(opened, model);
    }
    while ((opened.machine.nextDeadlineMs() ?? Infinity) < 1e11) {
      stampMs = Math.max(stampMs, opened.machine.nextDeadlineMs() ?? 0);
      run(opened.machine, { command: 'expire' }, stampMs);
      model.expire(stampMs);
    }
    compare(opened, model);
    checkSaved(opened);
    const stored = [...opened.storage.range({ start: 'k', end: 'l' })].length;
    assert.equal(stored, opened.machine.keyCount, 'nothing is left of what was flushed');
  });
  fc.assert(property, { seed: 21, numRuns: runs });
  assert(met.size >= 50, `only ${met.size} kinds of results were met`);
});
