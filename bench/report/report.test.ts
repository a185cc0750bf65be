import assert from 'node:assert/strict';
import { test } from 'node:test';
import { curves } from '../rows/curve-rows.ts';
import type { Row } from '../rows/row.ts';
import { allRows, chooseRows } from '../rows/rows.ts';
import { ratio, type Round } from '../rows/sample.ts';
import { drawChart } from './chart.ts';
import { htmlReport } from './html.ts';
import { jsonReport, markdownReport, textReport, type Report } from './report.ts';
import { goalResults, lostWrites, spreadOf, type RowResult } from './results.ts';
import { spreadText } from './table.ts';

const row: Row = {
  id: 'write-x',
  title: 'write, <x>',
  systems: ['kvraft', 'etcd', 'redis'],
  keys: 1,
  group: 'goals',
  metrics: [
    { key: 'perSecond', label: 'per second', digits: 0 },
    { key: 'p99Ms', label: 'p99 ms', digits: 2 },
  ],
  goals: [
    { text: 'rate ≥ 3 × etcd', sense: '≥', bound: 3, of: ratio('perSecond', 'etcd') },
    { text: 'p99 ≤ 0.5 × etcd', sense: '≤', bound: 0.5, of: ratio('p99Ms', 'etcd') },
    { text: 'rate ≥ 1 × redis', sense: '≥', bound: 1, of: ratio('perSecond', 'redis') },
  ],
  measure: () => Promise.reject(new Error('not measured here')),
};
const round = (own: [number, number], etcd: [number, number]): Round => ({
  kvraft: { values: { perSecond: own[0], p99Ms: own[1] } },
  etcd: { values: { perSecond: etcd[0], p99Ms: etcd[1] } },
});
const result: RowResult = {
  row,
  // Ratios of the rates 4, 2, 5; of p99 0.5, 2, 0.6. The ratio of the medians would be another one.
  rounds: [round([4_000, 1], [1_000, 2]), round([1_000, 4], [500, 2]), round([10_000, 3], [2_000, 5])],
  audits: { kvraft: { checked: 1_234, violations: [] } },
};
const report: Report = {
  machine: {
    ...{ processor: 'P', cores: 2, memoryGib: 8, kernel: '6', node: 'v20', syncP50Ms: 0.1, syncP99Ms: 1 },
    loadAverage: 0.5,
  },
  versions: { kvraft: 'abc', etcd: '3.4.23', redis: null },
  settings: { rounds: 3, seconds: 5, warmUp: 2 },
  results: [result],
};

test('a goal goes by the median of the ratios of its rounds, and what was not measured is left out', () => {
  const goals = goalResults(result).map(({ goal, spread, met }) => [goal.text, spread, met]);
  assert.deepEqual(goals, [
    ['rate ≥ 3 × etcd', { median: 4, low: 2, high: 5 }, true],
    ['p99 ≤ 0.5 × etcd', { median: 0.6, low: 0.5, high: 2 }, false],
  ]);
});

test('medians of odd and even numbers of figures', () => {
  assert.deepEqual(spreadOf([3, 1, 2]), { median: 2, low: 1, high: 3 });
  assert.deepEqual(spreadOf([4, 1, 2, 3]), { median: 2.5, low: 1, high: 4 });
  assert.equal(spreadOf([]), null);
  assert.equal(spreadText({ median: 4, low: 2, high: 5 }), '4.00 (2.00–5.00)');
  assert.equal(spreadText({ median: 12_345.6, low: 12_345.6, high: 12_345.6 }), '12,346');
});

test('the tables name every system and goal', () => {
  const text = textReport(report);
  assert.match(text, /^kvraft +4,000 \(1,000–10,000\) +3\.00$/m);
  assert.match(text, /^etcd +1,000 \(500–2,000\) +2\.00$/m);
  assert.doesNotMatch(text, /redis/);
  assert.match(text, /1,234 keys were read back/);
  const markdown = markdownReport(report);
  assert.ok(markdown.includes('| write, <x> | rate ≥ 3 × etcd | 4.00 (2.00–5.00) | yes |'), markdown);
  assert.ok(markdown.includes('| write, <x> | p99 ≤ 0.5 × etcd | 0.60 (0.50–2.00) | no |'), markdown);
});

test('the JSON holds every sample', () => {
  const parsed = JSON.parse(jsonReport(report)) as {
    rows: { rounds: Round[]; goals: { median: number }[] }[];
  };
  assert.deepEqual(parsed.rows[0]?.rounds, result.rounds);
  assert.equal(parsed.rows[0]?.goals[0]?.median, 4);
});

test('a lost write is named and makes the run fail', () => {
  assert.deepEqual(lostWrites([result]), []);
  const violations = [{ key: 7, found: null, lastAcked: 3, lastSent: 4 }];
  const lost = lostWrites([{ ...result, audits: { kvraft: { checked: 1, violations } } }]);
  assert.equal(lost.length, 1);
  assert.match(lost[0] ?? '', /kvraft holds write null of key 7; 3 was acknowledged/);
});

test('the page is whole, escaped, and asks nobody for anything', () => {
  const [curve] = curves;
  const points = (curve?.points ?? []).map(({ row }) => ({ row, rounds: result.rounds, audits: {} }));
  const intervals = [0, 20, 40].map((atMs) => ({ atMs, replies: 5, p50Ms: 1, p99Ms: 2, maxMs: 3 }));
  const kill = { row, audits: {}, rounds: [{ kvraft: { values: { killAtMs: 20 }, intervals } }] };
  const html = htmlReport({ ...report, results: [result, ...points, kill] });
  assert.equal(
    html.match(/<svg /g)?.length,
    4,
    'throughput and latency of the curve, rate and latency over time',
  );
  assert.ok(html.includes('write, &lt;x&gt;') && !html.includes('<x>'));
  assert.ok(html.includes('SIGKILL'));
  assert.doesNotMatch(html, /https?:|<script|src=|NaN|Infinity/);
});

test('a line goes through its points, from left to right and from the bottom up', () => {
  const points = [
    { x: 0, y: 0 },
    { x: 10, y: 100 },
  ];
  const svg = drawChart({
    title: 't',
    xLabel: 'x',
    yLabel: 'y',
    series: [{ name: 's', color: 'red', points }],
  });
  assert.ok(svg.includes('d="M64.0 258.0L548.0 34.0"'), svg);
  assert.equal(drawChart({ title: 't', xLabel: 'x', yLabel: 'y', series: [] }), '');
});

test('rows are chosen by group, by name, or by the beginning of names', () => {
  const ids = (only: string[], more: { curves?: boolean; long?: boolean } = {}): string[] =>
    chooseRows(allRows, { only, curves: false, long: false, ...more }).map(({ id }) => id);
  assert.deepEqual(ids(['write-50']), ['write-50']);
  assert.deepEqual(ids(['echo', 'kill']), ['kill', 'echo-50x1', 'echo-50x16']);
  assert.ok(!ids([]).includes('endurance') && !ids([]).includes('keys-10000') && ids([]).includes('kill'));
  assert.ok(ids([], { long: true }).includes('growth') && ids([], { curves: true }).includes('keys-10000'));
  assert.throws(() => ids(['nothing']), /no row is called nothing/);
  assert.equal(new Set(allRows.map(({ id }) => id)).size, allRows.length);
});
