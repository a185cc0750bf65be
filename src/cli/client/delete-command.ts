import type { Command } from 'commander';
import type { Fence } from '../../client/index.ts';
import { fenceOption, ifVersionOption, jsonOption } from './arguments.ts';
import { notFound } from './results.ts';
import type { ClientSession } from './session.ts';

interface DeleteOptions {
  readonly ifVersion?: number;
  readonly fence?: Fence;
  readonly json?: true;
}

export function registerDelete(program: Command, session: ClientSession): void {
  session
    .addOptions(program.command('delete'))
    .description('remove a key; exit code 1 when it was not there')
    .argument('<key>')
    .addOption(ifVersionOption())
    .addOption(fenceOption())
    .addOption(jsonOption())
    .action((key: string, { ifVersion, fence, json }: DeleteOptions, command: Command) =>
      session.run(command, async (client, signal) => {
        const { deleted } = await client.delete(key, {
          signal,
          ...(ifVersion === undefined ? {} : { ifVersion }),
          ...(fence === undefined ? {} : { fence }),
        });
        if (json) await session.write(`${JSON.stringify({ deleted })}\n`);
        else if (deleted) await session.write('DELETED\n');
        return deleted ? 0 : notFound(session, key, undefined);
      }),
    );
}
