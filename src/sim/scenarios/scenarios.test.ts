import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runScenario, scenarios } from './index.ts';

/** The fixed sample is small: `npm run test:full` plays more. */
const SEEDS = process.env['KVRAFT_TEST_FULL'] === '1' ? 20 : 2;

for (const scenario of scenarios) {
  test(`${scenario.name}: ${scenario.about}`, () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { failure, stack, transcript } = runScenario(scenario, seed);
      assert.equal(failure, null, `seed ${seed}: ${failure}\n${transcript.join('\n')}\n${stack}`);
    }
  });
}

test('a scenario replays from its seed, event for event', () => {
  for (const scenario of scenarios.filter(({ name }) => name.startsWith('TestPersist'))) {
    assert.equal(runScenario(scenario, 1).digest, runScenario(scenario, 1).digest, scenario.name);
  }
});
