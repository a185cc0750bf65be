import { InvalidArgumentError, Option } from 'commander';

/** `--config`, the same for every command that reads one. */
export const configOption = (): Option =>
  new Option('-c, --config <file>', 'the configuration of the cluster').default('config.json');

/** `--log-level`, of what servers log to standard error. */
export const logLevelOption = (fallback: string): Option =>
  new Option('--log-level <level>', 'what the servers log to standard error')
    .choices(['debug', 'info', 'warn', 'error'])
    .default(fallback);

/** A server id from the command line. */
export function parseServerId(text: string): number {
  if (!/^\d{1,5}$/.test(text))
    throw new InvalidArgumentError('a server id is a number, as in the configuration');
  return Number(text);
}
