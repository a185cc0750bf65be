import type { Command } from 'commander';
import { KvraftError } from '../../base/errors.ts';
import type { RangeSelection } from '../../client/index.ts';
import { consistency, jsonOption, parseCount, staleOption } from './arguments.ts';
import { entryJson, jsonBytes, lineText } from './output.ts';
import type { ClientSession } from './session.ts';

interface RangeCommandOptions {
  readonly prefix?: string;
  readonly start?: string;
  readonly end?: string;
  readonly limit?: number;
  readonly reverse?: true;
  readonly keysOnly?: true;
  readonly stale?: true;
  readonly json?: true;
}

export function registerRange(program: Command, session: ClientSession): void {
  session
    .addOptions(program.command('range'))
    .description('print keys and values of one state of the store, in the order of the keys')
    .option('--prefix <prefix>', 'only keys that begin so')
    .option('--start <key>', 'from this key on')
    .option('--end <key>', 'up to before this key')
    .option('--limit <count>', 'at most so many', parseCount)
    .option('--reverse', 'from the last key to the first')
    .option('--keys-only', 'without the values')
    .addOption(staleOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nPrints a line of "key<TAB>value" for each, with control characters escaped.')
    .action((options: RangeCommandOptions, command: Command) => {
      const selected = selection(options);
      const { limit, reverse = false, keysOnly, stale, json } = options;
      return session.run(command, async (client, signal) => {
        const range = client.range({
          ...selected,
          ...(limit === undefined ? {} : { limit }),
          ...consistency(stale),
          reverse,
          signal,
        });
        for await (const entry of range) {
          const { keyBytes, value } = entry;
          if (json) {
            const fields = keysOnly ? jsonBytes('key', keyBytes) : entryJson(entry);
            await session.write(`${JSON.stringify(fields)}\n`);
          } else {
            await session.write(`${lineText(keyBytes)}${keysOnly ? '' : `\t${lineText(value)}`}\n`);
          }
        }
      });
    });
}

function selection({ prefix, start, end }: RangeCommandOptions): RangeSelection {
  if (prefix === undefined) {
    return { ...(start === undefined ? {} : { start }), ...(end === undefined ? {} : { end }) };
  }
  if (start !== undefined || end !== undefined) {
    throw new KvraftError('INVALID_ARGUMENT', 'give either --prefix, or --start and --end');
  }
  return { prefix };
}
