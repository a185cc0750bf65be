import type { LoadConnection } from './connection.ts';
import type { ClosedLoopJob } from './job.ts';
import { Load } from './load.ts';

/** Every connection keeps `depth` requests in flight: a reply sends the next one. */
export class ClosedLoop extends Load<ClosedLoopJob> {
  #timer: NodeJS.Timeout | undefined;

  protected override begin(): void {
    for (const connection of this.connections) this.refill(connection);
    this.#timer = setTimeout(() => this.#measure(), this.job.warmUpMs);
  }

  protected override refill(connection: LoadConnection): void {
    const nowMs = performance.now();
    while (connection.freeSlots > 0) this.send(connection, this.drawKey(connection), nowMs);
    connection.flush();
  }

  protected override stopped(): void {
    clearTimeout(this.#timer);
  }

  #measure(): void {
    this.meter.start(performance.now());
    this.#timer = setTimeout(() => {
      this.meter.stop(performance.now());
      this.end();
    }, this.job.measureMs);
  }
}
