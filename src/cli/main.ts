import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { KvraftError, messageOf } from '../base/errors.ts';
import { loadCommands } from './commands.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';

const VERSION_FLAGS = ['-V', '--version'];

function version(): string {
  const file = join(import.meta.dirname, '..', '..', 'package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** Runs the command line. Errors end on standard error as one line, and as an exit code that scripts can use. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('kvraft')
    .description('A replicated, linearizable key-value store with its own Raft.')
    .version(version())
    .showHelpAfterError('(kvraft --help shows what there is)')
    .exitOverride();
  program.addHelpText(
    'after',
    `
Exit codes: 0 done · 1 failed, or the answer is no · 2 wrong usage or configuration · 3 damaged data, or undecided · 4 nobody answers · 5 a write that may or may not have happened

First steps:
  kvraft cluster                 run every server of ./config.json on this machine
  kvraft status                  how each of them is doing`,
  );
  try {
    const [, , name = ''] = argv;
    if (!VERSION_FLAGS.includes(name)) await loadCommands(program, name);
    for (const command of program.commands)
      command.showHelpAfterError(`(kvraft ${command.name()} --help shows what it takes)`);
    await program.parseAsync([...argv]);
  } catch (error) {
    // At once: half a server may have been started.
    process.exit(report(error));
  }
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  // Of what the system refused (no permission, no space) the message says all; anything else is a fault of kvraft's.
  const isExpected = error instanceof KvraftError || (error instanceof Error && 'syscall' in error);
  console.error(isExpected ? `kvraft: ${messageOf(error)}` : error);
  return exitCodeOf(error);
}
