import type { Command } from 'commander';
import { nodeClock } from '../base/node-clock.ts';
import type { ListenerConfig } from '../server/config-listeners.ts';
import { readConfig } from '../server/config.ts';
import { startServer } from '../server/server.ts';
import type { TextDialectName } from '../wire/text-dialects.ts';
import { collectWhenIdle } from './idle-collector.ts';
import { createLogger } from './logger.ts';
import { configOption, dialectOption, listenOption, logLevelOption, parseServerId } from './options.ts';
import { die, stopOnSignals } from './process-life.ts';

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
  // Told by `send`, which stays: whoever started this process may be gone by now.
  const isLaunched = process.send !== undefined;
  const server = await startServer({
    config,
    serverId: id,
    logger,
    rebuild: options.rebuild,
    listen: options.listen,
    onFatal: (error) => die(logger, error),
  });
  stopOnSignals(server, logger, isLaunched);
  collectGarbage();
}

/** Where Node was told to expose its collector: see `NODE_FLAGS`. */
function collectGarbage(): void {
  const collect = globalThis.gc;
  if (collect === undefined) return;
  let last = performance.eventLoopUtilization();
  collectWhenIdle({
    clock: nodeClock,
    busyShare: () => {
      const before = last;
      last = performance.eventLoopUtilization();
      return performance.eventLoopUtilization(last, before).utilization;
    },
    bytes: () => {
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    },
    collect: () => collect(),
  });
}
