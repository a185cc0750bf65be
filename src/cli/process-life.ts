import { KvraftError, messageOf } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';

/** A stop that takes longer has lost its patience: the log makes up for it at the next start. */
const STOP_MS_MAX = 5_000;

/** The end of a process that must not go on. A stack is of use only where the error is a fault of kvraft's own. */
export function die(logger: Logger, error: unknown): never {
  const stack = error instanceof Error && !(error instanceof KvraftError) ? { stack: error.stack } : {};
  logger.error({ error: messageOf(error), ...stack }, `stopped: ${messageOf(error)}`);
  process.exit(exitCodeOf(error));
}

/**
 * Stops what runs, and then the process, on the first signal that asks for it, or when the process that started this
 * one is gone. `isLaunched` is whether there was such a process when this one began.
 */
export function stopOnSignals(running: { stop(): Promise<void> }, logger: Logger, isLaunched: boolean): void {
  let stopping = false;
  const stop = async (signal: string): Promise<void> => {
    if (stopping) return;
    stopping = true;
    logger.info({ signal }, 'stopping');
    setTimeout(() => process.exit(exitCodes.failed), STOP_MS_MAX).unref();
    await running.stop();
    process.exit(exitCodes.done);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => void stop(signal));
  const orphaned = (): void => void stop('the process that started this one is gone');
  process.on('disconnect', orphaned);
  if (isLaunched && !process.connected) orphaned();
}
