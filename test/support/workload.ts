import type { ProcessCluster } from './processes.ts';
import type { TextClient } from './text-client.ts';

const RETRY_MS = 20;

/** A counter that one writer raises: what it last asked for, and the last that was acknowledged. */
interface Counter {
  readonly key: string;
  asked: number;
  acknowledged: number;
}

/**
 * Constant load: each writer raises a counter of its own, reading it back in between; each reader looks at other
 * writers' counters. A read must never show less than what was acknowledged before it was asked, nor more than what
 * was ever asked for. Connections that break are made anew, to another server.
 */
export class Workload {
  readonly #cluster: ProcessCluster;
  readonly #counters: Counter[];
  readonly #tasks: Promise<void>[];
  readonly #clients = new Set<TextClient>();
  #running = true;
  /** What was seen that must not be. */
  readonly violations: string[] = [];
  writesAcknowledged = 0;
  readsAnswered = 0;

  constructor(cluster: ProcessCluster, { writers, readers }: { writers: number; readers: number }) {
    this.#cluster = cluster;
    this.#counters = Array.from({ length: writers }, (_, i) => ({
      key: `counter-${i}`,
      asked: 0,
      acknowledged: 0,
    }));
    this.#tasks = [
      ...this.#counters.map((counter, i) => this.#client(i, (client) => this.#raise(client, counter))),
      ...Array.from({ length: readers }, (_, i) => this.#client(i, (client) => this.#look(client))),
    ];
  }

  /** Stops and waits until every client has ended. */
  async stop(): Promise<void> {
    this.#running = false;
    await Promise.all(this.#tasks);
  }

  /** The same at once, whatever is in flight: for a test that failed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#running = false;
    for (const client of this.#clients) client.close();
    await Promise.all(this.#tasks);
  }

  /** Reads every counter from the given server and adds to `violations` what was lost or made up. */
  async verify(server: number): Promise<void> {
    const client = await this.#cluster.client(server);
    for (const counter of this.#counters) await this.#check(client, counter, counter.acknowledged);
    client.close();
  }

  async #client(seat: number, act: (client: TextClient) => Promise<void>): Promise<void> {
    const { ids } = this.#cluster;
    let server = seat;
    while (this.#running) {
      let client: TextClient | null = null;
      try {
        client = await this.#cluster.client(ids[server % ids.length] ?? 0);
        this.#clients.add(client);
        while (this.#running) await act(client);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
      if (client !== null) this.#clients.delete(client);
      client?.close();
      server++;
    }
  }

  async #raise(client: TextClient, counter: Counter): Promise<void> {
    const value = ++counter.asked;
    const reply = await client.set(counter.key, String(value));
    if (!reply.startsWith('OK ')) throw new Error(reply);
    counter.acknowledged = value;
    this.writesAcknowledged++;
    if (value % 8 === 0) await this.#check(client, counter, value);
  }

  async #look(client: TextClient): Promise<void> {
    const counter = this.#counters[this.readsAnswered % this.#counters.length];
    if (counter !== undefined) await this.#check(client, counter, counter.acknowledged);
  }

  async #check(client: TextClient, counter: Counter, atLeast: number): Promise<void> {
    const seen = Number((await client.get(counter.key)) ?? 0);
    this.readsAnswered++;
    if (seen < atLeast)
      this.violations.push(`${counter.key}: read ${seen} after ${atLeast} was acknowledged`);
    if (seen > counter.asked)
      this.violations.push(`${counter.key}: read ${seen}, only ${counter.asked} asked for`);
  }
}
