import { SimFailure } from '../failure.ts';
import type { Clients, ClientStage, StageServer } from './clients.ts';

export interface AppendersOptions<Server> {
  readonly clients: number;
  /** The key that a client appends to; no two groups of appenders share one. */
  readonly key?: (client: number) => string;
  /** Servers that they talk to; all by default. */
  readonly servers?: readonly Server[];
  /** Pause between an answer and the next request. */
  readonly thinkMs?: number;
  /** Bytes that each token is filled up with. */
  readonly padding?: number;
}

type Fate = 'ok' | 'unknown' | 'failed';

/**
 * Clients that each append one token after the other, all of them unique, and read now and then. A token that surely
 * did not get there is sent again, to another server; one whose fate is unknown is not. In the end every confirmed
 * token must stand there once, in the order of its client's calls, no failed one, and nothing twice.
 */
export class Appenders<Server extends StageServer = StageServer> {
  readonly #stage: ClientStage<Server>;
  readonly #clients: Clients<Server>;
  readonly #options: Required<AppendersOptions<Server>>;
  readonly #fates = new Map<string, Map<string, Fate>>();
  readonly #name: string;
  #working = true;
  /** Tokens that were confirmed. */
  ok = 0;

  /** `name` starts the tokens, and must be nobody else's. */
  constructor(
    name: string,
    stage: ClientStage<Server>,
    clients: Clients<Server>,
    options: AppendersOptions<Server>,
  ) {
    this.#stage = stage;
    this.#clients = clients;
    this.#options = {
      key: (client) => `${name}-${client}`,
      servers: stage.servers,
      thinkMs: 5,
      padding: 0,
      ...options,
    };
    this.#name = name;
    for (let client = 0; client < options.clients; client++) {
      stage.scheduler.schedule(stage.prng.float() * 10, () => this.#next(client, 1));
    }
  }

  stop(): void {
    this.#working = false;
  }

  /** Runs until so many more tokens were confirmed. */
  progress(tokens: number, limitMs?: number): void {
    const goal = this.ok + tokens;
    this.#stage.until(`${tokens} more appends`, () => this.ok >= goal, limitMs);
  }

  check(): void {
    for (const [key, fates] of this.#fates) {
      const server = this.#stage.leader();
      const { value = '' } = this.#clients.mustCall('checker', server, { kind: 'get', key });
      checkTokens(key, value, fates);
    }
  }

  #next(client: number, number: number): void {
    if (!this.#working) return;
    const { key, padding, servers } = this.#options;
    const reads = this.#stage.prng.chance(0.2);
    if (!reads)
      return this.#append(client, number, `${this.#name}.${client}.${number}${'x'.repeat(padding)};`);
    this.#clients.sendToAny(this.#label(client), servers, { kind: 'get', key: key(client) }, () =>
      this.#later(() => this.#next(client, number)),
    );
  }

  #append(client: number, number: number, token: string): void {
    const { servers } = this.#options;
    const key = this.#options.key(client);
    const fates = this.#fates.get(key) ?? new Map<string, Fate>();
    this.#fates.set(key, fates);
    fates.set(token, 'unknown');
    const append = { kind: 'append', key, value: token } as const;
    this.#clients.sendToAny(this.#label(client), servers, append, (answer) => {
      fates.set(token, answer.ok ? 'ok' : answer.outcome === 'unknown' ? 'unknown' : 'failed');
      if (answer.ok) this.ok++;
      const again = !answer.ok && answer.outcome === 'not-applied';
      this.#later(() => {
        if (again && this.#working) this.#append(client, number, token);
        else this.#next(client, number + 1);
      });
    });
  }

  #later(callback: () => void): void {
    this.#stage.scheduler.schedule(0.1 + this.#options.thinkMs * this.#stage.prng.float() * 2, callback);
  }

  #label(client: number): string {
    return `${this.#name}.${client}`;
  }
}

function checkTokens(key: string, value: string, fates: ReadonlyMap<string, Fate>): void {
  const places = new Map<string, number>();
  const tokens = value.split(';').slice(0, -1);
  tokens.forEach((text, place) => {
    const token = `${text};`;
    if (places.has(token)) throw new SimFailure(`${key}: ${token} was appended twice`);
    if (!fates.has(token)) throw new SimFailure(`${key}: nobody appended ${token}`);
    places.set(token, place);
  });
  const lastOf = new Map<string, number>();
  for (const [token, fate] of fates) {
    const place = places.get(token);
    if (fate === 'failed' && place !== undefined)
      throw new SimFailure(`${key}: ${token} was said to have failed`);
    if (fate !== 'ok') continue;
    if (place === undefined) throw new SimFailure(`${key}: ${token} was confirmed and is lost`);
    const client = token.slice(0, token.lastIndexOf('.'));
    if (place < (lastOf.get(client) ?? -1)) throw new SimFailure(`${key}: ${token} is out of order`);
    lastOf.set(client, place);
  }
}
