import type { Command } from 'commander';
import { consistency, jsonOption, staleOption } from './arguments.ts';
import { entryJson } from './output.ts';
import { notFound } from './results.ts';
import type { ClientSession } from './session.ts';

interface GetOptions {
  readonly stale?: true;
  readonly json?: true;
}

export function registerGet(program: Command, session: ClientSession): void {
  session
    .addOptions(program.command('get'))
    .description('print the value of a key, byte by byte; exit code 1 when it is not there')
    .argument('<key>')
    .addOption(staleOption())
    .addOption(jsonOption())
    .action((key: string, { stale, json }: GetOptions, command: Command) =>
      session.run(command, async (client, signal) => {
        const entry = await client.get(key, { signal, ...consistency(stale) });
        if (entry === null) return notFound(session, key, json);
        if (json) return session.write(`${JSON.stringify(entryJson(entry))}\n`);
        await session.write(entry.value);
        if (session.endsLines) await session.write('\n');
      }),
    );
}
