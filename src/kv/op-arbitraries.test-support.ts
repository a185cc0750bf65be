import * as fc from 'fast-check';
import { EXPIRED } from './fields.ts';
import type { KeyOp, Op } from './ops.ts';

/** What random operations are made of. */
export interface OpParts {
  readonly key: fc.Arbitrary<string>;
  readonly value: fc.Arbitrary<Uint8Array>;
  readonly flags: fc.Arbitrary<number>;
  readonly ttlMs: fc.Arbitrary<number>;
  readonly version: fc.Arbitrary<number>;
  readonly by: fc.Arbitrary<bigint>;
  readonly lease: fc.Arbitrary<number>;
}

const when = fc.constantFrom('always' as const, 'absent' as const, 'present' as const);

export function keyOps({ key, value, flags, ttlMs, version, by, lease }: OpParts): fc.Arbitrary<KeyOp> {
  const append = { key, value, when: fc.constantFrom('always' as const, 'present' as const) };
  const ttlOrNull = fc.oneof(fc.constant(null), fc.constant(EXPIRED), ttlMs);
  return fc.oneof(
    { weight: 3, arbitrary: fc.record({ op: fc.constant('set' as const), key, value, flags, ttlMs, when }) },
    fc.record({ op: fc.constant('set' as const), key, value, flags, ttlMs, when, lease }),
    fc.record({ op: fc.constant('cas' as const), key, value, flags, ttlMs, version }),
    fc.record({ op: fc.constant('cas' as const), key, value, flags, ttlMs, version, lease }),
    {
      weight: 2,
      arbitrary: fc.record({
        op: fc.constant('delete' as const),
        key,
        version: fc.oneof(fc.constant(0), version),
      }),
    },
    fc.record({ op: fc.constant('append' as const), ...append }),
    fc.record({ op: fc.constant('append' as const), ...append, version }),
    fc.record({ op: fc.constant('prepend' as const), ...append }),
    fc.record({
      op: fc.constant('cas' as const),
      key,
      value,
      flags,
      ttlMs,
      version,
      orOlder: fc.constant(true),
    }),
    fc.record({
      op: fc.constant('increment' as const),
      key,
      by,
      down: fc.boolean(),
      initial: fc.oneof(fc.constant(null), by),
      ttlMs,
    }),
    fc.record({
      op: fc.constant('increment' as const),
      key,
      by,
      down: fc.boolean(),
      initial: fc.constant(null),
      ttlMs,
      version: fc.oneof(fc.constant(0), version),
      newTtlMs: ttlOrNull.filter((ttl) => ttl !== null),
    }),
    fc.record({ op: fc.constant('touch' as const), key, ttlMs }),
    fc.record({
      op: fc.constant('visit' as const),
      key,
      ttlMs: ttlOrNull,
      vivifyTtlMs: ttlOrNull,
      recacheMs: fc.oneof(fc.constant(null), ttlMs),
    }),
    fc.record({
      op: fc.constant('invalidate' as const),
      key,
      version: fc.oneof(fc.constant(0), version),
      ttlMs: ttlOrNull,
    }),
    fc.record({ op: fc.constant('put-hash' as const), key, value }),
    fc.record({ op: fc.constant('check' as const), key, version: fc.oneof(fc.constant(null), version) }),
  );
}

export function allOps(parts: OpParts): fc.Arbitrary<Op> {
  const { lease, ttlMs } = parts;
  const grant = ttlMs.map((ttlMs) => ({ op: 'lease-grant' as const, ttlMs: Math.max(1, ttlMs) }));
  return fc.oneof(
    { weight: 30, arbitrary: keyOps(parts) },
    { weight: 1, arbitrary: fc.constantFrom<Op>({ op: 'flush' }, { op: 'flush', delayMs: 700 }) },
    { weight: 3, arbitrary: grant },
    { weight: 2, arbitrary: fc.record({ op: fc.constant('lease-keep-alive' as const), lease }) },
    { weight: 1, arbitrary: fc.record({ op: fc.constant('lease-revoke' as const), lease }) },
  );
}
