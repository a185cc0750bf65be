import { KvraftError } from '../base/errors.ts';

/** What the exit codes of every command mean. */
export const exitCodes = {
  done: 0,
  /** The command failed, or what it checked does not hold. */
  failed: 1,
  /** Wrong arguments or an unusable configuration. */
  usage: 2,
  /** A log or a state on disk is damaged. */
  damaged: 3,
  /** Nobody answers. */
  unreachable: 4,
  /** A write was sent, and may have happened or may still happen. */
  unknown: 5,
} as const;

/** The exit code of a command that ended with an error. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof KvraftError)) return exitCodes.failed;
  switch (error.code) {
    case 'INVALID_CONFIG':
    case 'INVALID_ARGUMENT':
    case 'WRONG_CLUSTER':
    case 'WRONG_INCARNATION':
      return exitCodes.usage;
    case 'LOG_DAMAGED':
    case 'STORE_DAMAGED':
      return exitCodes.damaged;
    case 'UNREACHABLE':
      return exitCodes.unreachable;
    default:
      return error.outcome === 'unknown' ? exitCodes.unknown : exitCodes.failed;
  }
}
