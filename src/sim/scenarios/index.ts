import { damageScenarios } from './damage-scenarios.ts';
import { replicaRegressions } from './replica-regressions.ts';
import { sessionTraps } from './session-traps.ts';
import { timeScenarios } from './time-scenarios.ts';
import { storageTraps } from './storage-traps.ts';
import { electionTraps } from './election-traps.ts';
import { foundingScenarios } from './founding-scenarios.ts';
import { faultScenarios } from './fault-scenarios.ts';
import { keyValueScenarios } from './key-value-scenarios.ts';
import { lockScenarios } from './lock-scenarios.ts';
import { partitionScenarios } from './partition-scenarios.ts';
import { persistScenarios } from './persist-scenarios.ts';
import type { Scenario } from './scenario.ts';

/** All scenarios, by family. */
export const scenarios: readonly Scenario[] = [
  ...keyValueScenarios,
  ...partitionScenarios,
  ...persistScenarios,
  ...faultScenarios,
  ...lockScenarios,
  ...electionTraps,
  ...timeScenarios,
  ...storageTraps,
  ...foundingScenarios,
  ...damageScenarios,
  ...sessionTraps,
  ...replicaRegressions,
];

export { runScenario, type Scenario, type ScenarioResult } from './scenario.ts';
