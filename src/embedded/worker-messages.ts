import type { MessagePort } from 'node:worker_threads';
import { KvraftError, messageOf, type ErrorCode, type Outcome } from '../base/errors.ts';
import type { ClusterConfig } from '../server/config.ts';
import type { ServerStatus } from '../server/status.ts';

/** What the thread of a server is started with. */
export interface WorkerSetup {
  readonly config: ClusterConfig;
  readonly serverId: number;
  readonly rebuild: boolean;
  /** Whether anybody wants its log lines. */
  readonly logs: boolean;
}

/** What the program tells the thread. */
export type HostMessage =
  | { readonly type: 'status'; readonly id: number }
  /** A client of the program speaks the RPC protocol over this port (port-stream.ts). */
  | { readonly type: 'connect'; readonly port: MessagePort }
  /** So many log lines more were read. */
  | { readonly type: 'logs-read'; readonly count: number }
  | { readonly type: 'stop' };

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** What the thread tells the program. */
export type WorkerMessage =
  | { readonly type: 'started' }
  | { readonly type: 'status'; readonly id: number; readonly status: ServerStatus }
  | { readonly type: 'log'; readonly level: LogLevel; readonly fields: object; readonly message: string }
  /** It has closed everything, and ends. */
  | { readonly type: 'stopped' }
  /** It could not start, or cannot go on, and ends. */
  | { readonly type: 'failed'; readonly error: ErrorFields };

/** An error on its way between two threads: a copy of the object itself would lose its class and its fields. */
export interface ErrorFields {
  readonly code: ErrorCode;
  readonly message: string;
  readonly outcome: Outcome;
  readonly retryable: boolean;
}

export function errorFields(error: unknown): ErrorFields {
  if (!(error instanceof KvraftError)) {
    const detail = error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
    return { code: 'INTERNAL', message: detail, outcome: 'unknown', retryable: false };
  }
  const { code, message, outcome, retryable } = error;
  return { code, message, outcome, retryable };
}

export const errorOf = ({ code, message, ...options }: ErrorFields): KvraftError =>
  new KvraftError(code, message, options);
