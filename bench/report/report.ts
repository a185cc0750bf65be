import type { Machine } from '../machine.ts';
import { machineText } from '../machine.ts';
import { goalResults, type RowResult } from './results.ts';
import { figuresTable, goalsTable, markdown, plainText, type Table } from './table.ts';

/** Everything that a run gave. */
export interface Report {
  readonly machine: Machine;
  /** Null: not installed. */
  readonly versions: Readonly<Record<string, string | null>>;
  readonly settings: { readonly rounds: number; readonly seconds: number; readonly warmUp: number };
  readonly results: readonly RowResult[];
}

function auditText({ results }: Report): string {
  const checked = results
    .flatMap(({ audits }) => Object.values(audits))
    .reduce((sum, audit) => sum + audit.checked, 0);
  const lost = results
    .flatMap(({ audits }) => Object.values(audits))
    .flatMap(({ violations }) => violations).length;
  return lost === 0
    ? `${checked.toLocaleString('en-US')} keys were read back afterwards; every acknowledged write was there.`
    : `${lost} keys lack acknowledged writes.`;
}

const versionsText = ({ versions, settings }: Report): string =>
  `${Object.entries(versions)
    .filter(([name, version]) => version !== null && name !== 'echo')
    .map(([name, version]) => `${name} ${version}`)
    .join(', ')}; ${settings.rounds} rounds of ${settings.seconds} s after ${settings.warmUp} s of warm-up`;

/** None where no row with a goal was measured. */
function goalsTexts({ results }: Report, format: (table: Table) => string): string[] {
  const table = goalsTable(results);
  return table.length > 1 ? [format(table)] : [];
}

export function textReport(report: Report): string {
  const figures = report.results.map((result) => plainText(figuresTable(result)));
  return [...figures, ...goalsTexts(report, plainText), auditText(report)].join('\n\n');
}

export function markdownReport(report: Report): string {
  const figures = report.results
    .filter(({ row }) => row.group !== 'curves')
    .map((result) => markdown(figuresTable(result)));
  const head = [machineText(report.machine), versionsText(report), auditText(report)].map(
    (text) => `- ${text}`,
  );
  return `${[head.join('\n'), ...goalsTexts(report, markdown), ...figures].join('\n\n')}\n`;
}

/** All samples, for programs. */
export function jsonReport(report: Report): string {
  const rows = report.results.map((result) => {
    const { row, rounds, audits } = result;
    const goals = goalResults(result).map(({ goal, spread, met }) => {
      const { text, sense, bound } = goal;
      return { text, sense, bound, ...spread, met };
    });
    return { id: row.id, title: row.title, goals, rounds, audits };
  });
  const { machine, versions, settings } = report;
  return `${JSON.stringify({ machine, versions, settings, rows }, null, 1)}\n`;
}

export const headTexts = (report: Report): string[] => [
  machineText(report.machine),
  versionsText(report),
  auditText(report),
];
