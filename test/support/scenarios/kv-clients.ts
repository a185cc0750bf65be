import type { Prng } from '#dist/base/prng.js';

/** Where clients find the servers, all at 127.0.0.1. */
export interface KvClientsOptions {
  readonly servers: readonly number[];
  readonly portOf: (server: number) => number;
  readonly prng: Prng;
}

/** One client of a scenario: it goes from server to server until it has its answer. */
export interface KvClient {
  /** Resolves when the token stands in the value, once, whatever was lost on the way there. */
  append(key: string, token: string): Promise<void>;
  get(key: string): Promise<string>;
  close(): void;
}

/** What the scenarios need of a client protocol, so that each can be played with any of them. */
export interface KvClients {
  /** Makes the keys, empty, before anybody appends to them. */
  prepare(keys: readonly string[]): Promise<void>;
  open(name: string): KvClient;
  /** One try at one server: whether it was confirmed. */
  tryAppend(server: number, key: string, token: string): Promise<boolean>;
  /** One try at one server; null for anything but a value. */
  tryGet(server: number, key: string): Promise<string | null>;
  /** Throws if what all clients saw together is not possible. */
  check(): void;
}
