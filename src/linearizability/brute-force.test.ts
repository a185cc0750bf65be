import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { checkHistory } from './checker.ts';
import type { Operation, OperationKind, OperationResult } from './history.ts';
import { history } from './handmade.test-support.ts';

/** The state of one key, as written down from the documents, with nothing shared with the models under test. */
interface Cell {
  readonly value: string | null;
  readonly version: number;
  readonly lastVersion: number;
  readonly ttlMs: number;
  readonly expiryFromMs: number;
}

const nothing: Cell = { value: null, version: 0, lastVersion: 0, ttlMs: 0, expiryFromMs: Infinity };
const VERSIONS = 8;
const TOLERANCE_MS = 1;

/** Whether some order is legal: tries every order, every choice of optional operations, of expiries and of unknown versions. */
function isLegal(operations: readonly Operation[]): boolean {
  const left = operations.filter(
    ({ outcome, kind }) => outcome === 'ok' || (outcome === 'unknown' && !kind.startsWith('get')),
  );
  return place(left, nothing, -Infinity);
}

function place(left: readonly Operation[], cell: Cell, nowMs: number): boolean {
  if (left.every(({ outcome }) => outcome === 'unknown')) return true;
  if (cell.value !== null && cell.expiryFromMs < Infinity) {
    const gone = { ...nothing, lastVersion: cell.lastVersion };
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
  const { kind, value, result, callMs, ttlMs = 0, version, when = 'always' } = operation;
  const found = cell.value !== null;
  const says = (...statuses: OperationResult['status'][]): boolean =>
    result === undefined || statuses.includes(result.status);
  const versions = Array.from({ length: VERSIONS }, (_, i) => i + 1).filter(
    (each) => each > cell.lastVersion && (result?.version === undefined || result.version === each),
  );
  const written = versions.map((each) => ({
    value: value as string,
    version: each,
    lastVersion: each,
    ttlMs,
    expiryFromMs: ttlMs === 0 ? Infinity : callMs + ttlMs - TOLERANCE_MS,
  }));
  switch (kind) {
    case 'put':
      return [{ ...nothing, value: value as string }];
    case 'append':
      return [{ ...nothing, value: (cell.value ?? '') + (value as string) }];
    case 'get':
    case 'getm': {
      if (!found) return result?.status === 'not-found' ? [cell] : [];
      const fits =
        result?.status === 'ok' &&
        result.value === cell.value &&
        (result.version === undefined || result.version === cell.version) &&
        (result.ttlMs === undefined || fitsTtl(cell, result.ttlMs, operation.returnMs as number));
      return fits ? [cell] : [];
    }
    case 'set':
      if (when === 'absent' && found) return says('exists') ? [cell] : [];
      if (when === 'present' && !found) return says('not-found') ? [cell] : [];
      return says('ok') ? written : [];
    case 'cas':
      if (!found) return says('not-found') ? [cell] : [];
      if (cell.version === version) return says('ok') ? written : [];
      if (result?.version !== undefined && result.version !== cell.version) return [];
      return says('version-mismatch') ? [cell] : [];
    case 'delete':
      if (!found) return says('not-found') ? [cell] : [];
      return says('ok') ? [{ ...nothing, lastVersion: cell.lastVersion }] : [];
  }
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
    case 'delete':
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
        const expected = isLegal(sample) ? 'ok' : 'illegal';
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
