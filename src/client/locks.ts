import { KvraftError } from '../base/errors.ts';
import type { Client } from './client.ts';
import type { Election, ElectionOptions, HeldLock, Leadership, LockOptions } from './coordination.ts';
import type { Entry } from './entry.ts';
import { deadlineOf, HeldKey, leaseTtlMs, type Keeping } from './held.ts';
import { bytesText, checkNames, invalid, keyText, valueBytes } from './input.ts';
import { optionNames } from './option-names.ts';
import type { Bytes, CallOptions, ReadOptions } from './options.ts';

const NOTHING = new Uint8Array(0);

/**
 * Runs the function while this client holds the lock, and gives the lock back. Rejects with `LOCK_LOST` when it was
 * lost meanwhile, though the function came to its end.
 */
export async function withLock<T>(
  keeping: Keeping,
  name: Bytes,
  options: LockOptions,
  run: (lock: HeldLock) => T | Promise<T>,
): Promise<T> {
  checkNames(options, optionNames.lock);
  if (typeof run !== 'function') throw invalid('a lock takes the function that is run while it is held');
  const held = await hold(keeping, name, NOTHING, leaseTtlMs(options.ttl), options);
  let result: T;
  try {
    result = await run(held);
  } finally {
    await held.resign();
  }
  if (held.lost !== null) throw held.lost;
  return result;
}

function hold(
  keeping: Keeping,
  name: Bytes,
  value: Uint8Array,
  ttlMs: number,
  options: CallOptions,
): Promise<HeldKey> {
  const key = keyText(name);
  keeping.core.checkSizes([{ op: 'set', key, value, flags: 0, ttlMs: 0, when: 'absent' }]);
  const deadlineMs = deadlineOf(keeping, options);
  return HeldKey.acquire(keeping, { name, key, value, ttlMs, deadlineMs, signal: options.signal });
}

/** An election is a lock whose key says who holds it. */
export class KeyElection implements Election {
  readonly #keeping: Keeping;
  readonly #client: Pick<Client, 'get' | 'watch'>;
  readonly #name: Bytes;
  readonly #key: string;
  readonly #ttlMs: number;

  constructor(
    keeping: Keeping,
    client: Pick<Client, 'get' | 'watch'>,
    name: Bytes,
    options: ElectionOptions,
  ) {
    checkNames(options, optionNames.election);
    this.#keeping = keeping;
    this.#client = client;
    this.#name = name;
    this.#key = keyText(name);
    this.#ttlMs = leaseTtlMs(options.ttl);
  }

  async campaign(value: Bytes = '', options: CallOptions = {}): Promise<Leadership> {
    checkNames(options, optionNames.call);
    return hold(this.#keeping, this.#name, valueBytes(value), this.#ttlMs, options);
  }

  leader(options: ReadOptions = {}): Promise<Entry | null> {
    return this.#client.get(this.#name, options);
  }

  async *observe(options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<Entry | null, void> {
    checkNames(options, optionNames.observe);
    for (;;) {
      const watch = this.#client.watch({ ...options, prefix: this.#name });
      try {
        await watch.started;
        let leader = await this.leader(options);
        yield leader;
        for await (const event of watch) {
          const isOwn = event.type === 'flush' || bytesText(event.keyBytes, 'a key') === this.#key;
          if (!isOwn || (leader !== null && event.version <= leader.version)) continue;
          const next = event.type === 'put' ? event : null;
          if (next === null && leader === null) continue;
          leader = next;
          yield leader;
        }
        return;
      } catch (error) {
        // It fell behind too far to be told of every change: begin anew, with what is there now.
        if (!(error instanceof KvraftError && error.code === 'COMPACTED')) throw error;
      } finally {
        await watch[Symbol.asyncDispose]();
      }
    }
  }
}
