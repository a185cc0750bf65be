import type { Command } from 'commander';
import type { Fence } from '../../client/index.ts';
import { fenceOption, jsonOption, parseVersion, readValue, ttlOption } from './arguments.ts';
import { writeVersion } from './results.ts';
import type { ClientSession } from './session.ts';

interface CasOptions {
  readonly ttl?: number;
  readonly fence?: Fence;
  readonly json?: true;
}

export function registerCas(program: Command, session: ClientSession): void {
  session
    .addOptions(program.command('cas'))
    .description('replace the value of a key that has a certain version; exit code 1 when it has another')
    .argument('<key>')
    .argument('<version>', 'as get --json shows it', parseVersion)
    .argument('<value>', '- for standard input')
    .addOption(ttlOption())
    .addOption(fenceOption())
    .addOption(jsonOption())
    .action(
      async (
        key: string,
        version: number,
        argument: string,
        { ttl, fence, json }: CasOptions,
        command: Command,
      ) => {
        const value = await readValue(session, argument);
        await session.run(command, async (client, signal) => {
          const options = {
            signal,
            ...(ttl === undefined ? {} : { ttl }),
            ...(fence === undefined ? {} : { fence }),
          };
          await writeVersion(session, await client.cas(key, version, value, options), json);
        });
      },
    );
}
