import assert from 'node:assert/strict';
import { test } from 'node:test';
import { find, playClean } from '../sabotage/sabotage.test-support.ts';
import { primaryBackupSabotages } from './sabotages.test-support.ts';

for (const sabotage of primaryBackupSabotages) {
  const { name, seedsMax } = sabotage;
  test(`found within ${seedsMax} seeds: ${name}`, (context) => {
    const found = find(sabotage);
    assert.ok(found !== null, 'the simulator finds nothing');
    context.diagnostic(`seed ${found.seed}: ${found.failure}`);
    assert.equal(playClean(sabotage, found.seed), null, 'the same seeds are clean without it');
  });
}
