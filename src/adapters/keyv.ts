import { EventEmitter } from 'node:events';
import type { Client, Entry } from '../client/index.ts';
import { KvraftError } from '../base/errors.ts';
import { deleteAll } from './delete-all.ts';

export interface KeyvKvraftOptions {
  /** Stands before every key, so that `clear` leaves what is not Keyv's alone. Default: `keyv:`. */
  readonly prefix?: string;
}

/** What Keyv asks of the options of a store. */
interface StoreOptions {
  readonly dialect: 'kvraft';
  readonly url: string;
}

/**
 * A store for Keyv: `new Keyv({ store: new KeyvKvraft(client) })`. The client is the caller's, to close, too. Times to
 * live are the cluster's: a key expires on all servers at once, whatever this machine's clock says.
 */
export class KeyvKvraft extends EventEmitter {
  readonly opts: StoreOptions = { dialect: 'kvraft', url: '' };
  /** Set by Keyv, which also puts it before its keys, with a colon between. */
  namespace?: string | undefined;
  readonly #client: Client;
  readonly #prefix: string;

  constructor(client: Client, { prefix = 'keyv:' }: KeyvKvraftOptions = {}) {
    super();
    this.#client = client;
    this.#prefix = prefix;
  }

  async get<Value>(key: string): Promise<Value | undefined> {
    return valueOf(await this.#client.get(this.#key(key))) as Value | undefined;
  }

  async getMany<Value>(keys: string[]): Promise<(Value | undefined)[]> {
    const entries = await this.#client.getMany(keys.map((key) => this.#key(key)));
    return entries.map(valueOf) as (Value | undefined)[];
  }

  async has(key: string): Promise<boolean> {
    return (await this.#client.get(this.#key(key))) !== null;
  }

  async hasMany(keys: string[]): Promise<boolean[]> {
    const entries = await this.#client.getMany(keys.map((key) => this.#key(key)));
    return entries.map((entry) => entry !== null);
  }

  /** `ttl` in milliseconds. */
  async set(key: string, value: unknown, ttl?: number): Promise<boolean> {
    await this.#client.put(this.#key(key), textOf(value), lifetime(ttl));
    return true;
  }

  /** All of them, or none. */
  async setMany(entries: { key: string; value: unknown; ttl?: number }[]): Promise<void> {
    if (entries.length === 0) return;
    await this.#client.batch(
      entries.map(({ key, value, ttl }) => ({
        op: 'put',
        key: this.#key(key),
        value: textOf(value),
        ...lifetime(ttl),
      })),
    );
  }

  async delete(key: string): Promise<boolean> {
    return (await this.#client.delete(this.#key(key))).deleted;
  }

  /** Whether any of them was there. */
  async deleteMany(keys: string[]): Promise<boolean> {
    if (keys.length === 0) return false;
    const { versions } = await this.#client.batch(keys.map((key) => ({ op: 'delete', key: this.#key(key) })));
    return versions.some((version) => version !== null);
  }

  /** Removes the keys of the namespace. */
  clear(): Promise<void> {
    return deleteAll(this.#client, this.#namespacePrefix(this.namespace));
  }

  /** Keys, without the namespace, and values of one state of the store. */
  async *iterator<Value>(namespace?: string): AsyncGenerator<[string, Value | undefined], void> {
    const prefix = this.#namespacePrefix(namespace);
    for await (const entry of this.#client.range({ prefix })) {
      yield [entry.key.slice(this.#prefix.length), valueOf(entry) as Value];
    }
  }

  /** The client is not Keyv's to close. */
  disconnect(): Promise<void> {
    return Promise.resolve();
  }

  #key(key: string): string {
    return `${this.#prefix}${key}`;
  }

  #namespacePrefix(namespace: string | undefined): string {
    return namespace === undefined ? this.#prefix : `${this.#prefix}${namespace}:`;
  }
}

/** Keyv keeps what it stores as text, and reads it by itself. */
const valueOf = (entry: Entry | null): string | undefined => entry?.string();

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new KvraftError(
    'INVALID_ARGUMENT',
    'a value reached the store that Keyv did not serialize: leave `serialize` on',
  );
}

const lifetime = (ttl: number | undefined): { ttl?: number } =>
  ttl === undefined || ttl <= 0 ? {} : { ttl };
