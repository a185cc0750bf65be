import type { Command } from 'commander';
import type { ClientSession } from './client/session.ts';

/** Adds a command to the program. */
type Load = (program: Command) => Promise<void>;

/** Where commands that run once find the cluster. */
const session = async (): Promise<ClientSession> =>
  (await import('./client/one-shot-session.ts')).oneShotSession;

/**
 * All commands in the order of the help. Each loads its code when it is asked for, and nothing of the others: most of
 * what a short command takes is the time for that.
 */
const commands: Readonly<Record<string, Load>> = {
  server: async (program) => (await import('./server-command.ts')).registerServer(program),
  monitor: async (program) => (await import('./monitor-command.ts')).registerMonitor(program),
  cluster: async (program) => (await import('./cluster-command.ts')).registerCluster(program),
  status: async (program) => (await import('./status-command.ts')).registerStatus(program),
  put: async (program) => (await import('./client/put-command.ts')).registerPut(program, await session()),
  append: async (program) =>
    (await import('./client/append-command.ts')).registerAppend(program, await session()),
  get: async (program) => (await import('./client/get-command.ts')).registerGet(program, await session()),
  getm: async (program) => (await import('./client/getm-command.ts')).registerGetm(program, await session()),
  cas: async (program) => (await import('./client/cas-command.ts')).registerCas(program, await session()),
  delete: async (program) =>
    (await import('./client/delete-command.ts')).registerDelete(program, await session()),
  range: async (program) =>
    (await import('./client/range-command.ts')).registerRange(program, await session()),
  watch: async (program) =>
    (await import('./client/watch-command.ts')).registerWatch(program, await session()),
  shell: async (program) => (await import('./client/shell-command.ts')).registerShell(program),
  load: async (program) => (await import('./client/load-command.ts')).registerLoad(program, await session()),
  lock: async (program) => (await import('./client/lock-command.ts')).registerLock(program, await session()),
  export: async (program) =>
    (await import('./client/export-command.ts')).registerExport(program, await session()),
  wal: async (program) => (await import('./wal-command.ts')).registerWal(program),
  'check-store': async (program) => (await import('./check-store-command.ts')).registerCheckStore(program),
  check: async (program) => (await import('./check-command.ts')).registerCheck(program),
  sim: async (program) => (await import('./sim-command.ts')).registerSim(program),
  tester: async (program) => (await import('./tester-command.ts')).registerTester(program),
  soak: async (program) => (await import('./soak/soak-command.ts')).registerSoak(program),
};

/** Adds the command of this name, or all of them when there is none: for the help, and to say what was meant. */
export async function loadCommands(program: Command, name: string): Promise<void> {
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (load !== undefined) return load(program);
  for (const each of Object.values(commands)) await each(program);
}
