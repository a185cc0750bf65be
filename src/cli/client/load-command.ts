import type { Command } from 'commander';
import { loadFile } from './load-file.ts';
import { createProgress } from './progress.ts';
import type { ClientSession } from './session.ts';

export function registerLoad(program: Command, session: ClientSession): void {
  session
    .addOptions(program.command('load'))
    .description('execute the lines of a file, in atomic batches; interrupted, it goes on when started again')
    .argument('<file>', 'lines of {"key": "k", "value": "v"}, as kvraft export writes them')
    .option('--again', 'load the file once more, though it was loaded')
    .addHelpText(
      'after',
      '\n"op" may be put (the default), append or delete; "ttl" is in milliseconds; bytes that are no text stand in base64' +
        '\nunder "keyBase64" and "valueBase64". How far a load has come stands in the cluster, under .kvraft/load/.',
    )
    .action((file: string, { again = false }: { again?: boolean }, command: Command) =>
      session.run(command, async (client, signal) => {
        const progress = createProgress('loading', 'bytes');
        try {
          const onProgress = (bytes: number, total: number): void => progress.update(bytes, total);
          const result = await loadFile(client, file, { again, signal, onProgress });
          progress.end();
          await session.write(`${summary(file, result)}\n`);
        } finally {
          progress.end();
        }
      }),
    );
}

function summary(file: string, { lines, firstLine, wasDone }: Awaited<ReturnType<typeof loadFile>>): string {
  if (wasDone) return `${file} was loaded already; --again loads it once more`;
  const went = firstLine === 1 ? '' : `, from line ${firstLine} on, where it was interrupted`;
  return `loaded ${lines} lines of ${file}${went}`;
}
