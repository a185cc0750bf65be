import type { Command } from 'commander';
import { askAdmin } from '../net/admin-client.ts';
import type { Address } from '../net/tcp-sockets.ts';
import { readConfig, type ServerConfig } from '../server/config.ts';
import type { MonitorConfig } from '../server/config-monitors.ts';
import type { MonitorStatus, ServerStatus } from '../server/status.ts';
import { exitCodes } from './exit-codes.ts';
import { configOption } from './options.ts';

const TIMEOUT_MS = 2_000;
/** Columns of text in the table; all others are numbers. */
const textColumns = new Set([1, 8]);

/** A server as `kvraft status --json` prints it; of one that does not answer only `id` and `up` are known. */
export type StatusRow = { readonly id: number; readonly up: false } | ({ readonly up: true } & ServerStatus);

/** The same of a monitor of the view service. */
export type MonitorRow =
  { readonly id: number; readonly up: false } | ({ readonly up: true } & MonitorStatus);

/** Asks every server of a configuration how it is. */
export function askStatus(servers: readonly ServerConfig[]): Promise<StatusRow[]> {
  return Promise.all(
    servers.map(({ id, hostname, logPort }) => ask<ServerStatus>(id, { host: hostname, port: logPort })),
  );
}

function askMonitors(monitors: readonly MonitorConfig[]): Promise<MonitorRow[]> {
  return Promise.all(
    monitors.map(({ id, hostname, port }) => ask<MonitorStatus>(id, { host: hostname, port })),
  );
}

async function ask<Status extends object>(
  id: number,
  address: Address,
): Promise<{ readonly id: number; readonly up: false } | ({ readonly up: true } & Status)> {
  try {
    const status = (await askAdmin(
      { ...address, timeoutMs: TIMEOUT_MS },
      { ask: 'status' },
    )) as Status | null;
    if (status !== null) return { ...status, up: true };
  } catch {
    // Not there, or not to be talked with: the same to whoever asks.
  }
  return { id, up: false };
}

export function registerStatus(program: Command): void {
  program
    .command('status')
    .description(
      'show how every server and monitor of the cluster is doing; exit code 4 when no server answers',
    )
    .addOption(configOption())
    .option('--json', 'print {"servers": […]} for programs, with "monitors" where there are any')
    .action(async (options: { config: string; json?: true }) => {
      const { servers, monitors: configured } = readConfig(options.config);
      const [rows, monitors] = await Promise.all([askStatus(servers), askMonitors(configured)]);
      if (options.json)
        console.log(JSON.stringify({ servers: rows, ...(monitors.length > 0 && { monitors }) }));
      else
        console.log(
          [
            formatStatus(rows),
            // Under the engine primary-backup the monitors say what is waited for.
            ...(monitors.length > 0 ? [] : formatWaits(rows)),
            ...formatClusters(rows),
            ...formatMonitors(monitors),
          ].join('\n'),
        );
      if (!rows.some(({ up }) => up)) process.exitCode = exitCodes.unreachable;
    });
}

const listens = ({ listeners }: ServerStatus): string =>
  listeners.map(({ name, port }) => `${name}:${port}`).join(' ');

function formatStatus(rows: readonly StatusRow[]): string {
  const table = [
    ['server', 'role', 'term', 'leader', 'commit', 'applied', 'keys', 'pid', 'listens'],
    ...rows.map((row) =>
      row.up
        ? [
            row.id,
            row.role,
            row.term,
            row.leaderId,
            row.commitIndex,
            row.lastApplied,
            row.keys,
            row.pid,
            listens(row),
          ]
        : [row.id, 'down', '', '', '', '', '', '', ''],
    ),
  ];
  return formatTable(table);
}

/** What keeps servers from serving. */
function formatWaits(rows: readonly StatusRow[]): string[] {
  return rows.flatMap((row) =>
    row.up && row.waiting !== '' ? [`server ${row.id} waits: ${row.waiting}`] : [],
  );
}

/** A warning when the servers do not all belong together. */
function formatClusters(rows: readonly StatusRow[]): string[] {
  const clusters = new Map<string, number[]>();
  for (const row of rows) {
    if (row.up && row.clusterId !== '')
      clusters.set(row.clusterId, [...(clusters.get(row.clusterId) ?? []), row.id]);
  }
  const parts = [...clusters].map(([clusterId, ids]) => `cluster ${clusterId}: ${ids.join(', ')}`);
  return parts.length > 1 ? [`these are servers of two clusters! ${parts.join('; ')}`] : [];
}

/** The monitors, and what the leading one waits for; nothing where there are none. */
function formatMonitors(rows: readonly MonitorRow[]): string[] {
  if (rows.length === 0) return [];
  const table = [
    ['monitor', 'role', 'term', 'view', 'primary', 'backup', 'in sync', 'pid'],
    ...rows.map((row) =>
      row.up
        ? [row.id, row.role, row.term, row.view, row.primary ?? '-', row.backup ?? '-', row.inSync, row.pid]
        : [row.id, 'down', '', '', '', '', '', ''],
    ),
  ];
  const waiting = rows.flatMap((row) => (row.up && row.waiting !== '' ? [row.waiting] : []));
  return ['', formatTable(table), ...waiting.map((reason) => `the view service waits: ${reason}`)];
}

function formatTable(rows: readonly (readonly unknown[])[]): string {
  const table = rows.map((row) => row.map(String));
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map((row) => (row[column] ?? '').length)),
  );
  return table
    .map((row) =>
      row
        .map((cell, column) =>
          textColumns.has(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
