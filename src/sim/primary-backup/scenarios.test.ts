import assert from 'node:assert/strict';
import { test } from 'node:test';
import { primaryBackupScenarios, runPrimaryBackupScenario } from './scenarios.ts';

/** The fixed sample is small: `npm run test:full` plays more. */
const SEEDS = process.env['KVRAFT_TEST_FULL'] === '1' ? 100 : 1;

for (const scenario of primaryBackupScenarios) {
  test(`${scenario.name}: ${scenario.about}`, () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { failure, stack, transcript } = runPrimaryBackupScenario(scenario, seed);
      assert.equal(failure, null, `seed ${seed}: ${failure}\n${transcript.join('\n')}\n${stack}`);
    }
  });
}
