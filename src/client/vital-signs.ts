import { timings } from './timings.ts';

/** What a connection has under way. */
export interface UnderWay {
  /** Requests that are to be answered soon. */
  readonly urgent: number;
  /** All requests, those that wait for something to happen included. */
  readonly count: number;
  /** Of their frames. */
  readonly bytes: number;
}

/** What is to be done about a connection. */
export type Diagnosis = 'fine' | 'ask' | 'dead';

/**
 * Whether a server still lives, and knows a leader. It is asked while a request is under way, and counts as dead when
 * nothing at all comes from it after that. All is counted in ticks, so that a pause of this process counts as one.
 */
export class VitalSigns {
  #silentTicks = 0;
  #ticksSinceAsked = 0;
  #isAsked = false;
  #leaderlessTicks: number;

  constructor(knowsLeader: boolean) {
    this.#leaderlessTicks = knowsLeader ? 0 : 1;
  }

  /** How long the server has known no leader, as far as it was asked. */
  get leaderlessTicks(): number {
    return this.#leaderlessTicks;
  }

  /** Something came. */
  heard(): void {
    this.#silentTicks = 0;
  }

  /** The question was answered. */
  answered(knowsLeader: boolean): void {
    this.#isAsked = false;
    this.#leaderlessTicks = knowsLeader ? 0 : Math.max(1, this.#leaderlessTicks);
  }

  tick({ urgent, count, bytes }: UnderWay): Diagnosis {
    const { pingTicks, idlePingTicks, silentTicksMax, bytesPerTickMin } = timings;
    this.#silentTicks++;
    // That it knew no leader stays on record: a server that fails each request soon is idle most of the time.
    if (count === 0) return 'fine';
    if (this.#leaderlessTicks > 0) this.#leaderlessTicks++;
    if (this.#isAsked) {
      // What was sent needs its time on a slow line, and the question is behind it.
      return this.#silentTicks > silentTicksMax + bytes / bytesPerTickMin ? 'dead' : 'fine';
    }
    if (++this.#ticksSinceAsked < (urgent > 0 ? pingTicks : idlePingTicks)) return 'fine';
    this.#ticksSinceAsked = 0;
    this.#silentTicks = 0;
    this.#isAsked = true;
    return 'ask';
  }
}
