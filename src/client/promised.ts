import type { ClientCore } from './core.ts';
import { endError, type CallOutcome, type PendingCall } from './pending-call.ts';

/** Makes a call of the core a promise that a signal can abort. */
export function promised<T>(
  core: ClientCore,
  signal: AbortSignal | undefined,
  start: (done: (outcome: CallOutcome<T>) => void) => PendingCall,
): Promise<T> {
  return new Promise((resolve, reject) => {
    if (core.isClosed) return reject(endError('CLOSED', false, undefined));
    if (signal?.aborted === true) return reject(endError('ABORTED', false, signal.reason));
    const onAbort = (): void => call.end('ABORTED', signal?.reason);
    const call = start((outcome) => {
      signal?.removeEventListener('abort', onAbort);
      if (outcome.ok) resolve(outcome.value);
      else reject(outcome.error);
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
