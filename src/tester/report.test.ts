import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatJunit, formatResult, formatSummary, summarize } from './report.ts';
import type { CheckResult } from './run.ts';

const about = 'a rule';
const results: CheckResult[] = [
  { name: 'basic/get', about, verdict: 'passed', durationMs: 1_234, message: '' },
  { name: 'basic/set', about, verdict: 'failed', durationMs: 10, message: 'got "<\0&>"\nof it' },
  { name: 'failure/x', about, verdict: 'left out', durationMs: 0, message: 'needs 3 servers' },
];

test('a result is told with its time, and with what is wrong below it', () => {
  const [passed = assert.fail(), failed = assert.fail(), leftOut = assert.fail()] = results.map(formatResult);
  assert.match(passed, /^ok +1\.23 s {2}basic\/get +a rule$/);
  assert.match(failed, /^FAIL +0\.01 s {2}basic\/set +a rule\n +got "/);
  assert.match(leftOut, /^- +failure\/x +a rule\n +needs 3 servers$/);
  assert.equal(formatSummary(summarize(results)), '1 passed, 1 failed, 1 left out, in 1.24 s');
});

test('JUnit XML holds any message', () => {
  const xml = formatJunit(results, { seed: '7', 'a "b"': '<&>' });
  assert.match(xml, /<testsuite name="kvraft tester" tests="3" failures="1" skipped="1" time="1\.24">/);
  assert.match(xml, /<property name="a &quot;b&quot;" value="&lt;&amp;&gt;"\/>/);
  assert.match(xml, /<testcase classname="basic" name="get" time="1\.23"\/>/);
  assert.match(xml, /<failure message="got &quot;&lt;\?&amp;&gt;&quot;&#10;of it"\/>/);
  assert.match(xml, /<skipped message="needs 3 servers"\/>/);
});
