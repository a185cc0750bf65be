import { Option, type Command } from 'commander';
import { messageOf } from '../base/errors.ts';
import { readConfig } from '../server/config.ts';
import { startServer, type RunningServer } from '../server/server.ts';
import { exitCodes } from './exit-codes.ts';
import { createLogger } from './logger.ts';
import { configOption, parseServerId } from './options.ts';

/** A stop that takes longer has lost its patience: the log makes up for it at the next start. */
const STOP_MS_MAX = 5_000;

interface ServerOptions {
  readonly config: string;
  readonly logLevel: string;
  readonly rebuild: boolean;
}

export function registerServer(program: Command): void {
  program
    .command('server')
    .description('run one server of the cluster')
    .argument('<id>', 'its Id in the configuration', parseServerId)
    .addOption(configOption())
    .option('--rebuild', 'start over with empty data, and get everything from the other servers', false)
    .addOption(
      new Option('--log-level <level>', 'what is logged to standard error')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('info'),
    )
    .action(runServer);
}

async function runServer(id: number, options: ServerOptions): Promise<void> {
  const config = readConfig(options.config);
  const logger = createLogger({ server: id, level: options.logLevel });
  const server = await startServer({
    config,
    serverId: id,
    logger,
    rebuild: options.rebuild,
    onFatal(error) {
      logger.error({ error: messageOf(error) }, `stopped: ${messageOf(error)}`);
      process.exit(exitCodes.failed);
    },
  });
  let stopping = false;
  const stop = (signal: string): void => {
    if (stopping) return;
    stopping = true;
    logger.info({ signal }, 'stopping');
    void stopServer(server);
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
}

async function stopServer(server: RunningServer): Promise<void> {
  setTimeout(() => process.exit(exitCodes.failed), STOP_MS_MAX).unref();
  await server.stop();
  process.exit(exitCodes.done);
}
