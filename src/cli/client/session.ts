import type { Command } from 'commander';
import type { Client } from '../../client/index.ts';

/** Where the commands that talk to a cluster get their client from, and where what they read and write goes. */
export interface ClientSession {
  /** Adds the options by which a command finds the cluster, where it has to. */
  addOptions(command: Command): Command;
  /** Runs the action with a client; the exit code that it gives, 0 without one, is the command's. */
  run(command: Command, action: ClientAction): Promise<void>;
  /** All of standard input. Throws a usage error where there is none to read. */
  readInput(bytesMax: number): Promise<Buffer>;
  /** Resolves when more may be written. */
  write(bytes: string | Uint8Array): Promise<void>;
  /** Whether a value is followed by the end of a line, which is no part of it. */
  readonly endsLines: boolean;
}

export type ClientAction = (client: Client, signal: AbortSignal) => Promise<number | void>;
