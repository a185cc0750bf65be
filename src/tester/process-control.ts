import { spawn, type ChildProcess } from 'node:child_process';
import { messageOf } from '../base/errors.ts';
import type { Control } from './system.ts';

const outputBytesMax = 4_096;

interface Running {
  readonly child: ChildProcess;
  readonly gone: Promise<void>;
  /** The end of what it printed. */
  output: string;
}

/** Servers that a command of the user's starts, each in a process group of its own. */
export class ProcessControl implements Control {
  readonly #command: string;
  readonly #processes = new Map<number, Running>();
  #deaths: string[] = [];

  /** In `command`, `{id}` stands for the server's id; it is run by the shell. */
  constructor(command: string) {
    this.#command = command;
  }

  get running(): readonly number[] {
    return [...this.#processes.keys()];
  }

  takeDeaths(): readonly string[] {
    const deaths = this.#deaths;
    this.#deaths = [];
    return deaths;
  }

  start(id: number): void {
    const command = this.#command.replaceAll('{id}', String(id));
    const child = spawn(command, { shell: true, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const gone = new Promise<void>((resolve) => {
      const end = (how: string): void => {
        if (this.#processes.get(id)?.child === child) {
          this.#processes.delete(id);
          this.#deaths.push(
            `server ${id} ended by itself (${how}): ${process.output.trim() || 'it said nothing'}`,
          );
        }
        resolve();
      };
      child.once('exit', (code, signal) => end(signal ?? `exit code ${code}`));
      child.once('error', (error) => end(messageOf(error)));
    });
    const process: Running = { child, gone, output: '' };
    const keep = (chunk: Buffer): void => {
      process.output = (process.output + chunk.toString()).slice(-outputBytesMax);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    this.#processes.set(id, process);
  }

  async kill(id: number): Promise<void> {
    const process = this.#processes.get(id);
    if (process === undefined) return;
    this.#processes.delete(id);
    signal(process.child, 'SIGKILL');
    await process.gone;
  }

  pause(id: number): void {
    const process = this.#processes.get(id);
    if (process !== undefined) signal(process.child, 'SIGSTOP');
  }

  resume(id: number): void {
    const process = this.#processes.get(id);
    if (process !== undefined) signal(process.child, 'SIGCONT');
  }

  async killAll(): Promise<void> {
    await Promise.all(this.running.map((id) => this.kill(id)));
  }
}

/** To the whole group: the command may be a shell that runs the server. */
function signal(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, name);
  } catch {
    // It is gone already.
  }
}
