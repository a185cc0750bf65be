import type { SweepJob } from '../load/job.ts';
import type { Violation } from '../load/ledger.ts';
import type { System } from '../systems/system.ts';
import { standard } from './standard.ts';

/** Beyond so many keys, only a sample is read back. */
const CHECKED_MAX = 200_000;

const sweep = (system: System, leader: number, keys: number): Omit<SweepJob, 'work' | 'stride'> => ({
  ...{ kind: 'sweep', connections: 50, depth: 16, valueBytes: standard.valueBytes },
  ...{ keys, ports: [system.ports[leader] ?? 0], pids: system.pids },
});

/** Writes every key once. */
export async function fill(system: System, keys: number): Promise<void> {
  const leader = await system.leader();
  await system.generator.run({ ...sweep(system, leader, keys), work: 'write', stride: 1 });
}

export interface Audit {
  readonly checked: number;
  readonly violations: readonly Violation[];
}

/** Reads what was written and compares it with what was acknowledged. */
export async function audit(system: System, keys: number): Promise<Audit> {
  const leader = await system.leader();
  const stride = Math.ceil(keys / CHECKED_MAX);
  return system.generator.run({ ...sweep(system, leader, keys), work: 'read', stride });
}
