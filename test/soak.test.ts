import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kvraft } from './support/command.ts';

test('a soak adds up what many seeds went through', async () => {
  const { code, stdout } = await kvraft('soak', '--seeds', '6', '--first-seed', '4', '--workers', '2');
  assert.equal(code, 0, stdout);
  assert.match(stdout, /^seeds from 4 on, 2 workers$/m);
  assert.match(stdout, /^6 seeds \(4 to 9\) in .* minutes, 0 failures$/m);
  assert.match(stdout, /^1 plays of 1 scenarios/m);
  assert.match(stdout, /operations checked: [1-9]/);
  assert.match(stdout, /faults: .*crash \d/);
});
