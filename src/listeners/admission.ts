import type { Clock, Timer } from '../base/clock.ts';
import { limits } from '../base/limits.ts';

/** A connection as the server's limits see it. */
export interface AdmittedConnection {
  /** `Admission.underPressure` has changed. */
  pressureChanged(): void;
  /** `Admission.hasRoom` is true again. Called in a turn of its own. */
  roomAgain(): void;
  /**
   * Asks a connection to go that only waits for its client: since `unreadSinceMs` to take replies, or since
   * `sinceMs` for anything.
   */
  shed(sinceMs: number, unreadSinceMs: number): void;
}

export interface AdmissionOptions {
  readonly clock: Clock;
  readonly connectionsMax?: number;
  readonly inFlightBytesMax?: number;
}

/** How long under pressure a connection may wait for a client that neither sends the rest nor reads. */
const patienceMs = 10_000;
/** The same for one that does not read, once such clients leave no room for the replies to others. */
const unreadPatienceMs = 3_000;
/** How often it is looked for such connections: those that came later than others are not to stay for long. */
const shedEveryMs = 1_000;

/** Pressure ends, and there is room again, when this part of the limit is free, so that sockets are not stopped and started all the time. */
const freedPart = 1 / 4;

/**
 * The limits that all client connections of one server share. It only counts: a connection that is under way may
 * go over the limit, and then all are told, and stop reading, but for those in the middle of a value, whose whole
 * length has been counted already, so that what was started can be finished. Replies that clients do not take are
 * bounded by making no more of them: not reading is not enough, as a few bytes of a request ask for megabytes.
 */
export class Admission {
  readonly #clock: Clock;
  readonly #connectionsMax: number;
  readonly #inFlightBytesMax: number;
  readonly #connections = new Set<AdmittedConnection>();
  #bytes = 0;
  #underPressure = false;
  /** Of the bytes, those of replies that are made and not sent. */
  #unsentBytes = 0;
  #hasRoom = true;
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

  /** Replies may be made. If not, only clients that read, or are cut off, change that: requests wait for it. */
  get hasRoom(): boolean {
    return this.#hasRoom;
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

  /** A connection holds so many bytes more, or less; `unsentBytes` of them are replies that are not sent. */
  adjust(bytes: number, unsentBytes: number): void {
    this.#bytes += bytes;
    this.#unsentBytes += unsentBytes;
    this.#updatePressure();
    this.#updateRoom();
  }

  #updatePressure(): void {
    if (!this.#underPressure && this.#bytes > this.#inFlightBytesMax) {
      this.#setPressure(true);
      this.#waitForClients();
    } else if (this.#underPressure && this.#bytes <= this.#inFlightBytesMax * (1 - freedPart)) {
      this.#patience?.cancel();
      this.#setPressure(false);
    }
  }

  /** There is none only under pressure, so somebody is cut off if no client reads. */
  #updateRoom(): void {
    if (this.#hasRoom) {
      this.#hasRoom = this.#unsentBytes <= this.#inFlightBytesMax;
    } else if (this.#unsentBytes <= this.#inFlightBytesMax * (1 - freedPart)) {
      this.#hasRoom = true;
      // Later: connections that make replies now call this themselves.
      this.#clock.defer(() => {
        for (const connection of this.#connections) connection.roomAgain();
      });
    }
  }

  #setPressure(on: boolean): void {
    this.#underPressure = on;
    for (const connection of this.#connections) connection.pressureChanged();
  }

  #waitForClients(): void {
    this.#patience = this.#clock.setTimer(shedEveryMs, () => {
      const nowMs = this.#clock.monotonicMs();
      const sinceMs = nowMs - patienceMs;
      const unreadSinceMs = this.#hasRoom ? sinceMs : nowMs - unreadPatienceMs;
      for (const connection of this.#connections) connection.shed(sinceMs, unreadSinceMs);
      if (this.#underPressure) this.#waitForClients();
    });
  }
}
