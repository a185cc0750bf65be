import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHistory, type Verdict } from '../checker.ts';
import type { KeyInvocation, Operation, OperationResult } from '../history.ts';
import { history, operation, type Span } from '../handmade.test-support.ts';

const verdictOf = (...operations: Operation[]): Verdict =>
  checkHistory(history(operations, { model: 'versioned', clockToleranceMs: 0 })).verdict;

const ask = (span: Span, asked: KeyInvocation, result: Partial<OperationResult> = {}): Operation =>
  operation('c', span, asked, result);
const set = (span: Span, value: string, version?: number): Operation =>
  ask(span, { kind: 'set', value }, version === undefined ? {} : { version });
const get = (span: Span, value: string | null): Operation =>
  ask(span, { kind: 'get' }, value === null ? { status: 'not-found' } : { value });

/** The second operation is legal behind the first, and is not with the other answer, or with the other read behind it. */
function tells(
  first: Operation,
  asked: KeyInvocation,
  right: Partial<OperationResult>,
  read: string | null,
): void {
  assert.equal(verdictOf(first, ask([2, 3], asked, right), get([4, 5], read)), 'ok');
  assert.equal(verdictOf(first, ask([2, 3], asked, right), get([4, 5], `${read}!`)), 'illegal');
}

test('append and prepend add to the value that there was, whatever its bytes', () => {
  tells(set([0, 1], 'b'), { kind: 'append', value: 'c' }, {}, 'bc');
  tells(set([0, 1], 'b'), { kind: 'prepend', value: 'a' }, {}, 'ab');
  tells(get([0, 1], null), { kind: 'prepend', value: 'a' }, {}, 'a');
  const half = '\ud800\u00c3';
  const otherHalf = '\ud800\u00a9';
  tells(set([0, 1], half), { kind: 'append', value: otherHalf }, {}, 'é');
  tells(get([0, 1], null), { kind: 'append', value: 'a', when: 'present' }, { status: 'not-found' }, null);
  tells(set([0, 1], 'b', 4), { kind: 'append', value: 'c', version: 4 }, { version: 6 }, 'bc');
  tells(set([0, 1], 'b', 4), { kind: 'append', value: 'c', version: 3 }, { status: 'version-mismatch' }, 'b');
});

test('two appends that both happened are both read, in one order for all', () => {
  const both = [ask([0, 9], { kind: 'append', value: 'a' }), ask([0, 9], { kind: 'append', value: 'b' })];
  assert.equal(verdictOf(...both, get([10, 11], 'ab'), get([10, 11], 'ab')), 'ok');
  assert.equal(verdictOf(...both, get([10, 11], 'ba')), 'ok');
  assert.equal(verdictOf(...both, get([10, 11], 'ab'), get([10, 11], 'ba')), 'illegal');
  assert.equal(verdictOf(...both, get([10, 11], 'a')), 'illegal');
});

test('what is appended to a key that may have expired leads to either value', () => {
  const short = ask([0, 1], { kind: 'set', value: 'a', ttlMs: 5 });
  const add = (span: Span): Operation => ask(span, { kind: 'append', value: 'b' });
  assert.equal(verdictOf(short, add([10, 11]), get([12, 13], 'ab')), 'ok');
  assert.equal(verdictOf(short, add([10, 11]), get([12, 13], 'b')), 'ok');
  assert.equal(verdictOf(short, add([2, 3]), get([12, 13], 'b')), 'illegal');
  // What was appended to goes with the key, and what was appended to nothing has no time to live.
  assert.equal(verdictOf(short, add([2, 3]), get([12, 13], null)), 'ok');
  assert.equal(verdictOf(short, add([10, 11]), get([12, 13], 'b'), get([99, 100], null)), 'illegal');
});

test('increment and decrement count with unsigned numbers of 64 bits', () => {
  tells(set([0, 1], '5'), { kind: 'increment', by: '3' }, { value: '8' }, '8');
  tells(set([0, 1], '5'), { kind: 'decrement', by: '3' }, { value: '2' }, '2');
  tells(set([0, 1], '5'), { kind: 'decrement', by: '9' }, { value: '0' }, '0');
  tells(set([0, 1], '18446744073709551615'), { kind: 'increment', by: '2' }, { value: '1' }, '1');
  tells(set([0, 1], '5  '), { kind: 'increment', by: '3' }, {}, '8');
  tells(get([0, 1], null), { kind: 'increment', by: '3', initial: '7' }, { value: '7' }, '7');
  tells(get([0, 1], null), { kind: 'decrement', by: '3' }, { status: 'not-found' }, null);
  tells(set([0, 1], 'x'), { kind: 'increment', by: '3' }, { status: 'not-a-number' }, 'x');
  assert.equal(
    verdictOf(set([0, 1], '5'), ask([2, 3], { kind: 'increment', by: '3' }, { value: '9' })),
    'illegal',
  );
  assert.equal(
    verdictOf(set([0, 1], '5'), ask([2, 3], { kind: 'increment', by: '3' }, { status: 'not-a-number' })),
    'illegal',
  );
});

test('no two increments are answered with the same number', () => {
  const add = (value: string): Operation => ask([2, 9], { kind: 'increment', by: '1' }, { value });
  assert.equal(verdictOf(set([0, 1], '0'), add('1'), add('2')), 'ok');
  assert.equal(verdictOf(set([0, 1], '0'), add('1'), add('1')), 'illegal');
  assert.equal(verdictOf(set([0, 1], '0'), add('2')), 'illegal');
  assert.equal(verdictOf(set([0, 1], '0'), ask([2], { kind: 'increment', by: '1' }), add('2')), 'ok');
});

test('a touch gives another time to live and nothing else', () => {
  const short = ask([0, 1], { kind: 'set', value: 'a', ttlMs: 5 }, { version: 3 });
  const touch = (ttlMs: number): Operation =>
    ask([2, 3], { kind: 'touch', ttlMs }, { value: 'a', version: 3 });
  assert.equal(verdictOf(short, touch(0), get([10, 11], 'a')), 'ok');
  assert.equal(verdictOf(short, touch(0), get([10, 11], null)), 'illegal');
  assert.equal(verdictOf(short, touch(50), get([10, 11], null)), 'illegal');
  assert.equal(
    verdictOf(set([0, 1], 'a'), ask([2, 3], { kind: 'touch', ttlMs: 5 }), get([10, 11], null)),
    'ok',
  );
  assert.equal(verdictOf(short, ask([2, 3], { kind: 'touch', ttlMs: 5 }, { version: 4 })), 'illegal');
  assert.equal(verdictOf(short, ask([2, 3], { kind: 'touch' }, { status: 'not-found' })), 'illegal');
  assert.equal(verdictOf(ask([2, 3], { kind: 'touch' }, { status: 'not-found' })), 'ok');
});

test('put-hash makes the hash of the old value and the new one', () => {
  // FNV-1a of "a" and of "foobar" by its authors' test vectors.
  tells(get([0, 1], null), { kind: 'put-hash', value: 'a' }, { value: '' }, String(0xe40c292c));
  tells(set([0, 1], 'foo'), { kind: 'put-hash', value: 'bar' }, { value: 'foo' }, String(0xbf9cf968));
  assert.equal(
    verdictOf(set([0, 1], 'foo'), ask([2, 3], { kind: 'put-hash', value: 'bar' }, { value: '' })),
    'illegal',
  );
});

test('a check tells of the version at one moment', () => {
  const check = (asked: Omit<KeyInvocation, 'kind'>, result: Partial<OperationResult> = {}): Verdict =>
    verdictOf(set([0, 1], 'a', 4), ask([2, 3], { kind: 'check', ...asked }, result));
  assert.equal(check({ version: 4 }), 'ok');
  assert.equal(check({ version: 3 }), 'illegal');
  assert.equal(check({ version: 3 }, { status: 'version-mismatch', version: 4 }), 'ok');
  assert.equal(check({ version: 4 }, { status: 'version-mismatch' }), 'illegal');
  assert.equal(check({ version: 4 }, { status: 'not-found' }), 'illegal');
  assert.equal(check({ when: 'absent' }), 'illegal');
  assert.equal(check({ when: 'absent' }, { status: 'exists', version: 4 }), 'ok');
  assert.equal(verdictOf(ask([2, 3], { kind: 'check', when: 'absent' })), 'ok');
});

test('a delete for a version removes that version only', () => {
  const removal = (version: number, result: Partial<OperationResult>, read: string | null): Verdict =>
    verdictOf(set([0, 1], 'a', 4), ask([2, 3], { kind: 'delete', version }, result), get([4, 5], read));
  assert.equal(removal(4, { version: 5 }, null), 'ok');
  assert.equal(removal(4, {}, 'a'), 'illegal');
  assert.equal(removal(3, { status: 'version-mismatch', version: 4 }, 'a'), 'ok');
  assert.equal(removal(4, { status: 'version-mismatch' }, 'a'), 'illegal');
  assert.equal(removal(3, {}, null), 'illegal');
});

const batch = (span: Span, ops: KeyInvocation[], results?: OperationResult[]): Operation => {
  const isDone = results?.every(({ status }) => status === 'ok') ?? true;
  return ask(
    span,
    { kind: 'batch', ops },
    { status: isDone ? 'ok' : 'not-applied', ...(results && { results }) },
  );
};

test('a batch takes effect at one moment, and wholly', () => {
  const both = batch(
    [0, 9],
    [
      { kind: 'set', value: 'a' },
      { kind: 'append', value: 'b' },
    ],
  );
  assert.equal(verdictOf(both, get([1, 2], null), get([3, 4], 'ab')), 'ok');
  assert.equal(verdictOf(both, get([1, 2], 'a')), 'illegal');
  assert.equal(verdictOf(both, ask([1, 9], { kind: 'append', value: 'c' }), get([10, 11], 'acb')), 'illegal');
});

test('a batch that was not done changed nothing, and had a reason', () => {
  const ops: KeyInvocation[] = [
    { kind: 'append', value: 'b' },
    { kind: 'check', version: 3 },
  ];
  const undone = (result: OperationResult): Operation =>
    batch([2, 3], ops, [{ status: 'not-applied' }, result]);
  const first = set([0, 1], 'a', 4);
  assert.equal(verdictOf(first, undone({ status: 'version-mismatch' }), get([4, 5], 'a')), 'ok');
  assert.equal(verdictOf(first, undone({ status: 'version-mismatch' }), get([4, 5], 'ab')), 'illegal');
  // Behind the append the key would have been there.
  assert.equal(verdictOf(first, undone({ status: 'not-found' })), 'illegal');
  assert.equal(verdictOf(undone({ status: 'not-found' })), 'illegal');
});

test('a batch for a version is done once for each version', () => {
  const next = (value: string, version: number): Operation =>
    batch(
      [2, 9],
      [
        { kind: 'check', version: 4 },
        { kind: 'set', value },
      ],
      [{ status: 'ok' }, { status: 'ok', version }],
    );
  assert.equal(verdictOf(set([0, 1], 'a', 4), next('b', 5), get([10, 11], 'b')), 'ok');
  assert.equal(verdictOf(set([0, 1], 'a', 4), next('b', 5), next('c', 6)), 'illegal');
});

test('a batch of unknown fate happened wholly or not at all', () => {
  const lost = operation('c', [2], {
    kind: 'batch',
    ops: [{ kind: 'delete' }, { kind: 'append', value: 'b' }],
  });
  assert.equal(verdictOf(set([0, 1], 'a'), lost, get([3, 4], 'a'), get([5, 6], 'b')), 'ok');
  assert.equal(verdictOf(lost, get([3, 4], 'b')), 'ok');
  assert.equal(verdictOf(set([0, 1], 'a'), lost, get([3, 4], null)), 'illegal');
});

test('a key does not expire in the middle of a batch', () => {
  const ops: KeyInvocation[] = [
    { kind: 'set', value: 'a', ttlMs: 1 },
    { kind: 'check', when: 'absent' },
  ];
  assert.equal(verdictOf(batch([0, 90], ops, [{ status: 'ok' }, { status: 'ok' }])), 'illegal');
  const before = ask([0, 1], { kind: 'set', value: 'a', ttlMs: 1 });
  const gone = batch(
    [3, 9],
    [
      { kind: 'check', when: 'absent' },
      { kind: 'set', value: 'b' },
    ],
    [{ status: 'ok' }, { status: 'ok' }],
  );
  assert.equal(verdictOf(before, gone, get([10, 11], 'b')), 'ok');
});
