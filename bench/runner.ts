import { join } from 'node:path';
import { cpuSeconds } from './load/cpu-time.ts';
import type { SystemName } from './load/job.ts';
import type { RowResult } from './report/results.ts';
import { audit, fill } from './rows/fill.ts';
import type { Effort, Row } from './rows/row.ts';
import type { Round } from './rows/sample.ts';
import { createSystem, versionOf } from './systems/installed.ts';
import type { System } from './systems/system.ts';

/** A system is at rest when all servers together use less than this share of a core. */
const REST_CORES_MAX = 0.08;
const REST_WINDOW_MS = 500;
const REST_PATIENCE_MS = 15_000;

/** The servers may have more work behind them than the answers show: flushes, compactions. */
async function rest(systems: readonly System[]): Promise<void> {
  const used = (): number =>
    systems.flatMap(({ pids }) => pids).reduce((sum, pid) => sum + cpuSeconds(pid), 0);
  const end = performance.now() + REST_PATIENCE_MS;
  for (let before = used(); performance.now() < end;) {
    await new Promise((resolve) => setTimeout(resolve, REST_WINDOW_MS));
    const now = used();
    if ((now - before) / (REST_WINDOW_MS / 1000) <= REST_CORES_MAX) return;
    before = now;
  }
}

export interface RunnerOptions {
  readonly folder: string;
  readonly effort: Effort;
  readonly systems: readonly SystemName[];
  readonly say: (line: string) => void;
}

/** Runs rows: those that want as many keys use the same systems, which stand side by side and are measured in turn. */
export async function runRows(rows: readonly Row[], options: RunnerOptions): Promise<RowResult[]> {
  const results = new Map<Row, RowResult>();
  for (const keys of new Set(rows.map((row) => row.keys))) {
    const sharing = rows.filter((row) => row.keys === keys);
    const systems: System[] = [];
    try {
      for (const name of wanted(sharing, options)) systems.push(await standUp(name, keys, options));
      for (const row of sharing) {
        if (systems.some(({ name }) => row.systems.includes(name))) {
          results.set(row, await runRow(row, systems, options));
        } else {
          options.say(`${row.id}: none of its systems is installed`);
        }
      }
    } finally {
      for (const system of systems) await system.stop();
    }
  }
  return rows.flatMap((row) => results.get(row) ?? []);
}

function wanted(rows: readonly Row[], { systems }: RunnerOptions): SystemName[] {
  const names = new Set(rows.flatMap((row) => row.systems));
  return [...names].filter((name) => systems.includes(name) && versionOf(name) !== null);
}

async function standUp(name: SystemName, keys: number, { folder, say }: RunnerOptions): Promise<System> {
  const system = await createSystem(name, join(folder, String(keys)), keys);
  await system.start();
  if (name === 'echo') return system;
  say(`${name}: writing ${keys} keys …`);
  await fill(system, keys);
  return system;
}

async function runRow(row: Row, standing: readonly System[], options: RunnerOptions): Promise<RowResult> {
  const { say, effort } = options;
  const systems = standing.filter(({ name }) => row.systems.includes(name));
  const rounds: Round[] = [];
  for (let i = 0; i < (row.rounds ?? effort.rounds); i++) {
    const round: Round = {};
    for (const system of systems) {
      await rest(standing);
      const sample = await row.measure(system, effort);
      round[system.name] = sample;
      const [first] = row.metrics;
      const figure =
        first === undefined ? '' : `${(sample.values[first.key] ?? 0).toFixed(first.digits)} ${first.label}`;
      say(`${row.id} ${i + 1}: ${system.name} ${figure}`);
    }
    rounds.push(round);
  }
  const audits: RowResult['audits'] = {};
  for (const system of systems) {
    if (system.name !== 'echo') audits[system.name] = await audit(system, row.keys);
  }
  return { row, rounds, audits };
}
