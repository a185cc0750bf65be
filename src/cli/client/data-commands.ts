import type { Command } from 'commander';
import { registerAppend } from './append-command.ts';
import { registerCas } from './cas-command.ts';
import { registerDelete } from './delete-command.ts';
import { registerGet } from './get-command.ts';
import { registerGetm } from './getm-command.ts';
import { registerPut } from './put-command.ts';
import { registerRange } from './range-command.ts';
import type { ClientSession } from './session.ts';
import { registerWatch } from './watch-command.ts';

/** The commands that the shell has, too. */
export function registerDataCommands(program: Command, session: ClientSession): void {
  registerPut(program, session);
  registerAppend(program, session);
  registerGet(program, session);
  registerGetm(program, session);
  registerCas(program, session);
  registerDelete(program, session);
  registerRange(program, session);
  registerWatch(program, session);
}
