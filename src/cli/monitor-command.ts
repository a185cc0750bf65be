import type { Command } from 'commander';
import { readConfig } from '../server/config.ts';
import { startMonitor } from '../server/monitor.ts';
import { createLogger } from './logger.ts';
import { configOption, logLevelOption, parseServerId } from './options.ts';
import { die, stopOnSignals } from './process-life.ts';

interface MonitorOptions {
  readonly config: string;
  readonly logLevel: string;
  readonly rebuild: boolean;
}

export function registerMonitor(program: Command): void {
  program
    .command('monitor')
    .description('run one monitor of the view service, for the engine primary-backup')
    .argument('[id]', 'its Id in the configuration; not needed where that has only one', parseServerId)
    .addOption(configOption())
    .option('--rebuild', 'start over with empty data, and get the views from the other monitors', false)
    .addOption(logLevelOption('info'))
    .action(async (id: number | undefined, options: MonitorOptions) => {
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
        rebuild: options.rebuild,
        onFatal: (error) => die(logger, error),
      });
      stopOnSignals(monitor, logger, isLaunched);
    });
}
