import type { Command } from 'commander';
import type { Fence } from '../../client/index.ts';
import { fenceOption, jsonOption, readValue } from './arguments.ts';
import { writeVersion } from './results.ts';
import type { ClientSession } from './session.ts';

interface AppendOptions {
  readonly fence?: Fence;
  readonly json?: true;
}

export function registerAppend(program: Command, session: ClientSession): void {
  session
    .addOptions(program.command('append'))
    .description('lengthen the value of a key; one that is not there is made')
    .argument('<key>')
    .argument('<value>', '- for standard input')
    .addOption(fenceOption())
    .addOption(jsonOption())
    .action(async (key: string, argument: string, { fence, json }: AppendOptions, command: Command) => {
      const value = await readValue(session, argument);
      await session.run(command, async (client, signal) => {
        await writeVersion(
          session,
          await client.append(key, value, { signal, ...(fence === undefined ? {} : { fence }) }),
          json,
        );
      });
    });
}
