import type { Command } from 'commander';
import { registerDataCommands } from './data-commands.ts';
import { registerExport } from './export-command.ts';
import { registerLoad } from './load-command.ts';
import { registerLock } from './lock-command.ts';
import { oneShotSession } from './one-shot-session.ts';
import { registerShell } from './shell-command.ts';

/** All commands that talk to a cluster as its clients do. */
export function registerClientCommands(program: Command): void {
  registerDataCommands(program, oneShotSession);
  registerShell(program);
  registerLoad(program, oneShotSession);
  registerLock(program, oneShotSession);
  registerExport(program, oneShotSession);
}
