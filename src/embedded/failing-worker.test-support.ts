import { parentPort, workerData } from 'node:worker_threads';
import type { HostMessage, WorkerMessage, WorkerSetup } from './worker-messages.ts';

/** What a thread does that takes the place of a server's, by the id that it is given. */
export const failures = {
  endsBeforeStart: 1,
  throwsWhenAsked: 2,
  failsWhenAsked: 3,
  neverStops: 4,
} as const;

if (parentPort !== null) {
  const port = parentPort;
  const tell = (message: WorkerMessage): void => port.postMessage(message);
  const { serverId } = workerData as WorkerSetup;
  if (serverId === failures.endsBeforeStart) process.exit(7);
  tell({ type: 'started' });
  port.on('message', ({ type }: HostMessage) => {
    if (type !== 'status') return;
    if (serverId === failures.throwsWhenAsked) throw new Error('a bug');
    if (serverId === failures.failsWhenAsked) {
      const error = {
        code: 'STORE_DAMAGED',
        message: 'bit rot',
        outcome: 'not-applied',
        retryable: false,
      } as const;
      tell({ type: 'failed', error });
      process.exit(1);
    }
  });
}
