import type { CheckResult } from './run.ts';

const marks = { passed: 'ok  ', failed: 'FAIL', 'left out': '-   ' } as const;

const seconds = (ms: number): string => (ms / 1_000).toFixed(2);

/** One result, for people. */
export function formatResult({ name, about, verdict, durationMs, message }: CheckResult): string {
  const time = verdict === 'left out' ? ''.padStart(8) : `${seconds(durationMs).padStart(6)} s`;
  const head = `${marks[verdict]} ${time}  ${name.padEnd(26)}${about}`;
  return message === '' ? head : `${head}\n${' '.repeat(15)}${message}`;
}

export interface Summary {
  readonly passed: number;
  readonly failed: number;
  readonly leftOut: number;
  readonly durationMs: number;
}

export function summarize(results: readonly CheckResult[]): Summary {
  const count = (verdict: CheckResult['verdict']): number =>
    results.filter((result) => result.verdict === verdict).length;
  return {
    passed: count('passed'),
    failed: count('failed'),
    leftOut: count('left out'),
    durationMs: results.reduce((sum, { durationMs }) => sum + durationMs, 0),
  };
}

export function formatSummary({ passed, failed, leftOut, durationMs }: Summary): string {
  const left = leftOut === 0 ? '' : `, ${leftOut} left out`;
  return `${passed} passed, ${failed} failed${left}, in ${seconds(durationMs)} s`;
}

/** The results as JUnit's XML, which build servers show. */
export function formatJunit(
  results: readonly CheckResult[],
  properties: Readonly<Record<string, string>>,
): string {
  const { failed, leftOut, durationMs } = summarize(results);
  const counts = `tests="${results.length}" failures="${failed}" skipped="${leftOut}" time="${seconds(durationMs)}"`;
  const cases = results.map(({ name, verdict, durationMs, message }) => {
    const [group = '', what = ''] = name.split('/');
    const head = `    <testcase classname="${escape(group)}" name="${escape(what)}" time="${seconds(durationMs)}"`;
    if (verdict === 'passed') return `${head}/>`;
    const element = verdict === 'failed' ? 'failure' : 'skipped';
    return `${head}>\n      <${element} message="${escape(message)}"/>\n    </testcase>`;
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<testsuites>',
    `  <testsuite name="kvraft tester" ${counts}>`,
    '    <properties>',
    ...Object.entries(properties).map(
      ([name, value]) => `      <property name="${escape(name)}" value="${escape(value)}"/>`,
    ),
    '    </properties>',
    ...cases,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

/** Of characters that XML cannot hold at all, a question mark is left. */
const escape = (text: string): string =>
  text
    // eslint-disable-next-line no-control-regex -- these are what is looked for
    .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '?')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\n', '&#10;');
