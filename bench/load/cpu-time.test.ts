import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cpuSeconds, parseCpuSeconds } from './cpu-time.ts';

test('user and system time are found behind any name', () => {
  const rest = 'S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 11';
  assert.equal(parseCpuSeconds(`77 (node) ${rest}`), 3);
  assert.equal(parseCpuSeconds(`77 (a) b (c)) ${rest}`), 3);
});

test('work of this process is counted; a process that is gone has none', () => {
  const before = cpuSeconds(process.pid);
  const cpu = process.cpuUsage();
  while (process.cpuUsage(cpu).user < 60_000);
  assert.ok(cpuSeconds(process.pid) > before);
  assert.equal(cpuSeconds(2 ** 22 + 1), 0);
});
