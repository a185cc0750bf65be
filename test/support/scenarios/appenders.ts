import assert from 'node:assert/strict';
import type { Prng } from '#dist/base/prng.js';
import { until } from '../processes.ts';
import type { KvClient, KvClients } from './kv-clients.ts';

/** On a bad network, and with all servers starting at once on a busy machine. */
const PATIENCE_MS = 120_000;

export interface AppendersOptions {
  readonly clients: number;
  /** The key that a client appends to; a key of its own by default. */
  readonly key?: string;
  readonly thinkMsMax?: number;
}

/** Clients that each append one unique token after the other, and now and then read. */
export class Appenders {
  readonly #name: string;
  readonly #kv: KvClients;
  readonly #prng: Prng;
  readonly #options: AppendersOptions;
  readonly #clients: KvClient[] = [];
  readonly #tasks: Promise<void>[] = [];
  /** By key and client: how many tokens were confirmed. */
  readonly #confirmed = new Map<string, Map<number, number>>();
  #working = true;
  #ok = 0;

  constructor(name: string, kv: KvClients, prng: Prng, options: AppendersOptions) {
    this.#name = name;
    this.#kv = kv;
    this.#prng = prng;
    this.#options = options;
  }

  async start(): Promise<void> {
    const seats = Array.from({ length: this.#options.clients }, (_, seat) => seat);
    for (const seat of seats) this.#confirmed.set(this.#key(seat), new Map());
    await this.#kv.prepare([...this.#confirmed.keys()]);
    for (const seat of seats) {
      const client = this.#kv.open(`${this.#name}.${seat}`);
      this.#clients.push(client);
      this.#tasks.push(this.#work(seat, client));
    }
  }

  /** Waits until so many more tokens were confirmed. */
  async progress(tokens: number): Promise<void> {
    const goal = this.#ok + tokens;
    await until(`${tokens} more appends are confirmed`, async () => this.#ok >= goal, PATIENCE_MS);
  }

  get ok(): number {
    return this.#ok;
  }

  /** Waits until every client has its last answer. */
  async stop(): Promise<void> {
    this.#working = false;
    await Promise.all(this.#tasks);
  }

  /** Breaks off, for a scenario that failed. */
  abandon(): void {
    this.#working = false;
    for (const client of this.#clients) client.close();
  }

  /** Every confirmed token stands there once, in the order of its client's calls, and nothing else does. */
  async check(): Promise<void> {
    const reader = this.#kv.open(`${this.#name}.reader`);
    for (const [key, confirmed] of this.#confirmed) {
      const places = new Map<number, number>();
      for (const token of (await reader.get(key)).split(';').slice(0, -1)) {
        const [client = '', number = ''] = token.split('.').slice(-2);
        const last = places.get(Number(client)) ?? 0;
        assert.equal(Number(number), last + 1, `${key}: ${token} follows ${last}`);
        places.set(Number(client), Number(number));
      }
      assert.deepEqual(
        [...places].sort(([a], [b]) => a - b),
        [...confirmed].filter(([, count]) => count > 0).sort(([a], [b]) => a - b),
        `${key}: what was confirmed is there, and nothing else`,
      );
    }
    reader.close();
  }

  #key(seat: number): string {
    return this.#options.key ?? `${this.#name}-${seat}`;
  }

  async #work(seat: number, client: KvClient): Promise<void> {
    const key = this.#key(seat);
    const confirmed = this.#confirmed.get(key);
    try {
      for (let number = 1; this.#working; number++) {
        await client.append(key, `${this.#name}.${seat}.${number};`);
        confirmed?.set(seat, number);
        this.#ok++;
        if (this.#prng.chance(0.2)) await client.get(key);
        const thinkMs = this.#prng.float() * (this.#options.thinkMsMax ?? 10);
        await new Promise((resolve) => setTimeout(resolve, thinkMs));
      }
    } catch (error) {
      if (this.#working) throw error;
    } finally {
      client.close();
    }
  }
}
