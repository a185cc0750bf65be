import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { HISTORY_LINES_MAX, ShellHistory } from './shell-history.ts';

test('lines are kept for the next shell, for their owner alone, and not without bound', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'kvraft-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'history');
  const history = new ShellHistory({ KVRAFT_HISTORY: file });
  assert.deepEqual(history.load(), []);
  for (const line of ['first', '  ', 'second']) history.add(line);
  assert.deepEqual(history.load(), ['second', 'first']);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  for (let i = 0; i < 2 * HISTORY_LINES_MAX; i++) history.add(String(i));
  assert.equal(history.load().length, HISTORY_LINES_MAX);
  assert.equal(readFileSync(file, 'utf8').split('\n').length, HISTORY_LINES_MAX + 1);
});

test('a history that cannot be kept stops nobody', () => {
  const history = new ShellHistory({ KVRAFT_HISTORY: '/nowhere/at/all' });
  history.add('line');
  assert.deepEqual(history.load(), []);
});
