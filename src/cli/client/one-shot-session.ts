import { Option, type Command } from 'commander';
import { KvraftError } from '../../base/errors.ts';
import { connect, type Client } from '../../client/index.ts';
import { exitCodes } from '../exit-codes.ts';
import { parseDuration } from './arguments.ts';
import { findServers, type ServerOptions } from './servers.ts';
import type { ClientAction, ClientSession } from './session.ts';

interface ConnectionOptions extends ServerOptions {
  readonly timeout: number;
}

const TIMEOUT = '10s';

/** The options by which a command finds the cluster. */
export function addConnectionOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '-s, --servers <host:port,…>',
        'servers of the cluster; the others are learned from them',
      ).conflicts('config'),
    )
    .option(
      '-c, --config <file>',
      'the configuration of the cluster (default: KVRAFT_SERVERS, else config.json)',
    )
    .addOption(
      new Option('--timeout <duration>', 'how long a server is looked for, and how long a call may take')
        .default(parseDuration(TIMEOUT), TIMEOUT)
        .argParser(parseDuration),
    );
}

/** Connects as the options of the command say. */
export function connectBy(command: Command, signal?: AbortSignal): Promise<Client> {
  const options = command.opts<ConnectionOptions>();
  const { timeout } = options;
  const servers = findServers(options, process.env);
  return connect({ servers, timeout, connectTimeout: timeout, ...(signal === undefined ? {} : { signal }) });
}

/** A session of one command: its client lives as long as it. */
export const oneShotSession: ClientSession = {
  addOptions: addConnectionOptions,
  // So that what comes next on a terminal begins on a line of its own; nothing is added for programs.
  endsLines: process.stdout.isTTY,

  async run(command: Command, action: ClientAction) {
    const interrupted = new AbortController();
    const interrupt = (): void => interrupted.abort();
    process.once('SIGINT', interrupt);
    process.once('SIGTERM', interrupt);
    // Nobody reads on, as after `| head`: that is an end, and no fault.
    process.stdout.once('error', () => process.exit(exitCodes.done));
    // An abort of what `connect` is given would close the client later, too, under what is to be ended first.
    const connecting = new AbortController();
    const giveUp = (): void => connecting.abort();
    interrupted.signal.addEventListener('abort', giveUp, { once: true });
    const client = await connectBy(command, connecting.signal);
    interrupted.signal.removeEventListener('abort', giveUp);
    try {
      process.exitCode = (await action(client, interrupted.signal)) ?? 0;
    } finally {
      process.off('SIGINT', interrupt);
      process.off('SIGTERM', interrupt);
      await client.close();
    }
  },

  async readInput(bytesMax) {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > bytesMax) {
        throw new KvraftError(
          'TOO_LARGE',
          `standard input is longer than the ${bytesMax} bytes of the longest value`,
        );
      }
    }
    return Buffer.concat(chunks);
  },

  write: (bytes) =>
    new Promise((resolve) => {
      process.stdout.write(bytes, () => resolve());
    }),
};
