import { pino } from 'pino';
import pretty from 'pino-pretty';
import type { Logger } from '../base/logger.ts';

export interface LoggerOptions {
  /** What logs, named in every line: a server or a monitor. */
  readonly server?: number;
  readonly monitor?: number;
  readonly level: string;
}

/** Logs to standard error: JSON lines, or readable ones on a terminal. */
export function createLogger({ level, ...base }: LoggerOptions): Logger {
  const options = { level, base, timestamp: pino.stdTimeFunctions.isoTime };
  if (!process.stderr.isTTY) return pino(options, pino.destination({ dest: 2, sync: true }));
  return pino(
    options,
    pretty({
      destination: 2,
      sync: true,
      translateTime: 'SYS:HH:MM:ss.l',
      ignore: 'server,monitor',
      messageFormat: `${Object.entries(base).flat().join(' ')}: {msg}`,
    }),
  );
}
