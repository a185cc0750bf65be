import assert from 'node:assert/strict';
import { connect, type Client } from '#dist/client/index.js';
import type { ServerAddress } from './processes.ts';

/** Few enough that no two of the hashes are equal by chance. */
const CALLS_PER_KEY = 200;

/** The decimal text of the 32-bit FNV-1a hash. */
function fnv1a(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return String(hash >>> 0);
}

/**
 * Typed clients that hash values into one key, and then into the next. Each reply is the value before, so the replies form one chain from the
 * empty value to the last: a call that was lost or executed twice breaks it.
 */
export class PutHashChain {
  readonly #clients: readonly Client[];
  readonly #work: Promise<unknown>;
  /** Of each key, by the value that a call found: the one that it put. */
  readonly #chains: Map<string, string>[] = [];
  #begun = 0;
  #working = true;

  private constructor(clients: readonly Client[]) {
    this.#clients = clients;
    this.#work = Promise.all(clients.map((client, at) => this.#call(client, at)));
    // Awaited by `check`; until then nobody is surprised by what fails.
    this.#work.catch(() => undefined);
  }

  static async start(servers: readonly ServerAddress[], clients: number): Promise<PutHashChain> {
    const options = {
      servers: servers.map(({ Hostname: host, ClientPort: port }) => ({ host, port })),
      timeout: 60_000,
    };
    return new PutHashChain(await Promise.all(Array.from({ length: clients }, () => connect(options))));
  }

  /** Ends the calls; then the last value must be the one that the replies add up to. */
  async check(): Promise<void> {
    this.#working = false;
    await this.#work;
    for (const [at, puts] of this.#chains.entries()) {
      const count = Math.min(CALLS_PER_KEY, this.#begun - at * CALLS_PER_KEY);
      assert.equal(puts.size, count, 'no two calls found the same value');
      let value = '';
      for (let i = 0; i < count; i++) {
        const put = puts.get(value);
        assert.ok(
          put !== undefined,
          `nobody was told ${value}: the chain breaks after ${i} of ${count} calls`,
        );
        value = fnv1a(value + put);
      }
      assert.equal((await this.#clients[0]?.get(`chain-${at}`))?.string(), value);
    }
  }

  async #call(client: Client, at: number): Promise<void> {
    let number = 0;
    while (this.#working) {
      const chain = Math.floor(this.#begun++ / CALLS_PER_KEY);
      const puts = (this.#chains[chain] ??= new Map());
      const value = `${at}.${number++};`;
      const { previous } = await client.putHash(`chain-${chain}`, value);
      puts.set(Buffer.from(previous).toString(), value);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#working = false;
    await Promise.all(this.#clients.map((client) => client.close()));
  }
}
