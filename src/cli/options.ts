import { InvalidArgumentError, Option } from 'commander';

/** `--config`, the same for every command that reads one. */
export const configOption = (): Option =>
  new Option('-c, --config <file>', 'the configuration of the cluster').default('config.json');

/** A server id from the command line. */
export function parseServerId(text: string): number {
  if (!/^\d{1,5}$/.test(text))
    throw new InvalidArgumentError('a server id is a number, as in the configuration');
  return Number(text);
}
