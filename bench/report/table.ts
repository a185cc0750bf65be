import type { SystemName } from '../load/job.ts';
import { goalResults, valueSpread, type RowResult, type Spread } from './results.ts';

/** A table of texts; the first row is its head. */
export type Table = readonly (readonly string[])[];

const grouped = (figure: number, digits: number): string =>
  figure.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** As many digits as three significant ones need. */
const compact = (figure: number): string =>
  grouped(figure, Math.abs(figure) >= 100 ? 0 : Math.abs(figure) >= 10 ? 1 : 2);

export function spreadText({ median, low, high }: Spread): string {
  return low === high ? compact(median) : `${compact(median)} (${compact(low)}–${compact(high)})`;
}

/** Every goal with what came of it. */
export function goalsTable(results: readonly RowResult[]): Table {
  const lines = results.flatMap((result) =>
    goalResults(result).map(({ goal, spread, met }) => [
      result.row.title,
      goal.text,
      spreadText(spread),
      met ? 'yes' : 'no',
    ]),
  );
  return [['work', 'goal', 'measured (lowest–highest round)', 'met'], ...lines];
}

/** The figures of one row: medians, and the spread of the first one. */
export function figuresTable({ row, rounds }: RowResult): Table {
  const systems = row.systems.filter((system) => rounds.some((round) => round[system] !== undefined));
  const lines = systems.map((system) => [system, ...row.metrics.map((metric, i) => cell(system, metric, i))]);
  return [[row.title, ...row.metrics.map(({ label }) => label)], ...lines];

  function cell(system: SystemName, metric: (typeof row.metrics)[number], index: number): string {
    const spread = valueSpread(rounds, system, metric.key);
    if (spread === null) return '–';
    const { median, low, high } = spread;
    const text = grouped(median, metric.digits);
    return index > 0 || low === high
      ? text
      : `${text} (${grouped(low, metric.digits)}–${grouped(high, metric.digits)})`;
  }
}

/** For a terminal: the first column to the left, all others to the right. */
export function plainText(table: Table): string {
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map((line) => line[column]?.length ?? 0)),
  );
  return table
    .map((line) =>
      line
        .map((text, column) =>
          column === 0 ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export function markdown(table: Table): string {
  const [head = [], ...lines] = table;
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'));
  return [line(head), line(rule), ...lines.map(line)].join('\n');
}
