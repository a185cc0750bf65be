import type { LoadConnection } from './connection.ts';
import type { SweepJob } from './job.ts';
import { Load } from './load.ts';

/** Goes through the keys once, each on the connection that it belongs to. */
export class Sweep extends Load<SweepJob> {
  /** The next key of every connection. */
  readonly #next = this.connections.map(({ index }) => index);

  protected override begin(): void {
    this.meter.start(performance.now());
    for (const connection of this.connections) this.refill(connection);
  }

  protected override refill(connection: LoadConnection): void {
    const { keys, connections, stride } = this.job;
    const nowMs = performance.now();
    let key = this.#next[connection.index] ?? keys;
    for (; key < keys && connection.freeSlots > 0; key += connections * stride)
      this.send(connection, key, nowMs);
    this.#next[connection.index] = key;
    connection.flush();
    const isDone = ({ index, inFlight }: LoadConnection): boolean =>
      (this.#next[index] ?? keys) >= keys && inFlight === 0;
    if (key >= keys && connection.inFlight === 0 && this.connections.every(isDone)) {
      this.meter.stop(performance.now());
      this.end();
    }
  }
}
