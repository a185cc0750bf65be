import type { Clock, Timer } from '../base/clock.ts';
import { limits } from '../base/limits.ts';

/** A connection as the server's limits see it. */
export interface AdmittedConnection {
  /** `Admission.underPressure` has changed. */
  pressureChanged(): void;
  /** Asks a connection to go that has held bytes since `sinceMs` and only waits for its client. */
  shed(sinceMs: number): void;
}

export interface AdmissionOptions {
  readonly clock: Clock;
  readonly connectionsMax?: number;
  readonly inFlightBytesMax?: number;
}

/** How long under pressure a connection may wait for a client that neither sends the rest nor reads. */
const patienceMs = 10_000;

/** Pressure ends when this part of the limit is free, so that sockets are not stopped and started all the time. */
const freedPart = 1 / 4;

/**
 * The limits that all client connections of one server share. It only counts: a connection that is under way may
 * go over the limit, and then all are told, and stop reading, but for those in the middle of a value, whose whole
 * length has been counted already, so that what was started can be finished.
 */
export class Admission {
  readonly #clock: Clock;
  readonly #connectionsMax: number;
  readonly #inFlightBytesMax: number;
  readonly #connections = new Set<AdmittedConnection>();
  #bytes = 0;
  #underPressure = false;
  #patience: Timer | null = null;

  constructor({ clock, connectionsMax, inFlightBytesMax }: AdmissionOptions) {
    this.#clock = clock;
    this.#connectionsMax = connectionsMax ?? limits.connectionsMax;
    this.#inFlightBytesMax = inFlightBytesMax ?? limits.serverInFlightBytesMax;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** What all connections together hold: requests that are not answered and replies that are not sent. */
  get inFlightBytes(): number {
    return this.#bytes;
  }

  /** The server holds as much as it may: nothing new is to be read. */
  get underPressure(): boolean {
    return this.#underPressure;
  }

  /** Whether there is room for one more connection; it counts until `leave`. */
  join(connection: AdmittedConnection): boolean {
    if (this.#connections.size >= this.#connectionsMax) return false;
    this.#connections.add(connection);
    return true;
  }

  /** The connection is gone; what it still holds stays counted until it is released. */
  leave(connection: AdmittedConnection): void {
    this.#connections.delete(connection);
  }

  /** A connection holds so many bytes more, or less. */
  adjust(bytes: number): void {
    this.#bytes += bytes;
    if (!this.#underPressure && this.#bytes > this.#inFlightBytesMax) {
      this.#setPressure(true);
      this.#waitForClients();
    } else if (this.#underPressure && this.#bytes <= this.#inFlightBytesMax * (1 - freedPart)) {
      this.#patience?.cancel();
      this.#setPressure(false);
    }
  }

  #setPressure(on: boolean): void {
    this.#underPressure = on;
    for (const connection of this.#connections) connection.pressureChanged();
  }

  #waitForClients(): void {
    this.#patience = this.#clock.setTimer(patienceMs, () => {
      const sinceMs = this.#clock.monotonicMs() - patienceMs;
      for (const connection of this.#connections) connection.shed(sinceMs);
      if (this.#underPressure) this.#waitForClients();
    });
  }
}
