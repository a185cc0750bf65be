import { createInterface, type Interface } from 'node:readline';
import { Command, CommanderError } from 'commander';
import { KvraftError, messageOf } from '../../base/errors.ts';
import type { Client } from '../../client/index.ts';
import { exitCodeOf, exitCodes } from '../exit-codes.ts';
import { registerDataCommands } from './data-commands.ts';
import { oneShotSession } from './one-shot-session.ts';
import type { ClientSession } from './session.ts';
import { complete, type ShellVocabulary } from './shell-completion.ts';
import { HISTORY_LINES_MAX, ShellHistory } from './shell-history.ts';
import { shellWords } from './shell-words.ts';

/** Keys that are offered when one is completed, and how long they may take to find. */
const COMPLETIONS_MAX = 50;
const COMPLETION_MS_MAX = 1_000;
const LEAVE = ['exit', 'quit'];

/** Runs lines until there are no more; resolves with the exit code. */
export function runShell(client: Client): Promise<number> {
  return new Shell(client).run();
}

class Shell {
  readonly #client: Client;
  readonly #history = new ShellHistory(process.env);
  readonly #isInteractive = process.stdin.isTTY;
  /** Aborts the command that runs. */
  #running: AbortController | null = null;
  #exitCode: number = exitCodes.done;

  constructor(client: Client) {
    this.#client = client;
  }

  async run(): Promise<number> {
    const lines = this.#open();
    lines.prompt();
    let number = 0;
    for await (const line of lines) {
      number++;
      if (this.#isInteractive) this.#history.add(line);
      if (LEAVE.includes(line.trim())) break;
      this.#exitCode = await this.#execute(line);
      if (!this.#isInteractive && this.#exitCode !== exitCodes.done) {
        console.error(`kvraft: stopped at line ${number}`);
        return this.#exitCode;
      }
      lines.prompt();
    }
    lines.close();
    return this.#isInteractive ? exitCodes.done : this.#exitCode;
  }

  #open(): Interface {
    const vocabulary = this.#vocabulary();
    const lines = createInterface({
      input: process.stdin,
      ...(this.#isInteractive ? { output: process.stdout } : {}),
      terminal: this.#isInteractive,
      prompt: this.#isInteractive ? 'kvraft> ' : '',
      history: this.#history.load(),
      historySize: HISTORY_LINES_MAX,
      removeHistoryDuplicates: true,
      completer: (line: string, done: (error: Error | null, result: [string[], string]) => void) => {
        complete(line, vocabulary).then(
          (result) => done(null, result),
          () => done(null, [[], line]),
        );
      },
    });
    // Ctrl-C ends the command that runs, else it clears the line.
    lines.on('SIGINT', () => {
      if (this.#running !== null) return this.#running.abort();
      lines.write(null, { ctrl: true, name: 'e' });
      lines.write(null, { ctrl: true, name: 'u' });
    });
    return lines;
  }

  async #execute(line: string): Promise<number> {
    try {
      const words = shellWords(line);
      if (words.length === 0 || words[0]?.startsWith('#')) return exitCodes.done;
      process.exitCode = exitCodes.done;
      await this.#program().parseAsync(words, { from: 'user' });
      return process.exitCode;
    } catch (error) {
      // The program has said what is wrong with the words.
      if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
      console.error(error instanceof KvraftError ? `kvraft: ${messageOf(error)}` : error);
      return exitCodeOf(error);
    } finally {
      process.exitCode = exitCodes.done;
    }
  }

  #program(): Command {
    const program = new Command('kvraft').exitOverride().helpCommand('help [command]', 'show what there is');
    registerDataCommands(program, this.#session());
    program
      .command('status')
      .description('show how the cluster is doing, as the server sees it that this shell talks to')
      .action(async () => {
        console.log(JSON.stringify(await this.#client.status(), null, 2));
      });
    program.command('exit').alias('quit').description('leave the shell');
    return program;
  }

  #session(): ClientSession {
    return {
      ...oneShotSession,
      addOptions: (command) => command,
      // Each answer ends its line, wherever it goes: those of several commands follow one another.
      endsLines: true,
      run: async (_command, action) => {
        this.#running = new AbortController();
        try {
          process.exitCode = (await action(this.#client, this.#running.signal)) ?? exitCodes.done;
        } finally {
          this.#running = null;
        }
      },
      readInput: () => {
        const message = 'standard input is what the shell reads its lines from: give the value itself';
        return Promise.reject(new KvraftError('INVALID_ARGUMENT', message));
      },
    };
  }

  #vocabulary(): ShellVocabulary {
    const { commands } = this.#program();
    return {
      commands: new Map(
        commands.map((command) => [command.name(), command.options.map(({ long }) => long ?? '')]),
      ),
      keyCommands: new Set(
        commands
          .filter(({ registeredArguments }) => registeredArguments[0]?.name() === 'key')
          .map((command) => command.name()),
      ),
      keys: async (prefix) => {
        const keys: string[] = [];
        const range = this.#client.range({ prefix, limit: COMPLETIONS_MAX, timeout: COMPLETION_MS_MAX });
        for await (const { key } of range) keys.push(key);
        return keys;
      },
    };
  }
}
