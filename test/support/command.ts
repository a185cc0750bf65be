import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const KVRAFT = join(import.meta.dirname, '..', '..', '..', 'bin', 'kvraft.js');
const PATIENCE_MS = 30_000;

export interface CommandResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs on, with what it has printed so far. */
export class Command {
  readonly process: ChildProcess;
  readonly #exit: Promise<unknown[]>;
  stdout = '';
  stderr = '';

  constructor(...args: string[]) {
    this.process = spawn(process.execPath, [KVRAFT, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#exit = once(this.process, 'close');
    this.process.stdout?.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.process.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
  }

  async ended(patienceMs = PATIENCE_MS): Promise<CommandResult> {
    // A command that never ends fails its test with a signal, instead of holding it up.
    const patience = setTimeout(() => this.process.kill('SIGKILL'), patienceMs);
    const [code, signal] = (await this.#exit) as [number | null, NodeJS.Signals | null];
    clearTimeout(patience);
    return { code, signal, stdout: this.stdout, stderr: this.stderr };
  }

  [Symbol.dispose](): void {
    this.process.kill('SIGKILL');
  }
}

/** Runs `kvraft` with these arguments to its end. */
export const kvraft = (...args: string[]): Promise<CommandResult> => new Command(...args).ended();
