import type { Clock } from '../base/clock.ts';
import type { Admission } from './admission.ts';
import type { ConnectionStream } from './client-connection.ts';

export interface FlowLimits {
  /** Bytes of unanswered requests past which a connection is not read. */
  readonly inFlightBytesMax: number;
  /** Bytes of replies that the client has not taken, past which nothing more is read or answered. */
  readonly unsentBytesMax: number;
}

/**
 * What one connection holds in memory, and what follows from it: whether its client is read and answered, and whether
 * it is the client's fault that it is held. Its owner says what it holds after whatever may have changed that.
 */
export class FlowControl {
  readonly #stream: ConnectionStream;
  readonly #admission: Admission;
  readonly #clock: Clock;
  readonly #limits: FlowLimits;
  #isReading = true;
  #hasEnded = false;
  #isGone = false;
  /** As last counted: in all, of unanswered requests, and of replies. */
  #bytes = 0;
  #requestBytes = 0;
  #unsentBytes = 0;
  #takesInput = true;
  #isInMiddle = false;
  /** Since when nothing but the client keeps bytes here: what it has started, or replies that it does not read. */
  #waitsForClientSinceMs: number | null = null;

  constructor(
    stream: ConnectionStream,
    { admission, clock }: { readonly admission: Admission; readonly clock: Clock },
    limits: FlowLimits,
  ) {
    this.#stream = stream;
    this.#admission = admission;
    this.#clock = clock;
    this.#limits = limits;
  }

  /** The connection is no more: nothing is written, and nothing is kept for it. */
  get isGone(): boolean {
    return this.#isGone;
  }

  gone(): void {
    this.#isGone = true;
  }

  /** Whether replies were not taken when they were last counted. */
  get hasUnsent(): boolean {
    return this.#unsentBytes > 0;
  }

  /** The client has sent or taken what was waited for. */
  clientActed(): void {
    this.#waitsForClientSinceMs = null;
  }

  /** Whether a reply may be made now; `heldBytes` are those that were not given to the stream yet. */
  hasRoom(heldBytes: number): boolean {
    if (this.#isGone) return true;
    return this.#admission.hasRoom && heldBytes + this.#stream.unsentBytes < this.#limits.unsentBytesMax;
  }

  /** Bytes of what the client has started and not finished, of unanswered requests, and of replies held back. */
  count(startedBytes: number, requestBytes: number, heldBytes: number): void {
    const unsentBytes = this.#isGone ? 0 : this.#stream.unsentBytes + heldBytes;
    if (startedBytes + unsentBytes === 0) this.#waitsForClientSinceMs = null;
    else this.#waitsForClientSinceMs ??= this.#clock.monotonicMs();
    const bytes = startedBytes + requestBytes + unsentBytes;
    const change = bytes - this.#bytes;
    const unsentChange = unsentBytes - this.#unsentBytes;
    this.#bytes = bytes;
    this.#requestBytes = requestBytes;
    this.#unsentBytes = unsentBytes;
    if (change !== 0 || unsentChange !== 0) this.#admission.adjust(change, unsentChange);
  }

  /**
   * Reads the client, or not, as the last count says. `takesInput`: whether anything more is wanted at all;
   * `isInMiddle`: it has begun what is counted in whole, and may finish it while others wait.
   */
  regulate(takesInput: boolean, isInMiddle: boolean): void {
    this.#takesInput = takesInput;
    this.#isInMiddle = isInMiddle;
    this.pressureChanged();
  }

  pressureChanged(): void {
    const reads = this.#wantsInput();
    if (reads === this.#isReading || this.#isGone || this.#hasEnded) return;
    this.#isReading = reads;
    if (reads) this.#stream.resume();
    else this.#stream.pause();
  }

  /** See `AdmittedConnection`. */
  shed(sinceMs: number, unreadSinceMs: number): void {
    const waitsSinceMs = this.#waitsForClientSinceMs;
    const longMs = this.hasUnsent ? unreadSinceMs : sinceMs;
    if (waitsSinceMs !== null && waitsSinceMs <= longMs) this.#stream.destroy();
  }

  /** Ends the connection once everything that was written is sent. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (!this.#isGone) this.#stream.end();
  }

  #wantsInput(): boolean {
    const { inFlightBytesMax, unsentBytesMax } = this.#limits;
    if (!this.#takesInput) return false;
    if (this.#requestBytes > inFlightBytesMax || this.#unsentBytes >= unsentBytesMax) return false;
    return !this.#admission.underPressure || this.#isInMiddle;
  }
}
