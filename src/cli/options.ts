import { InvalidArgumentError, Option } from 'commander';
import { parseListen, type ListenerConfig } from '../server/config-listeners.ts';
import { textDialectNames } from '../wire/text-dialects.ts';

/** `--config`, the same for every command that reads one. */
export const configOption = (): Option =>
  new Option('-c, --config <file>', 'the configuration of the cluster').default('config.json');

/** `--dialect`, of servers for which the configuration names none. */
export const dialectOption = (): Option =>
  new Option('--dialect <name>', 'the dialect of ClientPorts that the configuration gives none').choices(
    textDialectNames,
  );

/** `--log-level`, of what servers log to standard error. */
export const logLevelOption = (fallback: string): Option =>
  new Option('--log-level <level>', 'what the servers log to standard error')
    .choices(['debug', 'info', 'warn', 'error'])
    .default(fallback);

/** `--listen`, which may be given any number of times. */
export const listenOption = (): Option =>
  new Option(
    '--listen <name:port>',
    'serve clients on a further port, as redirect:8100, that the other servers name in no redirect; may be repeated',
  )
    .default([])
    .argParser((text: string, earlier: readonly ListenerConfig[]) => {
      const listener = parseListen(text);
      if (typeof listener === 'string') throw new InvalidArgumentError(listener);
      return [...earlier, listener];
    });

/** A server id from the command line. */
export function parseServerId(text: string): number {
  if (!/^\d{1,5}$/.test(text))
    throw new InvalidArgumentError('a server id is a number, as in the configuration');
  return Number(text);
}

/** A count or a seed from the command line. */
export function parseCount(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('a whole number of at most 15 digits');
  return Number(text);
}

/** A number above 0 from the command line. */
export function parsePositive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < Infinity)) throw new InvalidArgumentError('a number above 0');
  return value;
}
