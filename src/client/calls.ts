import type { Clock, Timer } from '../base/clock.ts';
import { KvraftError } from '../base/errors.ts';
import type { Fields } from '../base/fields.ts';
import type { Prng } from '../base/prng.ts';
import type { RpcRequest } from '../wire/rpc-requests.ts';
import { backoffMs } from './backoff.ts';
import type { Link, LinkReply } from './link.ts';
import { endError, type CallOutcome, type EndCode, type PendingCall } from './pending-call.ts';

export interface CallsOptions {
  readonly clock: Clock;
  readonly prng: Prng;
  readonly link: () => Link | null;
  readonly onNotLeader: () => void;
}

/** A request that changes nothing, and how its reply is read. */
export interface CallRequest<T> {
  readonly request: RpcRequest;
  readonly parse: (fields: Fields) => T;
  /** On the monotonic clock; Infinity: never. */
  readonly deadlineMs: number;
  /** Whether the request waits for something to happen: it moves to the connection that takes over. */
  readonly waits: boolean;
  /** The only connection on which the request means anything; null: any. */
  readonly only: Link | null;
}

/** `link` is the connection that the reply came on. */
export type CallDone<T> = (outcome: CallOutcome<T>, link: Link | null) => void;

/** Requests that change nothing: asked again, elsewhere if need be, until they are answered. */
export class Calls {
  readonly #options: CallsOptions;
  readonly #calls = new Set<Call<unknown>>();

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  /** `done` is called once, not inside this call. */
  start<T>(request: CallRequest<T>, done: CallDone<T>): PendingCall {
    const call = new Call(this.#options, request, (outcome, link) => {
      this.#calls.delete(call as Call<unknown>);
      done(outcome, link);
    });
    this.#calls.add(call as Call<unknown>);
    call.send();
    return call;
  }

  /** There is another connection. */
  linked(): void {
    for (const call of this.#calls) call.linked();
  }
}

class Call<T> implements PendingCall {
  readonly #options: CallsOptions;
  readonly #request: CallRequest<T>;
  readonly #done: CallDone<T>;
  #link: Link | null = null;
  #id = 0;
  #retryTimer: Timer | null = null;
  #refusals = 0;
  #lastRefusal: KvraftError | null = null;
  #isSettled = false;

  constructor(options: CallsOptions, request: CallRequest<T>, done: CallDone<T>) {
    this.#options = options;
    this.#request = request;
    this.#done = done;
  }

  get deadlineMs(): number {
    return this.#request.deadlineMs;
  }

  send(): void {
    const { request, parse, only } = this.#request;
    const link = only ?? this.#options.link();
    if (link === null) return;
    this.#link = link;
    const id = link.send(request, parse, (reply) => {
      if (id === this.#id && link === this.#link) this.#onReply(link, reply);
    });
    this.#id = id;
  }

  linked(): void {
    if (this.#retryTimer !== null) return;
    if (this.#link !== null) {
      if (!this.#request.waits || this.#link === this.#options.link()) return;
      this.#link.cancel(this.#id);
    }
    this.send();
  }

  end(code: EndCode, cause?: unknown): void {
    if (this.#isSettled) return;
    this.#link?.cancel(this.#id);
    const refusal = this.#lastRefusal;
    const says = code === 'TIMEOUT' && refusal !== null && refusal.code !== 'TIMEOUT';
    this.#settle(
      { ok: false, error: says ? refusal : endError(code, false, cause ?? refusal ?? undefined) },
      null,
    );
  }

  #onReply(link: Link, reply: LinkReply<T>): void {
    this.#link = null;
    if (reply.kind === 'ok') return this.#settle({ ok: true, value: reply.value }, link);
    if (reply.kind === 'lost') return this.#lost();
    const { error } = reply;
    if (!error.retryable) return this.#settle({ ok: false, error }, link);
    if (error.code === 'NOT_LEADER') this.#options.onNotLeader();
    this.#lastRefusal = error;
    const { clock, prng } = this.#options;
    this.#retryTimer = clock.setTimer(backoffMs(++this.#refusals, prng), () => {
      this.#retryTimer = null;
      this.send();
    });
  }

  #lost(): void {
    if (this.#request.only === null) return this.send();
    const message = 'the connection to the server that holds the state was lost: begin anew';
    const error = new KvraftError('SNAPSHOT_EXPIRED', message, { retryable: true });
    this.#settle({ ok: false, error }, null);
  }

  #settle(outcome: CallOutcome<T>, link: Link | null): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#retryTimer?.cancel();
    this.#done(outcome, link);
  }
}
