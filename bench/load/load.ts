import { createPrng, type Prng } from '#dist/base/prng.js';
import { readStamp, type MakeWire } from '../wires/wire.ts';
import { LoadConnection, type ConnectionHandler } from './connection.ts';
import type { LoadJob, LoadResult } from './job.ts';
import type { Ledger, Violation } from './ledger.ts';
import { Meter } from './meter.ts';

/** How long replies that are due are waited for at the end, and connections at the beginning. */
const PATIENCE_MS = 30_000;
const RECONNECT_MS = 5;
const VIOLATIONS_MAX = 10;

/** Something that makes requests; which, and when, its kinds decide. */
export abstract class Load<Job extends LoadJob> implements ConnectionHandler {
  protected readonly job: Job;
  protected readonly meter: Meter;
  protected readonly prng: Prng;
  protected readonly connections: LoadConnection[];
  readonly #ledger: Ledger;
  /** 1 for the keys that have a request in flight. */
  readonly #inFlight: Uint8Array;
  readonly #ports: number[];
  /** Requests are made: neither before all connections stand nor once the end has come. */
  protected active = false;
  readonly #violations: Violation[] = [];
  #checked = 0;
  #finish: (error: Error | null) => void = () => undefined;
  #patience: NodeJS.Timeout | undefined;

  constructor(job: Job, makeWire: MakeWire, ledger: Ledger, seed: number) {
    this.job = job;
    this.#ledger = ledger;
    this.#inFlight = new Uint8Array(job.keys);
    if (job.kind !== 'sweep' && Math.floor(job.keys / job.connections) <= job.depth) {
      throw new Error('there are too few keys for so many requests in flight');
    }
    this.prng = createPrng(seed);
    this.meter = new Meter(job.pids, job.kind === 'open' ? job.intervalMs : 0);
    this.#ports = Array.from({ length: job.connections }, (_, i) => job.ports[i % job.ports.length] ?? 0);
    const shape = { work: job.work, valueBytes: job.valueBytes };
    this.connections = this.#ports.map((_, i) => new LoadConnection(i, job.depth, makeWire, shape, this));
  }

  /** Opens the connections, makes the requests, waits for the last reply. */
  async run(): Promise<LoadResult> {
    try {
      await new Promise<void>((resolve, reject) => {
        this.#finish = (error) => (error === null ? resolve() : reject(error));
        this.#wait('the connections were not made in time');
        for (const [i, connection] of this.connections.entries()) connection.open(this.#ports[i] ?? 0);
      });
    } finally {
      clearTimeout(this.#patience);
      this.stopped();
      for (const connection of this.connections) connection.close();
    }
    return { ...this.meter.result(), checked: this.#checked, violations: this.#violations };
  }

  /** All connections stand. */
  protected abstract begin(): void;
  /** Slots of the connection became free. */
  protected abstract refill(connection: LoadConnection): void;
  /** The load is over: no timer may run on. */
  protected stopped(): void {}

  /** No more requests; over once those that are in flight have come to their end. */
  protected end(): void {
    this.active = false;
    this.#wait('the last replies did not come in time');
    this.#finishWhenQuiet();
  }

  protected send(connection: LoadConnection, key: number, sinceMs: number): void {
    this.#inFlight[key] = 1;
    connection.add(key, this.job.work === 'write' ? this.#ledger.sent(key) : 0, sinceMs);
  }

  /**
   * A key of the connection's own share that has no request in flight: so the writes to a key keep their order, in
   * systems, too, that execute the requests of one connection side by side.
   */
  protected drawKey(connection: LoadConnection): number {
    const { keys, connections } = this.job;
    const share = Math.ceil((keys - connection.index) / connections);
    for (;;) {
      const key = connection.index + connections * this.prng.below(share);
      if (this.#inFlight[key] === 0) return key;
    }
  }

  opened(): void {
    if (this.active || this.connections.some(({ isOpen }) => !isOpen)) return;
    clearTimeout(this.#patience);
    this.active = true;
    this.begin();
  }

  succeeded(connection: LoadConnection, slot: number, bytes: Buffer, valueStart: number): void {
    const key = connection.keys[slot] ?? 0;
    this.#inFlight[key] = 0;
    if (valueStart < 0) this.#ledger.acked(key, connection.numbers[slot] ?? 0);
    else if (this.job.kind === 'sweep') this.#check(key, readStamp(bytes, valueStart, key));
    this.meter.replied(connection.receivedMs, connection.sinceMs[slot] ?? 0);
  }

  missed(connection: LoadConnection, slot: number): void {
    const key = connection.keys[slot] ?? 0;
    this.#inFlight[key] = 0;
    this.meter.missing++;
    if (this.job.kind === 'sweep') this.#check(key, null);
    this.meter.replied(connection.receivedMs, connection.sinceMs[slot] ?? 0);
  }

  failed(connection: LoadConnection, slot: number, text: string): void {
    this.#unanswered(connection, slot);
    if (!this.#toleratesFailures) this.#finish(new Error(`a request failed: ${text}`));
  }

  received(connection: LoadConnection): void {
    if (this.active) this.refill(connection);
    else this.#finishWhenQuiet();
  }

  broken(connection: LoadConnection, error: Error): void {
    for (const slot of connection.busySlots()) this.#unanswered(connection, slot);
    if (!this.#toleratesFailures) {
      this.#finish(new Error(`a connection broke: ${error.message}`));
      return;
    }
    if (!this.active) return this.#finishWhenQuiet();
    // The next server in the list; a refused connection comes back here.
    const { ports } = this.job;
    const port = ports[(ports.indexOf(this.#ports[connection.index] ?? 0) + 1) % ports.length] ?? 0;
    this.#ports[connection.index] = port;
    setTimeout(() => {
      if (this.active) connection.open(port);
    }, RECONNECT_MS);
  }

  get #toleratesFailures(): boolean {
    return this.job.kind === 'open' && this.job.kill !== null;
  }

  #unanswered(connection: LoadConnection, slot: number): void {
    const key = connection.keys[slot] ?? 0;
    this.#inFlight[key] = 0;
    this.meter.failed++;
    if (this.job.work === 'write') this.#ledger.unknown(key, connection.numbers[slot] ?? 0);
  }

  #check(key: number, found: number | null): void {
    this.#checked++;
    const violation = this.#ledger.check(key, found);
    if (violation !== null && this.#violations.length < VIOLATIONS_MAX) this.#violations.push(violation);
  }

  #wait(reason: string): void {
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => this.#finish(new Error(reason)), PATIENCE_MS);
  }

  #finishWhenQuiet(): void {
    if (this.connections.every(({ isOpen, inFlight }) => !isOpen || inFlight === 0)) this.#finish(null);
  }
}
