import { connect, KvraftError, type Client } from '#dist/client/index.js';
import { HistoryRecorder, type Invocation, type OperationResult } from '#dist/linearizability/index.js';
import { checkRecorded } from './check-recorded.ts';
import type { KvClient, KvClients, KvClientsOptions } from './kv-clients.ts';

/** Longer than any outage that a scenario makes: no call of theirs may fail. */
const PATIENCE_MS = 120_000;
/** Of a single try: longer than a server takes to say that nobody agreed. */
const TRY_MS_MAX = 6_000;

/** Typed clients, each with a connection and a session of its own. */
export class RpcKvClients implements KvClients {
  readonly #options: KvClientsOptions;
  readonly #recorder = new HistoryRecorder(() => performance.now(), { model: 'append' });
  #pinned = 0;

  constructor(options: KvClientsOptions) {
    this.#options = options;
  }

  open(name: string): KvClient {
    return new RpcKvClient(name, this.#options.servers, PATIENCE_MS, this);
  }

  /** An append makes the key that it is for. */
  async prepare(): Promise<void> {}

  async tryAppend(server: number, key: string, token: string): Promise<boolean> {
    return (await this.#tryOnce(server, (client) => client.append(key, token).then(() => true))) ?? false;
  }

  tryGet(server: number, key: string): Promise<string | null> {
    return this.#tryOnce(server, (client) => client.get(key));
  }

  async #tryOnce<T>(server: number, act: (client: KvClient) => Promise<T>): Promise<T | null> {
    const client = new RpcKvClient(`pinned-${++this.#pinned}`, [server], TRY_MS_MAX, this);
    try {
      return await act(client);
    } catch (error) {
      if (error instanceof KvraftError && error.retryable) return null;
      throw error;
    } finally {
      client.close();
    }
  }

  check(): void {
    checkRecorded(this.#recorder);
  }

  connect(servers: readonly number[], timeoutMs: number, signal: AbortSignal): Promise<Client> {
    return connect({
      servers: servers.map((id) => ({ host: '127.0.0.1', port: this.#options.portOf(id) })),
      // The addresses that servers name lead around the proxies.
      learnServers: false,
      connectTimeout: timeoutMs,
      timeout: timeoutMs,
      signal,
    });
  }

  call(client: string, invocation: Invocation): ReturnType<HistoryRecorder['call']> {
    return this.#recorder.call(client, invocation);
  }
}

class RpcKvClient implements KvClient {
  readonly #name: string;
  readonly #clients: RpcKvClients;
  readonly #isOver = new AbortController();
  readonly #connecting: Promise<Client>;

  constructor(name: string, servers: readonly number[], timeoutMs: number, clients: RpcKvClients) {
    this.#name = name;
    this.#clients = clients;
    this.#connecting = clients.connect(servers, timeoutMs, this.#isOver.signal);
    // Told by the first call, if there is one.
    this.#connecting.catch(() => undefined);
  }

  /** Sent as often as the client likes; what it did not confirm is an error of the scenario. */
  async append(key: string, value: string): Promise<void> {
    await this.#record({ kind: 'append', key, value }, async (db) => {
      await db.append(key, value);
      return { status: 'ok' };
    });
  }

  async get(key: string): Promise<string> {
    const { value = '' } = await this.#record({ kind: 'get', key }, async (db) => {
      const entry = await db.get(key);
      return entry === null ? { status: 'not-found' } : { status: 'ok', value: entry.string() };
    });
    return value;
  }

  close(): void {
    this.#isOver.abort();
  }

  async #record(call: Invocation, act: (db: Client) => Promise<OperationResult>): Promise<OperationResult> {
    const db = await this.#connecting;
    const recorded = this.#clients.call(this.#name, call);
    try {
      const result = await act(db);
      recorded.ok(result);
      return result;
    } catch (error) {
      if (error instanceof KvraftError && error.outcome === 'not-applied') recorded.fail();
      else recorded.unknown();
      throw error;
    }
  }
}
