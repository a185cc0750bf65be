import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runScenario, scenarios, type Scenario } from './index.ts';
import { keyValueScenarios } from './key-value-scenarios.ts';
import { partitionScenarios } from './partition-scenarios.ts';
import { persistScenarios } from './persist-scenarios.ts';
import type { Stage } from './stage.ts';
import { TypedWay } from './typed-way.ts';

/** The fixed sample is small: `npm run test:full` plays more. */
const full = process.env['KVRAFT_TEST_FULL'] === '1';
const SEEDS = full ? 20 : 2;
const TYPED_SEEDS = full ? 20 : 1;

function play(scenario: Scenario, seeds: number): void {
  for (let seed = 1; seed <= seeds; seed++) {
    const { failure, stack, transcript } = runScenario(scenario, seed);
    assert.equal(failure, null, `seed ${seed}: ${failure}\n${transcript.join('\n')}\n${stack}`);
  }
}

for (const scenario of scenarios) {
  test(`${scenario.name}: ${scenario.about}`, () => play(scenario, SEEDS));
}

/** The twelve of the Raft service. */
const twelve = [...keyValueScenarios, ...partitionScenarios, ...persistScenarios];

for (const scenario of twelve) {
  test(`${scenario.name} with typed clients: ${scenario.about}`, () => {
    const typed = (stage: Stage): void => {
      stage.clients.way = new TypedWay(stage);
      scenario.play(stage);
    };
    play({ ...scenario, play: typed }, TYPED_SEEDS);
  });
}

test('a scenario replays from its seed, event for event', () => {
  for (const scenario of scenarios.filter(({ name }) => name.startsWith('TestPersist'))) {
    assert.equal(runScenario(scenario, 1).digest, runScenario(scenario, 1).digest, scenario.name);
  }
});
