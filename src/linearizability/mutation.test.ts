import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHistory, type CheckResult } from './checker.ts';
import type { History, ModelName, Operation, OperationResult } from './history.ts';
import { generateHistory } from './generator.test-support.ts';

const SEEDS = Array.from({ length: 25 }, (_, seed) => seed);

function legal(seed: number, model: ModelName): History {
  const made = generateHistory({ seed, model, clients: 6, keys: 2, operations: 240 });
  assert.equal(checkHistory(made).verdict, 'ok');
  return made;
}

/** The history with one other answer. */
function answering(made: History, index: number, result: OperationResult): CheckResult {
  const operations = made.operations.map((each, i) => (i === index ? { ...each, result } : each));
  return checkHistory({ ...made, operations });
}

/** Runs `mutate` for every seed; it returns nothing if the history has no place for the fault. */
function detects(model: ModelName, mutate: (made: History) => CheckResult | undefined): void {
  let tried = 0;
  for (const seed of SEEDS) {
    const result = mutate(legal(seed, model));
    if (result === undefined) continue;
    tried++;
    assert.equal(result.verdict, 'illegal', `seed ${seed}`);
    const blocked = result.keys.flatMap((key) => (key.blocked === undefined ? [] : [key.blocked]));
    assert.ok(blocked.length > 0 || result.versionFaults.length > 0);
  }
  assert.ok(tried >= SEEDS.length / 2, `${tried} histories had a place for the fault`);
}

const precedes = (a: Operation, b: Operation): boolean => (a.returnMs as number) < b.callMs;

test('register: a value from nowhere is found', () => {
  detects('register', (made) => {
    const index = made.operations.findIndex(({ kind }, i) => kind === 'get' && i > 100);
    return answering(made, index, { status: 'ok', value: 'from nowhere' });
  });
});

test('register: a read that is two puts old is found', () => {
  detects('register', (made) => {
    for (const [index, read] of made.operations.entries()) {
      if (read.kind !== 'get') continue;
      const puts = made.operations.filter(
        (each) => each.kind === 'put' && each.key === read.key && precedes(each, read),
      );
      const old = puts.find((each) => puts.some((later) => precedes(each, later)));
      if (old !== undefined) return answering(made, index, { status: 'ok', value: old.value as string });
    }
    return undefined;
  });
});

const pieces = (text: string): string[] => text.match(/[^;]*;/g) ?? [];

/** A read, and the places in it of two pieces that were written one after the other, the later one before the read. */
function orderedPieces(made: History): [index: number, read: string[], i: number, j: number] | undefined {
  const writeOf = (key: string, piece: string): Operation =>
    made.operations.find((each) => each.key === key && each.value === piece) as Operation;
  for (const [index, operation] of made.operations.entries()) {
    const read = pieces(operation.result?.value ?? '');
    const writes = read.map((piece) => writeOf(operation.key, piece));
    for (const [j, write] of writes.entries()) {
      if (!precedes(write, operation)) continue;
      const i = writes.findIndex((each) => precedes(each, write));
      if (i >= 0 && i < j) return [index, read, i, j];
    }
  }
  return undefined;
}

test('append: a lost, a doubled and a misplaced piece are found', () => {
  const faults: ((read: string[], i: number, j: number) => string[])[] = [
    (read, _, j) => read.toSpliced(j, 1),
    (read, i) => [...read, read[i] as string],
    (read, i, j) => read.with(i, read[j] as string).with(j, read[i] as string),
  ];
  for (const fault of faults) {
    detects('append', (made) => {
      const found = orderedPieces(made);
      if (found === undefined) return undefined;
      const [index, read, i, j] = found;
      return answering(made, index, { status: 'ok', value: fault(read, i, j).join('') });
    });
  }
});

test('versioned: a version that goes back is found', () => {
  detects('versioned', (made) => {
    const written = ({ result }: Operation): boolean =>
      result?.status === 'ok' && result.version !== undefined;
    const index = made.operations.findLastIndex((each) => each.kind === 'set' && written(each));
    const old = made.operations.find(
      (each) => written(each) && precedes(each, made.operations[index] as Operation),
    );
    return old === undefined
      ? undefined
      : answering(made, index, { status: 'ok', version: old.result?.version as number });
  });
});

test('versioned: a second cas that claims to have won for the same version is found', () => {
  detects('versioned', (made) => {
    const casOf = (status: string): Operation[] =>
      made.operations.filter(({ kind, result }) => kind === 'cas' && result?.status === status);
    const isRival = (a: Operation, b: Operation): boolean => a.key === b.key && a.version === b.version;
    const refused = casOf('version-mismatch').find((loser) =>
      casOf('ok').some((winner) => isRival(loser, winner)),
    );
    return refused && answering(made, made.operations.indexOf(refused), { status: 'ok' });
  });
});

test('versioned: a missing key that was never to expire is found', () => {
  detects('versioned', (made) => {
    const sameKey = (a: Operation, b: Operation): boolean => a.key === b.key && a !== b;
    const changes = (each: Operation): boolean =>
      ['set', 'cas', 'delete'].includes(each.kind) && each.result?.status === 'ok';
    for (const [index, read] of made.operations.entries()) {
      if (read.kind !== 'get' || read.result?.status !== 'ok') continue;
      const others = made.operations.filter((each) => sameKey(each, read) && changes(each));
      const last = others.findLast((each) => precedes(each, read));
      if (last === undefined || last.kind === 'delete' || (last.ttlMs ?? 0) > 0) continue;
      if (others.some((each) => each !== last && !precedes(each, last) && !precedes(read, each))) continue;
      return answering(made, index, { status: 'not-found' });
    }
    return undefined;
  });
});
