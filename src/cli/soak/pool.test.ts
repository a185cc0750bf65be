import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { runPool } from './pool.ts';

test('seeds whose process dies or comes to no end are told, and the others go on in a new one', async () => {
  const reported: number[] = [];
  const pids = new Set<string>();
  const lost = new Map<number, string>();
  let seed = 0;
  await runPool({
    worker: join(import.meta.dirname, 'pool.test-support.js'),
    // With one at a time it is known who gets which seed.
    workers: 1,
    seedMsMax: 2_000,
    next: () => (seed < 8 ? ++seed : null),
    onReport: (report) => {
      reported.push(report.seed);
      for (const pid of report.failures) pids.add(pid);
    },
    onLost: (which, reason) => lost.set(which, reason),
  });
  assert.deepEqual(reported, [1, 2, 4, 6, 7, 8]);
  assert.equal(lost.get(3), 'its process ended with exit code 7');
  assert.equal(lost.get(5), 'it came to no end within 2 s');
  assert.equal(pids.size, 3, 'a lost process is replaced');
});

test('several processes share the seeds', async () => {
  const reported: number[] = [];
  let seed = 10;
  await runPool({
    worker: join(import.meta.dirname, 'pool.test-support.js'),
    workers: 2,
    seedMsMax: 60_000,
    next: () => (seed < 20 ? ++seed : null),
    onReport: (report) => reported.push(report.seed),
    onLost: (which, reason) => assert.fail(`${which}: ${reason}`),
  });
  assert.deepEqual(
    reported.sort((a, b) => a - b),
    [11, 12, 13, 14, 15, 16, 17, 18, 19, 20],
  );
});
