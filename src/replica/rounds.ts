import type { Clock, Timer } from '../base/clock.ts';
import type { ProposalRouter } from './proposal-router.ts';
import type { Reads } from './reads.ts';

export interface RoundsOptions {
  readonly router: Pick<ProposalRouter<unknown>, 'sendInMs'>;
  readonly reads: Pick<Reads, 'askInMs'>;
  readonly clock: Clock;
  /** Longer waits are left to the tick, which comes every so many milliseconds. */
  readonly tickMs: number;
  /** Asks for a turn. */
  readonly schedule: () => void;
}

/** The shortest wait worth a timer: clocks that are scaled are not exact to the last bit, and one might come too early for ever. */
const WAIT_MS_MIN = 0.01;

/** What may go out in a turn. */
export interface Due {
  readonly proposals: boolean;
  readonly reads: boolean;
}

/** Begins rounds of proposals and of reads: in a turn where they may begin, and when what waited may go at last. */
export class Rounds {
  readonly #options: RoundsOptions;
  #timer: Timer | null = null;
  #heldProposals = false;
  #heldReads = false;

  constructor(options: RoundsOptions) {
    this.#options = options;
  }

  /** At the beginning of a turn. */
  due(): Due {
    const { router, reads, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    const sendInMs = router.sendInMs(nowMs);
    const askInMs = reads.askInMs(nowMs);
    // What may go and does not, for want of a leader, waits for an event and not for time.
    this.#heldProposals = isHeld(sendInMs);
    this.#heldReads = isHeld(askInMs);
    return { proposals: sendInMs <= 0, reads: askInMs <= 0 };
  }

  /** At the end of a turn, in which the round may have ended that others waited for. */
  next(): void {
    if (this.#timer !== null) return;
    const { router, reads, clock, tickMs, schedule } = this.#options;
    const nowMs = clock.monotonicMs();
    // Of each kind only if it was held: what could not go in this turn cannot go in the next one either.
    const sendInMs = this.#heldProposals ? router.sendInMs(nowMs) : Infinity;
    const askInMs = this.#heldReads ? reads.askInMs(nowMs) : Infinity;
    const waitMs = Math.min(sendInMs, askInMs);
    if (waitMs > tickMs) return;
    if (waitMs <= 0) return schedule();
    this.#timer = clock.setTimer(Math.max(waitMs, WAIT_MS_MIN), () => {
      this.#timer = null;
      schedule();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }
}

const isHeld = (waitMs: number): boolean => waitMs > 0 && waitMs !== Infinity;
