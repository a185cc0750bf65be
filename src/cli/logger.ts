import { pino } from 'pino';
import pretty from 'pino-pretty';
import type { Logger } from '../base/logger.ts';

export interface LoggerOptions {
  /** Named in every line. */
  readonly server: number;
  readonly level: string;
}

/** Logs to standard error: JSON lines, or readable ones on a terminal. */
export function createLogger({ server, level }: LoggerOptions): Logger {
  const options = { level, base: { server }, timestamp: pino.stdTimeFunctions.isoTime };
  if (!process.stderr.isTTY) return pino(options, pino.destination({ dest: 2, sync: true }));
  return pino(
    options,
    pretty({
      destination: 2,
      sync: true,
      translateTime: 'SYS:HH:MM:ss.l',
      ignore: 'server',
      messageFormat: `server ${server}: {msg}`,
    }),
  );
}
