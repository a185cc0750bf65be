import { createPrng } from '#dist/base/prng.js';
import { Exchange } from './exchange.ts';
import { randomScript } from './grammar.ts';
import { handmade } from './handmade.ts';
import { NormalForm } from './normal-form.ts';

export interface Mismatch {
  /** Everything that was sent on the connection, the request that was answered differently last. */
  readonly script: readonly string[];
  readonly memcached: string;
  readonly kvraft: string;
}

export interface Comparison {
  readonly requests: number;
  /** Of each script the first, and no more than a few. */
  readonly mismatches: readonly Mismatch[];
}

const scriptLength = 40;
const mismatchesMax = 8;

/** A connection to one of the two servers, and what its versions are. */
class Side {
  readonly #exchange: Exchange;
  readonly #form = new NormalForm();
  readonly #versions = new Map<string, string>();

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  async ask(request: string): Promise<string> {
    let reply = '';
    // Line by line where versions are named: what is answered to the first lines stands in the others.
    for (const part of request.includes('{') ? request.split(/(?<=^gets [^\n]*\n)/) : [request]) {
      const raw = await this.#exchange.ask(
        part.replace(/\{([^}]*)\}/g, (_, key) => this.#versions.get(key) ?? '1'),
      );
      for (const [, key = '', version = ''] of raw.matchAll(/VALUE (\S+) \d+ \d+ (\d+)\r\n/g)) {
        this.#versions.set(key, version);
      }
      reply += this.#form.of(raw);
    }
    return reply;
  }

  close(): void {
    this.#exchange.close();
  }
}

/** Sends the script to both, request by request, until they differ. */
async function compareScript(ports: Ports, script: readonly string[]): Promise<Comparison> {
  const memcached = new Side(await Exchange.connect(ports.memcached));
  const kvraft = new Side(await Exchange.connect(ports.kvraft));
  try {
    for (const [at, request] of script.entries()) {
      const replies = await Promise.all([memcached.ask(request), kvraft.ask(request)]);
      if (replies[0] === replies[1]) continue;
      const mismatch = { script: script.slice(0, at + 1), memcached: replies[0], kvraft: replies[1] };
      return { requests: at + 1, mismatches: [mismatch] };
    }
    return { requests: script.length, mismatches: [] };
  } finally {
    memcached.close();
    kvraft.close();
  }
}

export interface Ports {
  readonly memcached: number;
  readonly kvraft: number;
}

/** The script that was written by hand: it says what is expected of flush_all, too, which random ones leave alone. */
export const compareHandmade = (ports: Ports): Promise<Comparison> => compareScript(ports, handmade);

/** So many random requests, on so many connections at a time. */
export async function compareRandom(
  ports: Ports,
  seed: number,
  requests: number,
  connections = 16,
): Promise<Comparison> {
  const scripts = Math.ceil(requests / scriptLength);
  let next = 0;
  let done = 0;
  const mismatches: Mismatch[] = [];
  const work = async (): Promise<void> => {
    while (next < scripts && mismatches.length < mismatchesMax) {
      const number = next++;
      const prng = createPrng(seed * 1_000_003 + number);
      const comparison = await compareScript(ports, randomScript(prng, `s${number}.`, scriptLength));
      done += comparison.requests;
      mismatches.push(...comparison.mismatches);
    }
  };
  await Promise.all(Array.from({ length: connections }, work));
  return { requests: done, mismatches };
}
