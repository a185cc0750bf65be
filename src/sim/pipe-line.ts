import type { Timer } from '../base/clock.ts';
import { RingQueue } from '../base/ring-queue.ts';
import type { SimNetwork } from './network.ts';
import type { Scheduling } from './scheduler.ts';

/** After this long the sender of a stream tries again what did not come through. */
const RETRANSMIT_MS = 40;

interface Item {
  readonly atMs: number;
  readonly arrive: () => void;
}

/**
 * One direction of a connection: what enters leaves at the other end, in order and complete, sooner or later. Where
 * nothing passes it waits, as a stream that is sent again and again does.
 */
export class PipeLine {
  readonly #network: SimNetwork;
  readonly #scheduler: Scheduling;
  readonly #from: number;
  readonly #to: number;
  readonly #items = new RingQueue<Item>();
  #lastAtMs = 0;
  #timer: Timer | null = null;

  /** Both ends as the network's partitions know them. */
  constructor(network: SimNetwork, scheduler: Scheduling, from: number, to: number) {
    this.#network = network;
    this.#scheduler = scheduler;
    this.#from = from;
    this.#to = to;
  }

  /** Calls `arrive` when what enters now is at the other end. */
  enter(arrive: () => void): void {
    const { nowMs } = this.#scheduler;
    const lost = this.#network.loses() ? RETRANSMIT_MS : 0;
    this.#lastAtMs = Math.max(nowMs + this.#network.delayMs() + lost, this.#lastAtMs);
    this.#items.push({ atMs: this.#lastAtMs, arrive });
    if (this.#timer === null) this.#wait(this.#lastAtMs - nowMs);
  }

  /** What is under way is lost. */
  clear(): void {
    this.#items.clear();
    this.#timer?.cancel();
    this.#timer = null;
  }

  #wait(delayMs: number): void {
    this.#timer = this.#scheduler.schedule(delayMs, this.#move);
  }

  readonly #move = (): void => {
    this.#timer = null;
    if (this.#network.isCut(this.#from, this.#to)) return this.#wait(RETRANSMIT_MS);
    const item = this.#items.shift();
    const next = this.#items.peek();
    if (next !== undefined) this.#wait(Math.max(0, next.atMs - this.#scheduler.nowMs));
    item?.arrive();
  };
}
