import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { Option, type Command } from 'commander';
import { KvraftError, messageOf } from '../../base/errors.ts';
import { nodeClock } from '../../base/node-clock.ts';
import type { HeldLock } from '../../client/index.ts';
import { foreignEnvironment } from '../node-flags.ts';
import { parseDuration } from './arguments.ts';
import type { ClientSession } from './session.ts';

/** A command that does not end when it is told to is killed after this long. */
const GRACE_MS = 5_000;
/** What shells make of a command that a signal ended. */
const SIGNAL_EXIT_CODE = 128;

interface LockCommandOptions {
  readonly ttl: number;
  readonly wait?: number;
}

export function registerLock(program: Command, session: ClientSession): void {
  session
    .addOptions(program.command('lock'))
    .usage('[options] <name> -- <command> [arguments…]')
    .description('run a command while holding a lock; ends as the command does')
    .argument('<name>', 'a key, which is there as long as the lock is held')
    .argument('<command...>')
    .addOption(
      new Option('--ttl <duration>', 'how soon others get the lock when this machine is gone')
        .default(10_000, '10s')
        .argParser(parseDuration),
    )
    .addOption(
      new Option('--wait <duration>', 'give up when the lock is not free in time').argParser(parseDuration),
    )
    .addHelpText(
      'after',
      '\nThe command finds KVRAFT_FENCE in its environment: with --fence "$KVRAFT_FENCE", put, append, cas and delete are' +
        '\nrefused once somebody else has the lock. When the lock is lost the command is ended, and the exit code is 1.',
    )
    .action((name: string, words: string[], { ttl, wait }: LockCommandOptions, command: Command) =>
      session.run(command, (client, interrupted) => {
        // Only as long as it waits: what runs under the lock ends in its own way, and then the lock is given back.
        const waiting = new AbortController();
        const giveUp = (): void => waiting.abort();
        interrupted.addEventListener('abort', giveUp, { once: true });
        const options = { ttl, signal: waiting.signal, ...(wait === undefined ? {} : { timeout: wait }) };
        return client.lock(name, options, (lock) => {
          interrupted.removeEventListener('abort', giveUp);
          return runUnder(lock, name, words, interrupted);
        });
      }),
    );
}

/** Resolves with the exit code of the command. */
function runUnder(
  lock: HeldLock,
  name: string,
  [file = '', ...args]: readonly string[],
  interrupted: AbortSignal,
): Promise<number> {
  const env = { ...foreignEnvironment(), KVRAFT_FENCE: `${lock.fencingToken}:${name}` };
  const child = spawn(file, args, { stdio: 'inherit', env });
  const end = (): void => endGently(child);
  for (const signal of [lock.signal, interrupted]) {
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  }
  return new Promise((resolve, reject) => {
    child.on('error', (error) => {
      reject(
        new KvraftError('INVALID_ARGUMENT', `cannot run ${file}: ${messageOf(error)}`, { cause: error }),
      );
    });
    child.on('exit', (code, signal) => {
      resolve(code ?? SIGNAL_EXIT_CODE + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

function endGently(child: ChildProcess): void {
  child.kill('SIGTERM');
  const patience = nodeClock.setTimer(GRACE_MS, () => child.kill('SIGKILL'));
  child.once('exit', () => patience.cancel());
}
