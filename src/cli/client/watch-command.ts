import type { Command } from 'commander';
import type { WatchEvent } from '../../client/index.ts';
import { jsonOption, parseCount, parseVersion } from './arguments.ts';
import { entryJson, jsonBytes, lineText } from './output.ts';
import type { ClientSession } from './session.ts';

interface WatchCommandOptions {
  readonly prefix?: string;
  readonly fromVersion?: number;
  readonly count?: number;
  readonly json?: true;
}

export function registerWatch(program: Command, session: ClientSession): void {
  session
    .addOptions(program.command('watch'))
    .description('print every change as it happens, each once, until Ctrl-C')
    .option('--prefix <prefix>', 'only keys that begin so')
    .option('--from-version <version>', 'also the changes from this version on', parseVersion)
    .option('--count <count>', 'end after so many changes', parseCount)
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nPrints a line of "put<TAB>version<TAB>key<TAB>value" or "delete|expire<TAB>version<TAB>key" for each;' +
        '\n"flush<TAB>version" when somebody removed all keys.',
    )
    .action((options: WatchCommandOptions, command: Command) =>
      session.run(command, async (client, signal) => {
        const { prefix, fromVersion, count = Infinity, json } = options;
        const watch = client.watch({
          signal,
          ...(prefix === undefined ? {} : { prefix }),
          ...(fromVersion === undefined ? {} : { fromVersion }),
        });
        let seen = 0;
        try {
          for await (const event of watch) {
            await session.write(json ? `${JSON.stringify(eventJson(event))}\n` : eventLine(event));
            seen++;
            if (seen >= count) return;
          }
        } catch (error) {
          // Ctrl-C is how a watch ends.
          if (!signal.aborted) throw error;
        }
      }),
    );
}

function eventJson(event: WatchEvent): object {
  if (event.type === 'put') return { type: event.type, ...entryJson(event) };
  const { type, version } = event;
  return type === 'flush' ? { type, version } : { type, ...jsonBytes('key', event.keyBytes), version };
}

function eventLine(event: WatchEvent): string {
  const { type, version } = event;
  const key = type === 'flush' ? '' : `\t${lineText(event.keyBytes)}`;
  const value = type === 'put' ? `\t${lineText(event.value)}` : '';
  return `${type}\t${version}${key}${value}\n`;
}
