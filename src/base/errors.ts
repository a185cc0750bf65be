/**
 * What is known of an operation that failed: `not-applied`, it surely did not happen and never will;
 * `unknown`, it may have happened or may still happen.
 */
export type Outcome = 'not-applied' | 'unknown';

/** Stable error codes. Programs branch on these, never on messages. */
export const errorCodes = [
  'INVALID_ARGUMENT',
  'INVALID_CONFIG',
  'TIMEOUT',
  'NOT_LEADER',
  'OVERLOADED',
  'NO_SPACE',
  'STOPPED',
  'SESSION_EXPIRED',
  'WRONG_CLUSTER',
  'WRONG_INCARNATION',
  'DATA_LOCKED',
  'LOG_DAMAGED',
  'STORE_DAMAGED',
  'PROTOCOL',
  'UNREACHABLE',
  'UNSUPPORTED_VERSION',
  'VERSION_MISMATCH',
  'EXISTS',
  'NOT_FOUND',
  'TOO_LARGE',
  'FENCED',
  'LEASE_LOST',
  'LOCK_LOST',
  'COMPACTED',
  'SNAPSHOT_EXPIRED',
  'ABORTED',
  'CLOSED',
  'INTERNAL',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

export interface KvraftErrorOptions {
  readonly outcome?: Outcome;
  readonly retryable?: boolean;
  readonly cause?: unknown;
  readonly version?: number;
  readonly index?: number;
}

/** The one error class that leaves kvraft. The message says what is wrong and what to do about it. */
export class KvraftError extends Error {
  override readonly name = 'KvraftError';
  readonly code: ErrorCode;
  /** Whether the operation surely did not happen. */
  readonly outcome: Outcome;
  /** Whether the same call may succeed later without any change by the caller. */
  readonly retryable: boolean;
  /** Of a condition that did not hold: the version that the key has. */
  readonly version?: number;
  /** Of a batch: the place of the operation that could not be done. */
  readonly index?: number;

  constructor(code: ErrorCode, message: string, options: KvraftErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.outcome = options.outcome ?? 'not-applied';
    this.retryable = options.retryable ?? false;
    if (options.version !== undefined) this.version = options.version;
    if (options.index !== undefined) this.index = options.index;
  }
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
