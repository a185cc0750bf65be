import type { Command } from 'commander';
import { KvraftError, messageOf } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { ListenerConfig } from '../server/config-listeners.ts';
import { readConfig } from '../server/config.ts';
import type { TextDialectName } from '../wire/text-dialects.ts';
import { startServer, type RunningServer } from '../server/server.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import { createLogger } from './logger.ts';
import { configOption, dialectOption, listenOption, logLevelOption, parseServerId } from './options.ts';

/** A stop that takes longer has lost its patience: the log makes up for it at the next start. */
const STOP_MS_MAX = 5_000;

interface ServerOptions {
  readonly config: string;
  readonly logLevel: string;
  readonly dialect?: TextDialectName;
  readonly rebuild: boolean;
  readonly listen: readonly ListenerConfig[];
}

export function registerServer(program: Command): void {
  program
    .command('server')
    .description('run one server of the cluster')
    .argument('<id>', 'its Id in the configuration', parseServerId)
    .addOption(configOption())
    .option('--rebuild', 'start over with empty data, and get everything from the other servers', false)
    .addOption(dialectOption())
    .addOption(listenOption())
    .addOption(logLevelOption('info'))
    .action(runServer);
}

async function runServer(id: number, options: ServerOptions): Promise<void> {
  const config = readConfig(options.config, { dialect: options.dialect });
  const logger = createLogger({ server: id, level: options.logLevel });
  // What is wrong with the data may show only when it is read: that ends the server like a disk that failed.
  process.on('uncaughtException', (error) => die(logger, error));
  const isLaunched = process.connected;
  const server = await startServer({
    config,
    serverId: id,
    logger,
    rebuild: options.rebuild,
    listen: options.listen,
    onFatal: (error) => die(logger, error),
  });
  let stopping = false;
  const stop = (signal: string): void => {
    if (stopping) return;
    stopping = true;
    logger.info({ signal }, 'stopping');
    void stopServer(server);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop(signal));
  const orphaned = (): void => stop('the process that started this server is gone');
  process.on('disconnect', orphaned);
  if (isLaunched && !process.connected) orphaned();
}

/** The end of a server that must not go on. A stack is of use only where the error is a fault of kvraft's own. */
function die(logger: Logger, error: unknown): never {
  const stack = error instanceof Error && !(error instanceof KvraftError) ? { stack: error.stack } : {};
  logger.error({ error: messageOf(error), ...stack }, `stopped: ${messageOf(error)}`);
  process.exit(exitCodeOf(error));
}

async function stopServer(server: RunningServer): Promise<void> {
  setTimeout(() => process.exit(exitCodes.failed), STOP_MS_MAX).unref();
  await server.stop();
  process.exit(exitCodes.done);
}
