import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Command, type CommanderError } from 'commander';
import type { KvraftError } from '../base/errors.ts';
import { generateHistory } from '../linearizability/generator.test-support.ts';
import { formatHistory } from '../linearizability/history-json.ts';
import { registerCheck } from './check-command.ts';

const legal = [
  ...formatHistory(generateHistory({ seed: 1, model: 'append', clients: 3, keys: 2, operations: 50 })),
].join('');
const illegal = [
  { client: 'a', kind: 'put', key: 'x', value: '1', callMs: 0, returnMs: 1, outcome: 'ok' },
  {
    client: 7,
    kind: 'get',
    key: 'x',
    callMs: 2,
    returnMs: 3,
    outcome: 'ok',
    result: { status: 'not-found' },
  },
]
  .map((line) => JSON.stringify(line))
  .join('\n');

/** Makes a folder with one file, `history.jsonl`. */
function folderWith(t: TestContext, history: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'kvraft-check-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'history.jsonl'), history);
  return folder;
}

/** Runs the command; returns what it printed, its exit code and what it threw, if it did. */
function run(t: TestContext, ...argv: string[]): { printed: string; exitCode: unknown; error: unknown } {
  const lines: string[] = [];
  const log = t.mock.method(console, 'log', (line: string) => lines.push(line));
  const program = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  registerCheck(program);
  let error: unknown;
  try {
    program.parse(['check', ...argv], { from: 'user' });
  } catch (thrown) {
    error = thrown;
  }
  const { exitCode } = process;
  process.exitCode = undefined;
  log.mock.restore();
  return { printed: lines.join('\n'), exitCode, error };
}

test('a linearizable history: exit code 0', (t) => {
  const { printed, exitCode } = run(t, join(folderWith(t, legal), 'history.jsonl'));
  assert.equal(printed, 'history.jsonl: linearizable (50 operations on 2 keys, model append)');
  assert.equal(exitCode, 0);
});

test('one that is not: exit code 1, the operation without a place and the reason', (t) => {
  const { printed, exitCode } = run(t, join(folderWith(t, illegal), 'history.jsonl'));
  assert.equal(exitCode, 1);
  assert.match(printed, /history.jsonl: NOT linearizable \(2 operations on 1 key, model register\)/);
  assert.match(printed, /key "x": no place for the get by client 7 \(2 to 3 ms\)/);
  assert.match(printed, /it read absent, but the value is "1"/);
});

test('--json prints the result for programs', (t) => {
  const { printed, exitCode } = run(t, join(folderWith(t, illegal), 'history.jsonl'), '--json');
  assert.equal(exitCode, 1);
  const result = JSON.parse(printed) as {
    verdict: string;
    model: string;
    operations: number;
    illegal: object[];
  };
  assert.deepEqual([result.verdict, result.model, result.operations], ['illegal', 'register', 2]);
  const reason = 'it read absent, but the value is "1"';
  assert.deepEqual(result.illegal, [
    { key: '"x"', operations: 2, order: [0], operation: 1, reason, state: '"1"', isFirst: true },
  ]);
});

test('--html writes the report', (t) => {
  const folder = folderWith(t, illegal);
  run(t, join(folder, 'history.jsonl'), '--html', join(folder, 'report.html'));
  assert.match(
    readFileSync(join(folder, 'report.html'), 'utf8'),
    /^<!doctype html>.*<title>history.jsonl<\/title>/s,
  );
});

test('--model decides what is checked', (t) => {
  const file = join(folderWith(t, illegal), 'history.jsonl');
  assert.match(run(t, file, '--model', 'append', '--json').printed, /"model":"append"/);
  const { error } = run(t, file, '--model', 'versioned');
  assert.match((error as KvraftError).message, /the model versioned knows no put/);
  assert.equal((error as KvraftError).code, 'INVALID_ARGUMENT');
});

test('a history that is too hard for the time: exit code 3', (t) => {
  const hard = generateHistory({
    seed: 4,
    model: 'append',
    clients: 30,
    keys: 1,
    operations: 4_000,
    values: 2,
    unknownRate: 0.1,
  });
  const file = join(folderWith(t, [...formatHistory(hard)].join('')), 'history.jsonl');
  const { printed, exitCode } = run(t, file, '--timeout', '0.2');
  assert.match(printed, /history.jsonl: not decided .*\n {2}not decided: 1 of 1 key; out of time/);
  assert.equal(exitCode, 3);
});

test('a wrong file or argument is refused, and says what is wrong', (t) => {
  const folder = folderWith(t, `${illegal}\n{"client":1}`);
  const file = join(folder, 'history.jsonl');
  const refusals: [argv: string[], code: string, message: RegExp][] = [
    [[file], 'INVALID_ARGUMENT', /history.jsonl: line 3: "kind" must be one of/],
    [[join(folder, 'absent')], 'INVALID_ARGUMENT', /cannot read .*absent: ENOENT/],
    [[], 'commander.missingArgument', /missing required argument 'file'/],
    [
      [file, '--model', 'queue'],
      'commander.invalidArgument',
      /Allowed choices are register, append, versioned/,
    ],
    [[file, '--timeout', '0'], 'commander.invalidArgument', /a timeout is a number of seconds above 0/],
  ];
  for (const [argv, code, message] of refusals) {
    const { error } = run(t, ...argv);
    assert.equal((error as KvraftError | CommanderError).code, code);
    assert.match((error as Error).message, message);
  }
  writeFileSync(file, illegal);
  const { error } = run(t, file, '--html', join(folder, 'no', 'report.html'));
  assert.match((error as Error).message, /cannot write .*report.html/);
});
