import { CheckFailure, expectAnswer, type Expected } from './failure.ts';
import { showReply, type Reply } from './reply.ts';
import {
  casRequest,
  deleteRequest,
  getmRequest,
  getRequest,
  setRequest,
  type StoreOptions,
} from './request.ts';
import type { System } from './system.ts';
import { Unreachable, type Address, type Answer, type Connection } from './tcp-connection.ts';

/** A request that is not answered by then is tried on another server. */
const attemptMs = 5_000;
const pauseMs = 30;

export interface Attempt {
  /** Null: the request reached no server. */
  readonly answer: Answer | null;
}

export interface Outcome {
  readonly reply: Reply;
  /** An earlier try of the same request may have taken effect, too. */
  readonly isAmbiguous: boolean;
}

export interface Meta {
  readonly version: bigint;
  readonly exptimeS: bigint;
  readonly value: Buffer;
}

/** One user of the system: follows redirects, and tries another server when one is lost, until patience ends. */
export class Client {
  readonly #system: System;
  #server: Address;
  #connection: Connection | null = null;

  constructor(system: System, server: Address) {
    this.#system = system;
    this.#server = server;
  }

  /** Sends the request until some server answers it by something that is no redirect and no failure. */
  async request(asked: string, bytes: Buffer): Promise<Outcome> {
    const { patienceMs } = this.#system.options;
    const endMs = this.#system.nowMs() + patienceMs;
    let isAmbiguous = false;
    let last = 'nobody was asked';
    while (this.#system.nowMs() < endMs) {
      const { answer } = await this.attempt(bytes, attemptMs);
      last = answer === null ? 'no server could be reached' : showReply(answer);
      if (answer?.kind === 'redirect') continue;
      if (answer !== null && answer.kind !== 'silence' && answer.kind !== 'closed') {
        if (answer.kind !== 'error' || answer.error !== 'internal') return { reply: answer, isAmbiguous };
      }
      if (answer !== null) isAmbiguous = true;
      await this.#system.sleep(pauseMs);
    }
    throw new CheckFailure(`${asked}: no answer within ${patienceMs / 1_000} s, last: ${last}`);
  }

  /** Sends the request once, to where the last redirect led or to another server if the last one failed. */
  async attempt(bytes: Buffer, timeoutMs: number): Promise<Attempt> {
    const connection = await this.#connect();
    if (connection === null) return { answer: null };
    void connection.send(bytes);
    const answer = await connection.answer(timeoutMs);
    if (answer.kind === 'redirect') this.#goTo(this.#system.redirectTarget(answer));
    else if (answer.kind === 'silence' || answer.kind === 'closed') this.#goTo(this.#system.anyServer());
    return { answer };
  }

  close(): void {
    if (this.#connection !== null) this.#system.drop(this.#connection);
    this.#connection = null;
  }

  /** Resolves with the version. */
  async set(key: string, value: Buffer | string, options: StoreOptions = {}): Promise<bigint> {
    const asked = `set ${key}`;
    const { reply, isAmbiguous } = await this.request(asked, setRequest(key, value, options));
    return this.#written(asked, { reply, isAmbiguous }, key, value);
  }

  async cas(
    key: string,
    version: bigint,
    value: Buffer | string,
    options: StoreOptions = {},
  ): Promise<bigint> {
    const asked = `cas ${key} with version ${version}`;
    const outcome = await this.request(asked, casRequest(key, version, value, options));
    return this.#written(asked, outcome, key, value);
  }

  async delete(key: string): Promise<void> {
    const { reply, isAmbiguous } = await this.request(`delete ${key}`, deleteRequest(key));
    expectAnswer(`delete ${key}`, reply, 'deleted', ...(isAmbiguous ? (['not-found'] as const) : []));
  }

  /** Null if there is no such key. */
  async get(key: string): Promise<Buffer | null> {
    const { reply } = await this.request(`get ${key}`, getRequest(key));
    if (reply.kind === 'value') return reply.value;
    expectAnswer(`get ${key}`, reply, 'not-found');
    return null;
  }

  async getm(key: string): Promise<Meta | null> {
    const { reply } = await this.request(`getm ${key}`, getmRequest(key));
    if (reply.kind === 'meta') return reply;
    expectAnswer(`getm ${key}`, reply, 'not-found');
    return null;
  }

  /** Throws unless the reply to the request is one of those expected. */
  async expect(asked: string, bytes: Buffer, ...expected: readonly Expected[]): Promise<void> {
    expectAnswer(asked, (await this.request(asked, bytes)).reply, ...expected);
  }

  /** The outcome of a write; if an earlier try of it took effect, that shows by its value. */
  async #written(
    asked: string,
    { reply, isAmbiguous }: Outcome,
    key: string,
    value: Buffer | string,
  ): Promise<bigint> {
    if (isAmbiguous && reply.kind === 'error' && reply.error === 'version') {
      const meta = await this.getm(key);
      const bytes = typeof value === 'string' ? Buffer.from(value, 'latin1') : value;
      if (meta !== null && meta.value.equals(bytes)) return meta.version;
    }
    expectAnswer(asked, reply, 'ok');
    return reply.kind === 'ok' ? reply.version : 0n;
  }

  async #connect(): Promise<Connection | null> {
    if (this.#connection?.isOver === false) return this.#connection;
    this.close();
    try {
      this.#connection = await this.#system.connect(this.#server);
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      this.#server = this.#system.anyServer();
    }
    return this.#connection;
  }

  #goTo(server: Address): void {
    this.close();
    this.#server = server;
  }
}
