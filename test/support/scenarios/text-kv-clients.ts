import { HistoryRecorder, type Invocation, type OperationResult } from '#dist/linearizability/index.js';
import type { Prng } from '#dist/base/prng.js';
import { TextClient, type TextReply } from '../text-client.ts';
import { checkRecorded } from './check-recorded.ts';
import type { KvClient, KvClients, KvClientsOptions } from './kv-clients.ts';

/** Longer than a server takes to say that nobody agreed. */
const PATIENCE_MS = 6_000;
const RETRY_MS_MAX = 40;

interface Versioned {
  readonly value: string;
  readonly version: number;
}

const storage = (head: string, value: string): string => `${head} ${value.length}\r\n${value}\r\n`;

/** Clients of the text protocol. It has no append of its own: they read, and replace by compare-and-swap. */
export class TextKvClients implements KvClients {
  readonly prng: Prng;
  readonly #options: KvClientsOptions;
  readonly #recorder = new HistoryRecorder(() => performance.now(), { model: 'versioned' });
  #pinned = 0;

  constructor(options: KvClientsOptions) {
    this.#options = options;
    this.prng = options.prng;
  }

  open(name: string): KvClient {
    return new TextKvClient(name, this);
  }

  async prepare(keys: readonly string[]): Promise<void> {
    const client = new TextKvClient('founder', this);
    for (const key of keys) await client.create(key);
    client.close();
  }

  async tryAppend(server: number, key: string, token: string): Promise<boolean> {
    const done = await this.#tryOnce(server, async (client) => {
      const { value, version } = await client.read(key);
      return client.swap(key, version, value + token);
    });
    return done ?? false;
  }

  tryGet(server: number, key: string): Promise<string | null> {
    return this.#tryOnce(server, async (client) => (await client.read(key)).value);
  }

  async #tryOnce<T>(server: number, act: (client: TextKvClient) => Promise<T>): Promise<T | null> {
    const client = new TextKvClient(`pinned-${++this.#pinned}`, this, server);
    try {
      return await act(client);
    } catch {
      return null;
    } finally {
      client.close();
    }
  }

  check(): void {
    checkRecorded(this.#recorder);
  }

  /** Where the server is reached; any of them for null. */
  pickPort(server: number | null): number {
    const { servers, portOf } = this.#options;
    return portOf(server ?? servers[this.prng.below(servers.length)] ?? 0);
  }

  call(client: string, invocation: Invocation): ReturnType<HistoryRecorder['call']> {
    return this.#recorder.call(client, invocation);
  }
}

class TextKvClient implements KvClient {
  readonly #name: string;
  readonly #clients: TextKvClients;
  /** The only server that it asks; null for any. */
  readonly #pinned: number | null;
  #connection: TextClient | null = null;
  #closed = false;

  constructor(name: string, clients: TextKvClients, pinned: number | null = null) {
    this.#name = name;
    this.#clients = clients;
    this.#pinned = pinned;
  }

  /**
   * A swap whose fate is unknown is tried again as it was: from one version it goes through at most once. When it does
   * not, somebody has changed the key, and the value shows whether it was this client.
   */
  append(key: string, token: string): Promise<void> {
    let seen: Versioned | null = null;
    return this.#insist(async () => {
      seen ??= await this.read(key);
      if (`;${seen.value}`.includes(`;${token}`)) return;
      if (await this.swap(key, seen.version, seen.value + token)) return;
      seen = null;
      throw new Error('another client was faster');
    });
  }

  get(key: string): Promise<string> {
    return this.#insist(async () => (await this.read(key)).value);
  }

  create(key: string): Promise<void> {
    return this.#insist(async () => {
      const { line } = await this.#ask({ kind: 'set', key, value: '' }, storage(`set ${key} 0`, ''));
      if (!line.startsWith('OK ')) throw new Error(line);
    });
  }

  async read(key: string): Promise<Versioned> {
    const { line, value } = await this.#ask({ kind: 'getm', key }, `getm ${key}\r\n`);
    if (value === null) throw new Error(line);
    return { value: value.toString('latin1'), version: Number(line.split(' ')[1]) };
  }

  /** Whether the key still had that version. */
  async swap(key: string, version: number, value: string): Promise<boolean> {
    const call = { kind: 'cas', key, version, value } as const;
    const { line } = await this.#ask(call, storage(`cas ${key} 0 ${version}`, value));
    if (line === 'ERR_VERSION') return false;
    if (!line.startsWith('OK ')) throw new Error(line);
    return true;
  }

  close(): void {
    this.#closed = true;
    this.#connection?.close();
  }

  /** Again and again, each time at another server, until it is done. */
  async #insist<T>(act: () => Promise<T>): Promise<T> {
    while (!this.#closed) {
      try {
        return await act();
      } catch {
        await new Promise((resolve) => setTimeout(resolve, this.#clients.prng.float() * RETRY_MS_MAX));
      }
    }
    throw new Error('the client was closed');
  }

  /** One request, as the history has it. An error is no answer: it leaves open whether it was done. */
  async #ask(call: Invocation, bytes: string): Promise<TextReply> {
    const recorded = this.#clients.call(this.#name, call);
    try {
      this.#connection ??= await TextClient.connect(this.#clients.pickPort(this.#pinned));
      const reply = await withPatience(this.#connection.send(bytes));
      const result = resultOf(reply);
      if (result === null) throw new Error(reply.line);
      recorded.ok(result);
      return reply;
    } catch (error) {
      recorded.unknown();
      this.#connection?.close();
      this.#connection = null;
      throw error;
    }
  }
}

/** Null for an error that says nothing of the key. */
function resultOf({ line, value }: TextReply): OperationResult | null {
  const [word = '', version, ttl] = line.split(' ');
  if (word === 'OK') return { status: 'ok', version: Number(version) };
  if (word === 'ERR_NOT_FOUND') return { status: 'not-found' };
  if (word === 'ERR_VERSION') return { status: 'version-mismatch' };
  if (word !== 'VALUE' || value === null) return null;
  const text = value.toString('latin1');
  return { status: 'ok', value: text, version: Number(version), ttlMs: Number(ttl) * 1_000 };
}

function withPatience<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout;
  const patience = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('no answer')), PATIENCE_MS);
  });
  return Promise.race([answer, patience]).finally(() => clearTimeout(timer));
}
