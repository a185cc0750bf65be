import { KvraftError } from '../base/errors.ts';

/** How a call ended. */
export type CallOutcome<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: KvraftError };

/** Why a call ends before it is answered. */
export type EndCode = 'ABORTED' | 'TIMEOUT' | 'CLOSED';

/** A call that was made and is not answered. Its owner tells it of its end once. */
export interface PendingCall {
  /** On the monotonic clock; Infinity: never. */
  readonly deadlineMs: number;
  /** Ends the call before it is answered: it was aborted, or took too long, or the client was closed. */
  end(code: EndCode, cause?: unknown): void;
}

/** What a call is told that ends before it is answered. `unknown`: it was sent, and may have happened. */
export function endError(code: EndCode, unknown: boolean, cause: unknown): KvraftError {
  const happened = unknown ? 'whether the write happened, or still will, is unknown' : 'nothing was changed';
  const what = {
    ABORTED: 'the call was aborted',
    TIMEOUT: 'the call took too long',
    CLOSED: 'the client was closed',
  };
  const why = cause instanceof KvraftError ? ` (${cause.message})` : '';
  const message = `${what[code]}: ${happened}${why}`;
  const outcome = unknown ? 'unknown' : 'not-applied';
  return new KvraftError(code, message, { outcome, retryable: code === 'TIMEOUT', cause });
}
