// Measures kvraft beside other stores, on this machine, in turn. See docs/performance.md.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import type { SystemName } from './load/job.ts';
import { describeMachine, machineText } from './machine.ts';
import { htmlReport } from './report/html.ts';
import type { Report } from './report/report.ts';
import { jsonReport, markdownReport, textReport } from './report/report.ts';
import { lostWrites } from './report/results.ts';
import { allRows, chooseRows } from './rows/rows.ts';
import { runRows } from './runner.ts';
import { versionOf } from './systems/installed.ts';

const SYSTEMS: readonly SystemName[] = ['kvraft', 'etcd', 'redis', 'memcached', 'echo'];

interface Options {
  readonly only: readonly string[];
  readonly systems: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUp: number;
  readonly minutes: number;
  readonly curves?: true;
  readonly long?: true;
  readonly list?: true;
  readonly folder: string;
  readonly json?: string;
  readonly markdown?: string;
  readonly html?: string;
}

function positive(text: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new InvalidArgumentError('must be a number above 0.');
  return number;
}
const words = (text: string): string[] => text.split(',').filter((word) => word !== '');

function readOptions(): Options {
  return new Command('npm run bench --')
    .description('measures kvraft beside etcd, redis and memcached, where they are installed')
    .option('--only <rows>', 'ids of rows, or their beginnings, with commas between', words, [])
    .option('--systems <names>', 'which systems, with commas between', words, [...SYSTEMS])
    .option('--rounds <n>', 'how often every system is measured in turn', positive, 5)
    .option('--seconds <n>', 'length of a measurement', positive, 5)
    .option('--warm-up <n>', 'seconds of load before each measurement', positive, 2)
    .option('--minutes <n>', 'length of the endurance run', positive, 60)
    .option('--curves', 'measure the curves of the plots, too (--html does)')
    .option('--long', 'also 10 million keys, and the endurance run')
    .option('--folder <path>', 'where the data goes; on the disk that is to be measured', tmpdir())
    .option('--json <file>', 'write all samples')
    .option('--markdown <file>', 'write the tables')
    .option('--html <file>', 'write one page with tables and plots')
    .option('--list', 'print the rows')
    .parse()
    .opts<Options>();
}

async function run(options: Options): Promise<number> {
  const { rounds, seconds, warmUp, minutes } = options;
  const rows = chooseRows(allRows, {
    only: options.only,
    curves: options.curves ?? options.html !== undefined,
    long: options.long ?? false,
  });
  if (options.list) {
    for (const { id, group, title } of allRows) console.log(`${id.padEnd(24)} ${group.padEnd(7)} ${title}`);
    return 0;
  }
  mkdirSync(options.folder, { recursive: true });
  const folder = mkdtempSync(join(options.folder, 'kvraft-bench-'));
  // Servers that were killed a moment ago may still be closing files.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }));
  const machine = describeMachine(folder);
  console.error(machineText(machine));
  const systems = SYSTEMS.filter((name) => options.systems.includes(name));
  const results = await runRows(rows, {
    ...{ folder, systems, say: (line) => console.error(line) },
    effort: { rounds, measureMs: seconds * 1000, warmUpMs: warmUp * 1000, enduranceMs: minutes * 60_000 },
  });
  const versions = Object.fromEntries(systems.map((name) => [name, versionOf(name)]));
  const report: Report = { machine, versions, settings: { rounds, seconds, warmUp }, results };
  console.log(textReport(report));
  if (options.json !== undefined) writeFileSync(options.json, jsonReport(report));
  if (options.markdown !== undefined) writeFileSync(options.markdown, markdownReport(report));
  if (options.html !== undefined) writeFileSync(options.html, htmlReport(report));
  const lost = lostWrites(results);
  for (const line of lost) console.error(`LOST: ${line}`);
  return lost.length === 0 ? 0 : 1;
}

// What was started is ended on the way out.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
try {
  process.exit(await run(readOptions()));
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}
