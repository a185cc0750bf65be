import type { Command } from 'commander';
import { readConfig } from '../server/config.ts';
import { startMonitor } from '../server/monitor.ts';
import { createLogger } from './logger.ts';
import { configOption, logLevelOption, parseServerId } from './options.ts';
import { die, stopOnSignals } from './process-life.ts';

export function registerMonitor(program: Command): void {
  program
    .command('monitor')
    .description('run one monitor of the view service, for the engine primary-backup')
    .argument('[id]', 'its Id in the configuration; not needed where that has only one', parseServerId)
    .addOption(configOption())
    .addOption(logLevelOption('info'))
    .action(async (id: number | undefined, options: { config: string; logLevel: string }) => {
      const config = readConfig(options.config);
      const monitorId = id ?? null;
      const logger = createLogger({
        monitor: monitorId ?? config.monitors[0]?.id ?? 0,
        level: options.logLevel,
      });
      process.on('uncaughtException', (error) => die(logger, error));
      const isLaunched = process.connected;
      const monitor = await startMonitor({
        config,
        monitorId,
        logger,
        onFatal: (error) => die(logger, error),
      });
      stopOnSignals(monitor, logger, isLaunched);
    });
}
