import assert from 'node:assert/strict';
import { test } from 'node:test';
import { complete, type ShellVocabulary } from './shell-completion.ts';

const vocabulary: ShellVocabulary = {
  commands: new Map([
    ['get', ['--json', '--stale']],
    ['getm', []],
    ['range', ['--prefix']],
  ]),
  keyCommands: new Set(['get', 'getm']),
  keys: (prefix) => Promise.resolve([`${prefix}1`, `${prefix} 2`]),
};

test('commands, options and keys are completed where they can stand', async () => {
  const cases: [string, string[], string][] = [
    ['', ['get', 'getm', 'range'], ''],
    ['ge', ['get', 'getm'], 'ge'],
    ['get --', ['--json', '--stale'], '--'],
    ['get --s', ['--stale'], '--s'],
    ['get user', ['user1', '"user 2"'], 'user'],
    ['get user more', [], 'more'],
    ['get "us', [], '"us'],
    ['range user', [], 'user'],
    ['range --p', ['--prefix'], '--p'],
    ['frob x', [], 'x'],
  ];
  for (const [line, hits, word] of cases)
    assert.deepEqual(await complete(line, vocabulary), [hits, word], line);
});
