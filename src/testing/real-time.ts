import { nodeClock } from '../base/node-clock.ts';
import type { Scheduling } from '../sim/scheduler.ts';

/** A timer of the event loop takes a millisecond at least; what is sooner runs in its next turn. */
const TIMER_MS_MIN = 1;

/** The time line of this process. */
export const realTime: Scheduling = {
  get nowMs() {
    return nodeClock.monotonicMs();
  },
  schedule(delayMs, run) {
    if (delayMs >= TIMER_MS_MIN) return nodeClock.setTimer(delayMs, run);
    let isCancelled = false;
    nodeClock.defer(() => {
      if (!isCancelled) run();
    });
    return {
      cancel: () => {
        isCancelled = true;
      },
    };
  },
};
