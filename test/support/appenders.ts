import type { Client } from '#dist/client/index.js';

const SHARED_KEY = 'shared';

/** Appends tokens, one after the other, to a key of its own and to one that all share. */
interface Writer {
  readonly client: Client;
  readonly name: string;
  /** Tokens that were acknowledged. */
  count: number;
}

/**
 * Writers that append tokens that never come twice. However often a call was sent, each token must be there once, in
 * the order of its writer's awaited calls.
 */
export class Appenders {
  readonly #writers: Writer[];
  readonly #tasks: Promise<void>[];
  #running = true;

  constructor(clients: readonly Client[], writersEach: number) {
    this.#writers = clients.flatMap((client, c) =>
      Array.from({ length: writersEach }, (_, w) => ({ client, name: `${c}-${w}`, count: 0 })),
    );
    this.#tasks = this.#writers.map((writer) => this.#run(writer));
  }

  get count(): number {
    return this.#writers.reduce((sum, { count }) => sum + count, 0);
  }

  /** Stops and waits until every writer has ended; rejects if any of their calls was. */
  async stop(): Promise<void> {
    this.#running = false;
    await Promise.all(this.#tasks);
  }

  /** What is wrong with what is stored. */
  async faults(client: Client): Promise<string[]> {
    const faults: string[] = [];
    const tokens = async (key: string): Promise<string[]> =>
      ((await client.get(key))?.string() ?? '').split(';').slice(0, -1);
    const shared = await tokens(SHARED_KEY);
    for (const { name, count } of this.#writers) {
      const expected = Array.from({ length: count }, (_, i) => `${name}:${i}`);
      for (const [key, found] of [
        [name, await tokens(name)],
        [SHARED_KEY, shared.filter((token) => token.startsWith(`${name}:`))],
      ] as const) {
        if (found.join() === expected.join()) continue;
        faults.push(
          `${key} of ${name}: ${count} tokens acknowledged, found ${firstDifference(expected, found)}`,
        );
      }
    }
    return faults;
  }

  async #run(writer: Writer): Promise<void> {
    while (this.#running) {
      const token = `${writer.name}:${writer.count};`;
      await Promise.all([writer.client.append(writer.name, token), writer.client.append(SHARED_KEY, token)]);
      writer.count++;
    }
  }
}

function firstDifference(expected: readonly string[], found: readonly string[]): string {
  const at = expected.findIndex((token, i) => token !== found[i]);
  const place = at === -1 ? expected.length : at;
  return `${found.length}, at ${place} ${String(found[place])} in place of ${String(expected[place])}`;
}
