import type { SystemName } from '../load/job.ts';
import { curves, type Curve } from '../rows/curve-rows.ts';
import { drawChart, escapeText, type Chart, type Series } from './chart.ts';
import { headTexts, type Report } from './report.ts';
import { valueSpread, type RowResult } from './results.ts';
import { figuresTable, goalsTable, type Table } from './table.ts';

const colors: Partial<Record<SystemName, string>> = {
  kvraft: '#0b6bcb',
  etcd: '#c8501e',
  redis: '#888',
  memcached: '#3a8a3a',
};
const CURVE_SYSTEMS: readonly SystemName[] = ['kvraft', 'etcd'];

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1180px; padding: 0 1rem; color: #222; background: #fff; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; font-size: 13px; }
th, td { padding: 3px 10px; border-bottom: 1px solid #ddd; text-align: right; }
th:first-child, td:first-child { text-align: left; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(480px, 1fr)); gap: 1rem; }
svg { width: 100%; height: auto; } svg text { font: 11px system-ui, sans-serif; fill: #444; } svg text.title { font-size: 13px; font-weight: 600; }
.grid { stroke: #e4e4e4; fill: none; } .mark { stroke: #b00; stroke-dasharray: 2 3; fill: none; } .line { fill: none; stroke-width: 1.8; }
`;

/** One page that needs no network: tables and plots of whatever was measured. */
export function htmlReport(report: Report): string {
  const plots = [
    ...curves.flatMap((curve) => curveCharts(curve, report.results)),
    ...report.results.flatMap(timeCharts),
  ];
  const drawn = plots.map(drawChart).filter((svg) => svg !== '');
  const tables = report.results
    .filter(({ row }) => row.group !== 'curves')
    .map((result) => htmlTable(figuresTable(result)));
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>kvraft: measurements</title><style>${STYLE}</style></head><body>
<h1>kvraft: measurements</h1>
<ul>${headTexts(report)
    .map((text) => `<li>${escapeText(text)}</li>`)
    .join('')}</ul>
<h2>Goals</h2>${htmlTable(goalsTable(report.results))}
<h2>Plots</h2><div class="plots">${drawn.join('\n')}</div>
<h2>Figures</h2><p>Medians of the rounds; in parentheses the lowest and the highest.</p>${tables.join('\n')}
</body></html>
`;
}

function htmlTable([head = [], ...lines]: Table): string {
  const row = (tag: string, cells: readonly string[]): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeText(cell)}</${tag}>`).join('')}</tr>`;
  return `<table>${row('th', head)}${lines.map((cells) => row('td', cells)).join('')}</table>`;
}

/** Throughput, and latency percentiles, over a curve's axis. */
function curveCharts(curve: Curve, results: readonly RowResult[]): Chart[] {
  const seriesOf = (system: SystemName, key: string, name: string, dashed: boolean): Series => ({
    ...{ name, dashed, color: colors[system] ?? '#000' },
    points: curve.points.flatMap(({ x, row }) => {
      const result = results.find((one) => one.row.id === row.id);
      const spread = result === undefined ? null : valueSpread(result.rounds, system, key);
      return spread === null ? [] : [{ x, y: spread.median }];
    }),
  });
  return [
    {
      ...{ title: `${curve.title}: throughput`, xLabel: curve.axis, yLabel: 'per second', xLog: true },
      series: CURVE_SYSTEMS.map((system) => seriesOf(system, 'perSecond', system, false)),
    },
    {
      ...{ title: `${curve.title}: latency`, xLabel: curve.axis, yLabel: 'ms', xLog: true, yLog: true },
      series: CURVE_SYSTEMS.flatMap((system) => [
        seriesOf(system, 'p50Ms', `${system} p50`, false),
        seriesOf(system, 'p99Ms', `${system} p99`, true),
      ]),
    },
  ];
}

/** Rows with a time series: replies and the longest latency in every interval, of the first round. */
function timeCharts({ row, rounds }: RowResult): Chart[] {
  const [first] = rounds;
  const measured = Object.entries(first ?? {}).flatMap(([system, sample]) => {
    const { intervals = [], values } = sample;
    return intervals.length === 0
      ? []
      : [{ system: system as SystemName, intervals, killAtMs: values['killAtMs'] }];
  });
  const seriesOf = (figure: 'rate' | 'maxMs'): Series[] =>
    measured.map(({ system, intervals }) => {
      const widthMs = (intervals[1]?.atMs ?? 0) - (intervals[0]?.atMs ?? 0);
      const points = intervals.map(({ atMs, replies, maxMs }) => {
        return { x: atMs / 1000, y: figure === 'rate' ? (replies * 1000) / Math.max(1, widthMs) : maxMs };
      });
      return { name: system, color: colors[system] ?? '#000', points };
    });
  const killAtMs = measured.find((one) => one.killAtMs !== undefined)?.killAtMs;
  const mark = killAtMs === undefined ? {} : { mark: { x: killAtMs / 1000, text: 'SIGKILL' } };
  if (measured.length === 0) return [];
  return [
    {
      title: `${row.title}: acknowledged`,
      xLabel: 's',
      yLabel: 'per second',
      ...mark,
      series: seriesOf('rate'),
    },
    { title: `${row.title}: longest latency`, xLabel: 's', yLabel: 'ms', ...mark, series: seriesOf('maxMs') },
  ];
}
