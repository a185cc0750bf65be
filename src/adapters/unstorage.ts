import { KvraftError } from '../base/errors.ts';
import type { BatchOperation, Client, Entry } from '../client/index.ts';
import { deleteAll } from './delete-all.ts';

export interface KvraftDriverOptions {
  /** Belongs to the caller, to close, too. */
  readonly client: Client;
  /** Stands before every key, with a colon between. */
  readonly base?: string;
  /** Seconds that a key lives whose `setItem` says nothing; without it, forever. */
  readonly ttl?: number;
  /** Told when a watch cannot go on, and has ended. Without it the error is thrown where nobody can catch it. */
  readonly onWatchError?: (error: Error) => void;
}

/** What `setItem` takes. */
interface ItemOptions {
  /** Seconds that the key lives. */
  readonly ttl?: number;
}

type WatchCallback = (event: 'update' | 'remove', key: string) => unknown;

/** The functions of a driver for unstorage, as `createStorage({ driver })` takes it. */
export interface KvraftDriver {
  readonly name: 'kvraft';
  readonly flags: { readonly ttl: true };
  readonly options: KvraftDriverOptions;
  getInstance(): Client;
  hasItem(key: string): Promise<boolean>;
  getItem(key: string): Promise<string | null>;
  getItems(items: { key: string }[]): Promise<{ key: string; value: string | null }[]>;
  getItemRaw(key: string): Promise<Uint8Array | null>;
  setItem(key: string, value: string, options?: ItemOptions): Promise<void>;
  /** All of them, or none. */
  setItems(
    items: { key: string; value: string; options?: ItemOptions }[],
    options?: ItemOptions,
  ): Promise<void>;
  setItemRaw(key: string, value: unknown, options?: ItemOptions): Promise<void>;
  removeItem(key: string): Promise<void>;
  getMeta(key: string): Promise<{ ttl?: number; version: number } | null>;
  /** Without a base: all of this driver's. */
  getKeys(base?: string): Promise<string[]>;
  clear(base?: string): Promise<void>;
  /** Ends the watches; the client stays open. */
  dispose(): Promise<void>;
  watch(callback: WatchCallback): Promise<() => Promise<void>>;
}

/** Makes a driver for unstorage. */
export function kvraftDriver(options: KvraftDriverOptions): KvraftDriver {
  const { client, base = '' } = options;
  const prefix = base === '' ? '' : `${base.replace(/:+$/, '')}:`;
  const inner = (key: string): string => `${prefix}${key}`;
  const lifetime = (own?: ItemOptions): { ttl?: number } => {
    const seconds = own?.ttl ?? options.ttl;
    return seconds === undefined || seconds <= 0 ? {} : { ttl: Math.ceil(seconds * 1_000) };
  };
  const watches = new Set<AbortController>();
  return {
    name: 'kvraft',
    flags: { ttl: true },
    options,
    getInstance: () => client,
    hasItem: async (key) => (await client.get(inner(key))) !== null,
    getItem: async (key) => (await client.get(inner(key)))?.string() ?? null,
    getItems: async (items) => {
      const entries = await client.getMany(items.map(({ key }) => inner(key)));
      return items.map(({ key }, at) => ({ key, value: entries[at]?.string() ?? null }));
    },
    getItemRaw: async (key) => (await client.get(inner(key)))?.value ?? null,
    setItem: async (key, value, own) => {
      await client.put(inner(key), value, lifetime(own));
    },
    setItems: async (items, common) => {
      if (items.length === 0) return;
      const puts = items.map(({ key, value, options: own }): BatchOperation => ({
        op: 'put',
        key: inner(key),
        value,
        ...lifetime(own ?? common),
      }));
      await client.batch(puts);
    },
    setItemRaw: async (key, value, own) => {
      await client.put(inner(key), rawBytes(value), lifetime(own));
    },
    removeItem: async (key) => {
      await client.delete(inner(key));
    },
    getMeta: async (key) => metaOf(await client.get(inner(key))),
    getKeys: async (start = '') => {
      const keys: string[] = [];
      for await (const { key } of client.range({ prefix: inner(start) })) keys.push(key.slice(prefix.length));
      return keys;
    },
    clear: (start = '') => deleteAll(client, inner(start)),
    dispose: async () => {
      for (const watch of watches) watch.abort();
      return Promise.resolve();
    },
    watch: async (callback) => {
      const stopped = new AbortController();
      watches.add(stopped);
      const watch = client.watch({ prefix, signal: stopped.signal });
      const tell = async (): Promise<void> => {
        for await (const event of watch) {
          // A flush removes everything, and names no key.
          const key = event.type === 'flush' ? '' : event.key.slice(prefix.length);
          callback(event.type === 'put' ? 'update' : 'remove', key);
        }
      };
      void tell().catch((error: Error) => {
        const isEnd = stopped.signal.aborted || (error instanceof KvraftError && error.code === 'CLOSED');
        if (!isEnd) (options.onWatchError ?? throwLater)(error);
      });
      await watch.started;
      return async () => {
        stopped.abort();
        watches.delete(stopped);
        return Promise.resolve();
      };
    },
  };
}

function throwLater(error: Error): void {
  queueMicrotask(() => {
    throw error;
  });
}

function metaOf(entry: Entry | null): { ttl?: number; version: number } | null {
  if (entry === null) return null;
  const { ttl, version } = entry;
  return { version, ...(ttl === null ? {} : { ttl: Math.ceil(ttl / 1_000) }) };
}

function rawBytes(value: unknown): string | Uint8Array {
  if (typeof value === 'string' || value instanceof Uint8Array) return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  throw new KvraftError('INVALID_ARGUMENT', 'a raw value is bytes or a text');
}
