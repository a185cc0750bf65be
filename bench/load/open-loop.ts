import type { LoadConnection } from './connection.ts';
import type { OpenLoopJob } from './job.ts';
import { Load } from './load.ts';
import { Schedule } from './schedule.ts';

/** How often due requests are looked for. */
const TICK_MS = 1;

/** Requests leave when the schedule says so, on the connections in turn. */
export class OpenLoop extends Load<OpenLoopJob> {
  #schedule = new Schedule(0, 1);
  #ticks: NodeJS.Timeout | undefined;
  readonly #timers: NodeJS.Timeout[] = [];
  #turn = 0;

  protected override begin(): void {
    const { warmUpMs, measureMs, kill, rate } = this.job;
    this.#schedule = new Schedule(performance.now(), rate);
    this.#ticks = setInterval(() => this.#sendDue(), TICK_MS);
    this.#timers.push(
      setTimeout(() => this.meter.start(performance.now()), warmUpMs),
      setTimeout(() => {
        this.meter.stop(performance.now());
        clearInterval(this.#ticks);
        this.end();
      }, warmUpMs + measureMs),
    );
    if (kill !== null) this.#timers.push(setTimeout(() => this.#kill(kill.pid), warmUpMs + kill.afterMs));
  }

  protected override refill(): void {
    this.#sendDue();
  }

  protected override stopped(): void {
    clearInterval(this.#ticks);
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #kill(pid: number): void {
    process.kill(pid, 'SIGKILL');
    this.meter.killed(performance.now());
  }

  #sendDue(): void {
    const nowMs = performance.now();
    const flush = new Set<LoadConnection>();
    for (let due = this.#schedule.due(nowMs); due > 0; due--) {
      const connection = this.#nextFree();
      if (connection === null) break;
      const dueMs = this.#schedule.take();
      this.meter.sent(nowMs - dueMs);
      this.send(connection, this.drawKey(connection), dueMs);
      flush.add(connection);
    }
    for (const connection of flush) connection.flush();
  }

  #nextFree(): LoadConnection | null {
    for (let tries = this.connections.length; tries > 0; tries--) {
      const connection = this.connections[this.#turn];
      this.#turn = (this.#turn + 1) % this.connections.length;
      if (connection?.isOpen === true && connection.freeSlots > 0) return connection;
    }
    return null;
  }
}
