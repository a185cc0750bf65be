import type { Clock } from '../base/clock.ts';
import type { Prng } from '../base/prng.ts';
import type { TextDialect } from '../wire/text-dialects.ts';
import { Client } from './client.ts';
import { CheckFailure, expectThat, Inapplicable } from './failure.ts';
import { showReply } from './reply.ts';
import { getRequest } from './request.ts';
import { Connection, Unreachable, type Address, type Answer } from './tcp-connection.ts';

export interface Server extends Address {
  /** As configured: what redirects name. */
  readonly id: number;
}

/** Power over the servers of a system. */
export interface Control {
  /** Ids of the servers that were started and not killed. */
  readonly running: readonly number[];
  /** Servers that ended without being told to, and how, since this was asked last. */
  takeDeaths(): readonly string[];
  start(id: number): void;
  /** Ends the process at once, and resolves when it is gone. */
  kill(id: number): Promise<void>;
  /** Lets the process stand still. */
  pause(id: number): void;
  resume(id: number): void;
}

export interface SystemOptions {
  readonly servers: readonly Server[];
  readonly dialect: TextDialect;
  /** Null: the servers run, and are left alone. */
  readonly control: Control | null;
  readonly clock: Clock;
  readonly prng: Prng;
  /** How long is waited for what must happen. */
  readonly patienceMs: number;
  /** How long is waited to see that something does not happen. */
  readonly silenceMs: number;
  /** Load of the checks that work with random data or many clients: 1 is the usual one. */
  readonly scale: number;
  /** Stands in every key, so that runs on the same system do not meet. */
  readonly keyPrefix: string;
}

const pollMs = 30;
/** The same host by other names: a tester that was given one may be redirected to another. */
const loopbackNames: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1']);

/** The servers under test, as the checks see them. */
export class System {
  readonly options: SystemOptions;
  readonly #connections = new Set<Connection>();
  #keys = 0;

  constructor(options: SystemOptions) {
    this.options = options;
  }

  get servers(): readonly Server[] {
    return this.options.servers;
  }

  get dialect(): TextDialect {
    return this.options.dialect;
  }

  get prng(): Prng {
    return this.options.prng;
  }

  /** Servers that are not known to be down. */
  get upServers(): readonly Server[] {
    const { control } = this.options;
    return control === null ? this.servers : this.servers.filter(({ id }) => control.running.includes(id));
  }

  /** How many servers may be down. */
  get minority(): number {
    return Math.floor((this.servers.length - 1) / 2);
  }

  /** Of a check that kills servers. */
  get control(): Control {
    const { control } = this.options;
    if (control === null) throw new Inapplicable('the servers were not started by the tester');
    return control;
  }

  /** A key that nobody has used. */
  key(name = 'k'): string {
    return `${this.options.keyPrefix}-${++this.#keys}-${name}`;
  }

  nowMs(): number {
    return this.options.clock.monotonicMs();
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.options.clock.setTimer(ms, resolve));
  }

  /** A server by chance, of those that are up. */
  anyServer(): Server {
    return this.pick(this.upServers);
  }

  pick<T>(list: readonly T[]): T {
    const item = list[this.prng.below(list.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }

  /** `count` servers by chance. */
  someServers(count: number, of: readonly Server[] = this.upServers): Server[] {
    const left = [...of];
    return Array.from({ length: count }, () => {
      const server = this.pick(left);
      left.splice(left.indexOf(server), 1);
      return server;
    });
  }

  /** Asks `probe` until it gives something; a `CheckFailure` with `what` when patience ends. */
  async until<T>(what: string | (() => string), probe: () => Promise<T | null | false>): Promise<T> {
    const endMs = this.nowMs() + this.options.patienceMs;
    for (;;) {
      const found = await probe();
      if (found !== null && found !== false) return found;
      if (this.nowMs() >= endMs) {
        const name = typeof what === 'string' ? what : what();
        throw new CheckFailure(`${name}: not within ${this.options.patienceMs / 1_000} s`);
      }
      await this.sleep(pollMs);
    }
  }

  /** A connection that is closed at the end of the check at the latest. Rejects with `Unreachable`. */
  async connect(server: Address): Promise<Connection> {
    const { clock, dialect, patienceMs } = this.options;
    const connection = await Connection.open(server, clock, dialect, patienceMs);
    this.#connections.add(connection);
    return connection;
  }

  /** A client that finds the server that answers by itself, starting with the given one. */
  client(server: Address = this.anyServer()): Client {
    return new Client(this, server);
  }

  /** One request on a connection of its own, as this server answers it. */
  async ask(server: Address, request: Buffer | string, timeoutMs = this.options.patienceMs): Promise<Answer> {
    const connection = await this.connect(server);
    void connection.send(request);
    const answer = await connection.answer(timeoutMs);
    this.drop(connection);
    return answer;
  }

  drop(connection: Connection): void {
    connection.close();
    this.#connections.delete(connection);
  }

  dropAll(): void {
    for (const connection of this.#connections) connection.close();
    this.#connections.clear();
  }

  /** Whether the server takes connections. */
  async listens(server: Address): Promise<boolean> {
    try {
      this.drop(await this.connect(server));
      return true;
    } catch (error) {
      if (error instanceof Unreachable) return false;
      throw error;
    }
  }

  /** The server that a redirect names. */
  redirectTarget(answer: Answer & { readonly kind: 'redirect' }): Server {
    const server = this.servers.find((server) =>
      'id' in answer
        ? server.id === answer.id
        : isSameHost(server.host, answer.host) && server.port === answer.port,
    );
    if (server === undefined) throw new CheckFailure(`${showReply(answer)}: there is no such server`);
    return server;
  }

  /** In a dialect that redirects: the server that does not, found by asking all of them. */
  leader(): Promise<Server> {
    return this.until('one server leads', async () => {
      const request = getRequest(`${this.options.keyPrefix}-nothing`);
      const answers = await Promise.all(
        this.upServers.map(async (server) => ({ server, answer: await this.tryAsk(server, request) })),
      );
      const leaders = answers.filter(
        ({ answer }) => answer?.kind === 'error' && answer.error === 'not-found',
      );
      return leaders.length === 1 ? (leaders[0]?.server ?? null) : null;
    });
  }

  /** As `ask`, for a server that may be away: null if it is. */
  async tryAsk(server: Address, request: Buffer | string, timeoutMs = 2_000): Promise<Answer | null> {
    try {
      return await this.ask(server, request, timeoutMs);
    } catch (error) {
      if (error instanceof Unreachable) return null;
      throw error;
    }
  }

  /** Resolves once every server that is up takes part: it answers, or sends to one that does. */
  async ready(): Promise<void> {
    const request = getRequest(`${this.options.keyPrefix}-nothing`);
    const servers = this.upServers;
    let answers: (Answer | null)[] = [];
    const serves = (answer: Answer | null): boolean =>
      answer?.kind === 'error' && answer.error === 'not-found';
    const whatIsMissing = (): string => {
      const states = servers.map(({ id }, at) => `server ${id}: ${showState(answers[at] ?? null)}`);
      return `every server answers, or redirects to one that does (${states.join(', ')})`;
    };
    await this.until(whatIsMissing, async () => {
      answers = await Promise.all(servers.map((server) => this.tryAsk(server, request)));
      // Why it did is told with the result of every check.
      expectThat(this.upServers.length === servers.length, 'not all servers that were started run');
      return answers.every((answer) => serves(answer) || answer?.kind === 'redirect') && answers.some(serves);
    });
  }
}

/** What a server did when it was asked for a key that is not there. */
function showState(answer: Answer | null): string {
  if (answer === null) return 'takes no connections';
  if (answer.kind === 'silence') return 'does not answer';
  if (answer.kind === 'closed') return 'closes the connection';
  return `answers by ${showReply(answer)}`;
}

/** Whether both names are of one host, as far as can be told without asking for addresses. */
const isSameHost = (a: string, b: string): boolean =>
  a.toLowerCase() === b.toLowerCase() ||
  (loopbackNames.has(a.toLowerCase()) && loopbackNames.has(b.toLowerCase()));
