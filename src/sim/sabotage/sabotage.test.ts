import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diskSabotages } from './disk-sabotage.test-support.ts';
import { raftSabotages } from './raft-sabotage.test-support.ts';
import { find, playClean } from './sabotage.test-support.ts';

for (const sabotage of [...diskSabotages, ...raftSabotages]) {
  const { name, seedsMax } = sabotage;
  test(`found within ${seedsMax} seeds: ${name}`, (context) => {
    const found = find(sabotage);
    assert.ok(found !== null, 'the simulator finds nothing');
    context.diagnostic(`seed ${found.seed}: ${found.failure}`);
    assert.equal(playClean(sabotage, found.seed), null, 'the same seeds are clean without it');
  });
}
