import type { Clock, Timer } from './clock.ts';

/*
 * As they were when this module was loaded: a program whose tests put fake timers in their place still reaches its
 * servers.
 */
const { setTimeout, clearTimeout, setImmediate } = globalThis;
const monotonicMs = performance.now.bind(performance);

/** The machine's own time and the event loop's own timers. */
export const nodeClock: Clock = {
  monotonicMs,
  wallMs: () => Date.now(),
  setTimer(delayMs, callback): Timer {
    const handle = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
  defer(callback) {
    setImmediate(callback);
  },
};
