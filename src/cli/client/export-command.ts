import type { Command } from 'commander';
import { KvraftError } from '../../base/errors.ts';
import type { Client } from '../../client/index.ts';
import { consistency, staleOption } from './arguments.ts';
import { ExportFile, partialName, type ExportTarget } from './export-file.ts';
import { LOAD_PREFIX } from './load-file.ts';
import { entryJson } from './output.ts';
import { createProgress, type Progress } from './progress.ts';
import type { ClientSession } from './session.ts';

interface ExportOptions {
  readonly prefix?: string;
  readonly resume?: true;
  readonly stale?: true;
}

export function registerExport(program: Command, session: ClientSession): void {
  session
    .addOptions(program.command('export'))
    .description('write all entries of one state of the store, a line of JSON for each')
    .argument('[file]', 'standard output without it')
    .option('--prefix <prefix>', 'only keys that begin so')
    .addOption(staleOption())
    .option('--resume', 'go on behind what an interrupted export has left in file.partial')
    .addHelpText(
      'after',
      '\nA server holds a state for at most 60 s. A resumed export goes on with the state of its own time: what it adds is' +
        '\nof one state again, but not of the same as what was there.',
    )
    .action((file: string | undefined, options: ExportOptions, command: Command) => {
      if (options.resume && file === undefined) {
        throw new KvraftError('INVALID_ARGUMENT', '--resume needs the file that is to be gone on with');
      }
      return session.run(command, async (client, signal) => {
        const target =
          file === undefined ? stream(session) : await ExportFile.open(file, options.resume === true);
        const progress = createProgress('exporting', 'keys');
        try {
          const count = await exportAll(client, target, options, signal, progress);
          await target.finish();
          progress.end();
          console.error(`exported ${count} keys${file === undefined ? '' : ` to ${file}`}`);
        } catch (error) {
          await target.leave();
          throw file === undefined ? error : resumable(error, file);
        } finally {
          progress.end();
        }
      });
    });
}

async function exportAll(
  client: Client,
  target: ExportTarget,
  { prefix, stale }: ExportOptions,
  signal: AbortSignal,
  progress: Progress,
): Promise<number> {
  const total = prefix === undefined && !stale ? (await client.status({ signal })).keys : null;
  let count = 0;
  const query = { ...selection(prefix, target.lastKey), ...consistency(stale), signal };
  for await (const entry of client.range(query)) {
    // How far loads have come says nothing elsewhere.
    if (entry.key.startsWith(LOAD_PREFIX)) continue;
    if (prefix !== undefined && !startsWith(entry.keyBytes, prefix)) break;
    await target.write(`${JSON.stringify(entryJson(entry))}\n`);
    count++;
    if (total !== null) progress.update(Math.min(count, total), total);
  }
  return count;
}

/** From behind the last key on, up to the end of what was asked for. */
function selection(prefix: string | undefined, lastKey: Uint8Array | null): object {
  if (lastKey !== null) return { start: Buffer.concat([lastKey, Buffer.of(0)]) };
  return prefix === undefined ? {} : { prefix };
}

const startsWith = (key: Uint8Array, prefix: string): boolean =>
  Buffer.from(key).subarray(0, Buffer.byteLength(prefix)).equals(Buffer.from(prefix));

function resumable(error: unknown, file: string): unknown {
  if (!(error instanceof KvraftError)) return error;
  const message = `${error.message}; what there is stands in ${partialName(file)}, --resume goes on with it`;
  return new KvraftError(error.code, message, { outcome: error.outcome, cause: error });
}

const stream = (session: ClientSession): ExportTarget => ({
  lastKey: null,
  write: (line) => session.write(line),
  finish: () => Promise.resolve(),
  leave: () => Promise.resolve(),
});
