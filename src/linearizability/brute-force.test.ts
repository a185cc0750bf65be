import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { createPrng, type Prng } from '../base/prng.ts';
import { checkHistory } from './checker.ts';
import { generateHistory } from './generator.test-support.ts';
import { formatHistory, parseHistory } from './history-json.ts';
import {
  operationKinds,
  resultStatuses,
  type KeyInvocation,
  type Operation,
  type OperationKind,
  type OperationResult,
} from './history.ts';
import { history } from './handmade.test-support.ts';

/** The state of one key, as written down from the documents, with nothing shared with the models under test. */
interface Cell {
  readonly value: string | null;
  readonly version: number;
  readonly lastVersion: number;
  readonly ttlMs: number;
  readonly expiryFromMs: number;
  /** Changes have a version from 1 to this; 0: none. */
  readonly versions: number;
}

const nothing: Cell = {
  value: null,
  version: 0,
  lastVersion: 0,
  ttlMs: 0,
  expiryFromMs: Infinity,
  versions: 0,
};
const TOLERANCE_MS = 1;

/** Whether some order is legal: tries every order, every choice of optional operations, of expiries and of unknown versions. */
function isLegal(operations: readonly Operation[], versions: number): boolean {
  const left = operations.filter(
    ({ outcome, kind }) => outcome === 'ok' || (outcome === 'unknown' && !kind.startsWith('get')),
  );
  return place(left, { ...nothing, versions }, -Infinity);
}

const absentAfter = ({ versions }: Cell, lastVersion: number): Cell => ({
  ...nothing,
  versions,
  lastVersion,
});

function place(left: readonly Operation[], cell: Cell, nowMs: number): boolean {
  if (left.every(({ outcome }) => outcome === 'unknown')) return true;
  if (cell.value !== null && cell.expiryFromMs < Infinity) {
    const gone = absentAfter(cell, cell.lastVersion);
    if (place(left, gone, Math.max(nowMs, cell.expiryFromMs))) return true;
  }
  return left.some((operation) => {
    const at = Math.max(nowMs, operation.callMs);
    if (at > returnOf(operation)) return false;
    const others = left.filter((each) => each !== operation);
    if (others.some((each) => returnOf(each) < at)) return false;
    return outcomesOf(operation, cell).some((next) => place(others, next, at));
  });
}

const returnOf = ({ outcome, returnMs }: Operation): number =>
  outcome === 'ok' ? (returnMs as number) : Infinity;

/** The states that the operation can lead to with the answer that it got, if it got one. */
function outcomesOf(operation: Operation, cell: Cell): Cell[] {
  const { kind, value = '', result, callMs, ttlMs = 0, version, when = 'always', ops } = operation;
  if (ops !== undefined) return batchOutcomes(operation, ops, cell);
  const found = cell.value !== null;
  const says = (...statuses: OperationResult['status'][]): boolean =>
    result === undefined || statuses.includes(result.status);
  const tells = (text: string): boolean => result?.value === undefined || result.value === text;
  const versions = Array.from({ length: cell.versions }, (_, i) => i + 1).filter(
    (each) => each > cell.lastVersion && (result?.version === undefined || result.version === each),
  );
  const expiryFromMs = ttlMs === 0 ? Infinity : callMs + ttlMs - TOLERANCE_MS;
  const making = (made: string, expiry: Pick<Cell, 'ttlMs' | 'expiryFromMs'>): Cell[] =>
    (cell.versions === 0 ? [0] : versions).map((each) => ({
      value: made,
      version: each,
      lastVersion: each,
      ttlMs: expiry.ttlMs,
      expiryFromMs: expiry.expiryFromMs,
      versions: cell.versions,
    }));
  const lasting = { ttlMs: 0, expiryFromMs: Infinity };
  const isThere = (seen: number | undefined): boolean => seen === undefined || seen === cell.version;
  switch (kind) {
    case 'put':
      return [{ ...nothing, value }];
    case 'get':
    case 'getm': {
      if (!found) return result?.status === 'not-found' ? [cell] : [];
      const fits =
        result?.status === 'ok' &&
        result.value === cell.value &&
        isThere(result.version) &&
        (result.ttlMs === undefined || fitsTtl(cell, result.ttlMs, operation.returnMs as number));
      return fits ? [cell] : [];
    }
    case 'check':
    case 'cas':
    case 'touch':
    case 'delete':
      if (!found && when === 'absent') return says('ok') ? [cell] : [];
      if (!found) return says('not-found') ? [cell] : [];
      break;
    case 'increment':
    case 'decrement':
      if (!found && operation.initial === undefined) return says('not-found') ? [cell] : [];
      // Which of two faults is told first is left open.
      if (found && result?.status === 'not-a-number' && !/^\d+$/.test(cell.value)) return [cell];
      break;
    default:
      if (!found && when === 'present') return says('not-found') ? [cell] : [];
  }
  if (found && when === 'absent') return says('exists') && isThere(result?.version) ? [cell] : [];
  if (found && version !== undefined && version !== cell.version)
    return says('version-mismatch') && isThere(result?.version) ? [cell] : [];
  const old = cell.value ?? '';
  switch (kind) {
    case 'set':
    case 'cas':
      return says('ok') ? making(value, { ttlMs, expiryFromMs }) : [];
    case 'append':
      return says('ok') ? making(old + value, cell) : [];
    case 'prepend':
      return says('ok') ? making(value + old, cell) : [];
    case 'put-hash':
      return says('ok') && tells(old) ? making(`${hashOf(old + value)}`, lasting) : [];
    case 'check':
      return says('ok') && isThere(result?.version) ? [cell] : [];
    case 'touch':
      return says('ok') && isThere(result?.version) && tells(old) ? [{ ...cell, ttlMs, expiryFromMs }] : [];
    case 'delete':
      if (!says('ok')) return [];
      if (result?.version === undefined) return [absentAfter(cell, cell.lastVersion)];
      return versions.map((each) => absentAfter(cell, each));
    default: {
      const { initial = '', by } = operation;
      if (!found) return says('ok') && tells(initial) ? making(initial, { ttlMs, expiryFromMs }) : [];
      if (!/^\d+$/.test(old)) return says('not-a-number') ? [cell] : [];
      const made = Math.max(0, Number(old) + (kind === 'increment' ? Number(by) : -Number(by)));
      return says('ok') && tells(`${made}`) ? making(`${made}`, cell) : [];
    }
  }
}

/** FNV-1a by the numbers of its specification, with whole numbers of any size. */
function hashOf(text: string): bigint {
  let hash = 2166136261n;
  for (const byte of Buffer.from(text)) hash = ((hash ^ BigInt(byte)) * 16777619n) % 2n ** 32n;
  return hash;
}

/** Each operation of a batch in turn, all of them or, if one cannot be done, none. */
function batchOutcomes(batch: Operation, ops: readonly KeyInvocation[], cell: Cell): Cell[] {
  const status = batch.result?.status;
  const isUndone = status === 'not-applied';
  const reached = ops.reduce<Cell[]>(
    (cells, op, at) => {
      const { result: _, ops: __, ...rest } = batch;
      const answer = batch.result?.results?.[at];
      const isKnown = answer !== undefined && answer.status !== 'not-applied';
      const part: Operation = { ...rest, ...op, ...(isKnown ? { result: answer } : {}) };
      return cells.flatMap((each) => {
        if (isKnown) return outcomesOf(part, each);
        const isIdle = op.kind === 'delete' && op.version === undefined && each.value === null;
        const done = outcomesOf({ ...part, result: { status: 'ok' } }, each);
        if (isUndone)
          // Nobody sees a version that was not made after all.
          return isIdle
            ? [each]
            : done
                .slice(0, 1)
                .map((next) =>
                  next.version === each.version
                    ? next
                    : { ...next, version: -1, lastVersion: each.lastVersion },
                );
        return isIdle ? [each] : done;
      });
    },
    [cell],
  );
  if (isUndone) return reached.length > 0 ? [cell] : [];
  return reached;
}

function fitsTtl(cell: Cell, ttlMs: number, returnMs: number): boolean {
  if (cell.ttlMs === 0) return ttlMs === 0;
  return ttlMs > 0 && ttlMs <= Math.ceil(cell.ttlMs / 1000) * 1000 && ttlMs >= cell.expiryFromMs - returnMs;
}

const span = fc.record({
  callMs: fc.nat(8),
  tookMs: fc.nat(6),
  isUnknown: fc.nat(3).map((dice) => dice === 0),
});
const text = fc.constantFrom('a', 'b', 'ab', '');

/** Random answers are nearly always wrong, so reads repeat what short orders of the writes could lead to. */
function operations(kinds: readonly OperationKind[]): fc.Arbitrary<Operation[]> {
  const versioned = kinds.includes('set');
  const one = fc
    .record({
      kind: fc.constantFrom(...kinds),
      span,
      value: versioned ? fc.constantFrom('a', 'b') : text,
      read: kinds.includes('append')
        ? fc.constantFrom('a', 'b', 'ab', 'ba', 'aab', '')
        : fc.constantFrom('a', 'b'),
      version: fc.integer({ min: 1, max: 4 }),
      made: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
      ttlMs: fc.constantFrom(0, 0, 2, 4),
      when: fc.constantFrom('always', 'always', 'absent', 'present'),
      status: fc.nat(9),
      readTtlMs: fc.constantFrom(undefined, 0, 1, 3, 1000),
    })
    .map((dice): Operation => {
      const { callMs, tookMs, isUnknown } = dice.span;
      const { kind } = dice;
      const writes = kind === 'put' || kind === 'append' || kind === 'set' || kind === 'cas';
      const base = {
        client: 'c',
        kind,
        key: 'x',
        callMs,
        ...(writes ? { value: dice.value } : {}),
        ...(kind === 'cas' ? { version: dice.version } : {}),
        ...(kind === 'set' || kind === 'cas' ? { ttlMs: dice.ttlMs } : {}),
        ...(kind === 'set' ? ({ when: dice.when } as const) : {}),
      };
      if (isUnknown) return { ...base, returnMs: null, outcome: 'unknown' };
      return { ...base, returnMs: callMs + tookMs, outcome: 'ok', result: resultOf(dice, versioned) };
    });
  return fc.array(one, { minLength: 1, maxLength: versioned ? 5 : 6 });
}

interface Dice {
  readonly kind: OperationKind;
  readonly read: string;
  readonly made: number | undefined;
  readonly when: string;
  readonly status: number;
  readonly version: number;
  readonly readTtlMs: number | undefined;
}

function resultOf(
  { kind, read, made, when, status, version, readTtlMs }: Dice,
  versioned: boolean,
): OperationResult {
  const madeVersion = made === undefined ? {} : { version: made };
  switch (kind) {
    case 'put':
    case 'append':
      return { status: 'ok' };
    case 'get':
    case 'getm': {
      if (status < 3) return { status: 'not-found' };
      const ttl = !versioned || readTtlMs === undefined ? {} : { ttlMs: readTtlMs };
      const seen = kind === 'getm' ? { version } : {};
      return { status: 'ok', value: read, ...seen, ...ttl };
    }
    case 'set':
      if (status < 3 && when === 'absent') return { status: 'exists' };
      if (status < 3 && when === 'present') return { status: 'not-found' };
      return { status: 'ok', ...madeVersion };
    case 'cas':
      if (status < 2) return { status: 'not-found' };
      return status < 4 ? { status: 'version-mismatch', ...madeVersion } : { status: 'ok', ...madeVersion };
    default:
      return { status: status < 3 ? 'not-found' : 'ok' };
  }
}

const suites: [name: string, kinds: OperationKind[], runs: number][] = [
  ['register', ['put', 'get'], 4_000],
  ['append', ['put', 'append', 'append', 'get', 'get'], 4_000],
  ['versioned', ['set', 'set', 'cas', 'delete', 'get', 'getm'], 6_000],
];

for (const [name, kinds, numRuns] of suites) {
  test(`${name}: the verdict is that of trying every order, on thousands of small histories`, () => {
    const verdicts = { ok: 0, illegal: 0 };
    fc.assert(
      fc.property(operations(kinds), (sample) => {
        const expected = isLegal(sample, name === 'versioned' ? 8 : 0) ? 'ok' : 'illegal';
        verdicts[expected]++;
        const header = {
          model: name as 'register',
          clockToleranceMs: TOLERANCE_MS,
          versionScope: 'key',
        } as const;
        assert.equal(checkHistory(history(sample, header)).verdict, expected);
      }),
      { seed: 20, numRuns },
    );
    assert.ok(verdicts.ok > numRuns / 10, `${verdicts.ok} legal histories`);
    assert.ok(verdicts.illegal > numRuns / 10, `${verdicts.illegal} illegal histories`);
  });
}

const RUNS = 3_000;

test('every kind: the verdict on short legal histories, and on those with one other answer, is that of trying every order', () => {
  const verdicts = { ok: 0, illegal: 0 };
  const kinds = new Set<string>();
  for (let seed = 0; seed < RUNS; seed++) {
    const made = generateHistory({
      seed,
      model: 'versioned',
      allKinds: true,
      clients: 3,
      keys: 1,
      operations: 5,
      unknownRate: 0.15,
      ttlMsMax: 4,
    });
    const sample = seed % 3 === 0 ? made.operations : otherAnswer(made.operations, createPrng(seed));
    const named = sample.flatMap(({ result }) => [result, ...(result?.results ?? [])]);
    const changes = sample.reduce((count, { ops }) => count + (ops?.length ?? 1), 0);
    const versions = Math.max(0, ...named.map((result) => result?.version ?? 0)) + changes;
    const expected = isLegal(sample, versions) ? 'ok' : 'illegal';
    verdicts[expected]++;
    for (const { kind } of sample) kinds.add(kind);
    const header = { model: 'versioned', clockToleranceMs: TOLERANCE_MS, versionScope: 'key' } as const;
    const { verdict } = checkHistory(history(sample, header));
    assert.equal(verdict, expected, `seed ${seed}: ${JSON.stringify(sample, null, 1)}`);
  }
  assert.ok(verdicts.ok > RUNS / 10 && verdicts.illegal > RUNS / 10, JSON.stringify(verdicts));
  for (const [kind, models] of Object.entries(operationKinds)) {
    if ((models as readonly string[]).includes('versioned')) assert.ok(kinds.has(kind), kind);
  }
});

/** The history with one answer that says something else, as far as such an operation may be answered so. */
function otherAnswer(operations: readonly Operation[], prng: Prng): readonly Operation[] {
  const values = operations.flatMap(({ value, result }) => [value ?? '', result?.value ?? '1']);
  for (let tries = 0; tries < 20; tries++) {
    const at = prng.below(operations.length);
    const operation = operations[at] as Operation;
    if (operation.result === undefined) continue;
    const { results } = operation.result;
    const part = prng.below(results?.length ?? 1);
    const before = results?.[part] ?? operation.result;
    const { version, ...unversioned } = before;
    const others: readonly OperationResult[] = [
      { ...before, version: Math.max(1, (version ?? 1) + (prng.chance(0.5) ? 1 : -1)) },
      unversioned,
      { ...before, value: values[prng.below(values.length)] as string },
      { status: resultStatuses[prng.below(resultStatuses.length)] as 'ok' },
    ];
    const other = others[prng.below(others.length)] as OperationResult;
    const result =
      results === undefined ? other : { ...operation.result, results: results.with(part, other) };
    const changed = operations.with(at, { ...operation, result });
    if (isWellFormed(changed)) return changed;
  }
  return operations;
}

function isWellFormed(operations: readonly Operation[]): boolean {
  try {
    parseHistory(Buffer.from([...formatHistory(history(operations))].join('')));
    return true;
  } catch {
    return false;
  }
}
