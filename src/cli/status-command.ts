import type { Command } from 'commander';
import { askAdmin } from '../net/admin-client.ts';
import { readConfig, type ServerConfig } from '../server/config.ts';
import type { ServerStatus } from '../server/status.ts';
import { exitCodes } from './exit-codes.ts';
import { configOption } from './options.ts';

const TIMEOUT_MS = 2_000;
/** Columns of text in the table; all others are numbers. */
const textColumns = new Set([1, 8]);

/** A server as `kvraft status --json` prints it; of one that does not answer only `id` and `up` are known. */
export type StatusRow = { readonly id: number; readonly up: false } | ({ readonly up: true } & ServerStatus);

/** Asks every server of a configuration how it is. */
export function askStatus(servers: readonly ServerConfig[]): Promise<StatusRow[]> {
  return Promise.all(
    servers.map(async ({ id, hostname, logPort }): Promise<StatusRow> => {
      try {
        const status = await askAdmin(
          { host: hostname, port: logPort, timeoutMs: TIMEOUT_MS },
          { ask: 'status' },
        );
        return { ...(status as ServerStatus), up: true };
      } catch {
        return { id, up: false };
      }
    }),
  );
}

export function registerStatus(program: Command): void {
  program
    .command('status')
    .description('show how every server of the cluster is doing; exit code 4 when none answers')
    .addOption(configOption())
    .option('--json', 'print {"servers": […]} for programs')
    .action(async (options: { config: string; json?: true }) => {
      const rows = await askStatus(readConfig(options.config).servers);
      if (options.json) console.log(JSON.stringify({ servers: rows }));
      else console.log(formatStatus(rows));
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
  ].map((row) => row.map(String));
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
