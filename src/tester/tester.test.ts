import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nodeClock } from '../base/node-clock.ts';
import { createPrng } from '../base/prng.ts';
import { textDialects, type TextDialectName } from '../wire/text-dialects.ts';
import { faults, type Fault, type FaultSpec } from './faults.test-support.ts';
import { ModelCluster } from './model-cluster.test-support.ts';
import { allChecks, chooseChecks, runChecks, type CheckResult } from './run.ts';
import { System } from './system.ts';

const seed = 1;

async function runOn(
  cluster: ModelCluster,
  names: readonly string[],
  patienceMs = 20_000,
): Promise<readonly CheckResult[]> {
  const system = new System({
    servers: cluster.servers,
    dialect: cluster.dialect,
    control: cluster,
    clock: nodeClock,
    prng: createPrng(seed),
    patienceMs,
    silenceMs: 150,
    scale: 1,
    keyPrefix: 'k',
  });
  const checks = allChecks.filter(({ name }) => names.length === 0 || names.includes(name));
  assert.ok(names.length === 0 || checks.length === names.length, `all of ${names.join(', ')} exist`);
  return runChecks(system, checks);
}

describe('a cluster that plays by the rules passes', { concurrency: true }, () => {
  for (const [size, dialects] of [
    [3, ['kvraft', 'raft-golang', 'redirect', 'redirect-legacy']],
    [5, ['redirect']],
  ] as const satisfies [number, TextDialectName[]][]) {
    for (const dialect of dialects) {
      test(`with ${size} servers in the dialect ${dialect}`, async () => {
        await using cluster = await ModelCluster.create(size, textDialects[dialect]);
        const results = await runOn(cluster, []);
        assert.deepEqual(
          results.filter(({ verdict }) => verdict === 'failed'),
          [],
        );
        assert.ok(results.filter(({ verdict }) => verdict === 'passed').length > 30);
      });
    }
  }
});

describe('a server is found out that', { concurrency: true }, () => {
  for (const [fault, spec] of Object.entries(faults) as [Fault, FaultSpec][]) {
    test(fault, async () => {
      await using cluster = await ModelCluster.create(3, textDialects[spec.dialect ?? 'kvraft'], fault);
      for (const name of spec.foundBy) {
        const [result] = await runOn(cluster, [name], 2_500);
        assert.equal(result?.verdict, 'failed', `${name} passed`);
        assert.notEqual(result?.message, '');
      }
    });
  }
});

test('every check that says anything is shown to fail, and names are told apart by words', () => {
  assert.equal(new Set(allChecks.map(({ name }) => name)).size, allChecks.length);
  assert.deepEqual(
    chooseChecks(['race/'], ['counter']).map(({ name }) => name),
    ['race/cas', 'race/create'],
  );
});
