import type { Command } from 'commander';
import type { Entry } from '../../client/index.ts';
import { consistency, jsonOption, staleOption } from './arguments.ts';
import { entryJson } from './output.ts';
import { notFound } from './results.ts';
import type { ClientSession } from './session.ts';

interface GetmOptions {
  readonly stale?: true;
  readonly json?: true;
}

export function registerGetm(program: Command, session: ClientSession): void {
  session
    .addOptions(program.command('getm'))
    .description('print version, remaining seconds (0: does not expire), length, and the value of a key')
    .argument('<key>')
    .addOption(staleOption())
    .addOption(jsonOption())
    .action((key: string, { stale, json }: GetmOptions, command: Command) =>
      session.run(command, async (client, signal) => {
        const entry = await client.get(key, { signal, ...consistency(stale) });
        if (entry === null) return notFound(session, key, json);
        if (json) return session.write(`${JSON.stringify(entryJson(entry))}\n`);
        await session.write(Buffer.concat([Buffer.from(header(entry)), entry.value, Buffer.from('\n')]));
      }),
    );
}

/** As the text protocol has it. */
function header({ version, ttl, value }: Entry): string {
  return `VALUE ${version} ${ttl === null ? 0 : Math.ceil(ttl / 1_000)} ${value.length}\n`;
}
