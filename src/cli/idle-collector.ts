import type { Clock } from '../base/clock.ts';

const INTERVAL_MS = 1_000;
/** Less of a core than this: nobody waits for the collection, which takes some tens of milliseconds. */
const IDLE_SHARE_MAX = 0.05;
const GROWN_BYTES_MIN = 32 * 1024 * 1024;

export interface IdleCollectorOptions {
  readonly clock: Clock;
  /** The share of the time since it was asked last in which the event loop had something to do, 0 to 1. */
  readonly busyShare: () => number;
  /** Bytes that the collector might free, and others. */
  readonly bytes: () => number;
  readonly collect: () => void;
}

/** From now on, collects garbage where a load has left much of it and is over: by itself Node collects only when there is more. */
export function collectWhenIdle({ clock, busyShare, bytes, collect }: IdleCollectorOptions): void {
  /** What was left of the last collection. */
  let bytesLeft = 0;
  const look = (): void => {
    clock.setTimer(INTERVAL_MS, look);
    if (busyShare() > IDLE_SHARE_MAX || bytes() < bytesLeft + GROWN_BYTES_MIN) return;
    collect();
    bytesLeft = bytes();
  };
  clock.setTimer(INTERVAL_MS, look);
}
