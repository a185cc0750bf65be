import type { Command } from 'commander';
import { KvraftError } from '../../base/errors.ts';
import type { Fence } from '../../client/index.ts';
import { fenceOption, ifVersionOption, jsonOption, readValue, ttlOption } from './arguments.ts';
import { writeVersion } from './results.ts';
import type { ClientSession } from './session.ts';

interface PutOptions {
  readonly ttl?: number;
  readonly ifAbsent?: true;
  readonly ifVersion?: number;
  readonly fence?: Fence;
  readonly json?: true;
}

export function registerPut(program: Command, session: ClientSession): void {
  session
    .addOptions(program.command('put'))
    .description('give a key a value')
    .argument('<key>')
    .argument('<value>', '- for standard input')
    .addOption(ttlOption())
    .option('--if-absent', 'only if the key is not there')
    .addOption(ifVersionOption())
    .addOption(fenceOption())
    .addOption(jsonOption())
    .action(async (key: string, argument: string, options: PutOptions, command: Command) => {
      const { ttl, ifAbsent, ifVersion, fence, json } = options;
      if (ifAbsent && ifVersion !== undefined) {
        throw new KvraftError('INVALID_ARGUMENT', '--if-absent and --if-version cannot both hold');
      }
      const value = await readValue(session, argument);
      const condition = ifAbsent ? { ifAbsent } : ifVersion === undefined ? {} : { ifVersion };
      await session.run(command, async (client, signal) => {
        const result = await client.put(key, value, {
          signal,
          ...(ttl === undefined ? {} : { ttl }),
          ...(fence === undefined ? {} : { fence }),
          ...condition,
        });
        await writeVersion(session, result, json);
      });
    });
}
