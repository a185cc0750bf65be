import type { Command } from 'commander';
import { addConnectionOptions, connectBy } from './one-shot-session.ts';
import { runShell } from './shell.ts';

export function registerShell(program: Command): void {
  addConnectionOptions(program.command('shell'))
    .description('type commands one after the other, with history and completion')
    .addHelpText(
      'after',
      '\nThe history is kept in ~/.kvraft_history, or where KVRAFT_HISTORY says. Without a terminal the shell runs the' +
        '\nlines of standard input, up to the first that fails.',
    )
    .action(async (_options: object, command: Command) => {
      const client = await connectBy(command);
      try {
        process.exitCode = await runShell(client);
      } finally {
        await client.close();
      }
    });
}
