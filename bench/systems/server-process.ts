import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';

/** All servers that run, so that none outlives the benchmark. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A server of any system; what it prints goes to a file. */
export class ServerProcess {
  readonly #command: string;
  readonly #args: readonly string[];
  readonly #logFile: string;
  #child: ChildProcess | null = null;

  constructor(command: string, args: readonly string[], logFile: string) {
    this.#command = command;
    this.#args = args;
    this.#logFile = logFile;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error(`${this.#command} does not run`);
    return pid;
  }

  get isRunning(): boolean {
    return this.#child !== null;
  }

  start(): void {
    const log = openSync(this.#logFile, 'a');
    const child = spawn(this.#command, this.#args, { stdio: ['ignore', log, log] });
    closeSync(log);
    this.#child = child;
    running.add(child);
    child.once('error', () => undefined);
    child.once('exit', () => {
      running.delete(child);
      if (this.#child === child) this.#child = null;
    });
  }

  /** Waits until the process is gone; it may be already. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
  }

  /** Waits until a process that somebody else killed is gone. */
  async ended(): Promise<void> {
    if (this.#child !== null) await once(this.#child, 'exit');
  }

  /** The end of what it printed. */
  log(): string {
    return readFileSync(this.#logFile, 'utf8').slice(-2_000);
  }
}

/** What a command prints, null when it is not installed. */
export function outputOf(command: string, ...args: string[]): string | null {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 ? stdout : null;
}
