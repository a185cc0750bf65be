import type { Timer } from '../base/clock.ts';
import type { Invocation, ModelName, OperationResult, RecordedCall } from '../linearizability/index.ts';
import type { KvService, WriteOp, WriteResult } from '../listeners/kv-service.ts';
import { readResult, writeOp, writeResult } from './operations.ts';
import type { Scheduler } from './scheduler.ts';
import type { OpenParts, SimMachine } from './machine.ts';

/** A server that clients talk to. */
export type WorkloadServer = Pick<SimMachine<OpenParts>, 'id' | 'process' | 'onEnd'> & {
  /** Null while it does not take requests. */
  readonly session: KvService | null;
};

/** An operation that a client wants done, and the history that it belongs to. */
export interface Planned {
  readonly model: ModelName;
  readonly invocation: Invocation;
}

/** Operations that a client sends to a server as one request: reads only, or writes only. */
export interface RequestOptions {
  readonly client: string;
  readonly server: WorkloadServer;
  readonly planned: readonly Planned[];
  /** The time of one way between the client and the server, drawn anew. */
  readonly delayMs: () => number;
}

/** How a request ended: a result for each operation, or that they did not happen, or may have. */
export type RequestOutcome = readonly OperationResult[] | 'fail' | 'unknown';

/** One request on its way: to the server, through its session, and back. */
export class Request {
  readonly #scheduler: Scheduler;
  readonly #options: RequestOptions;
  readonly #requestTimeoutMs: number;
  readonly #done: (outcome: RequestOutcome) => void;
  readonly #timer: Timer;
  #forget: () => unknown = () => undefined;
  #isOver = false;

  /** `done` is called once: with the answer, or after `clientTimeoutMs`. */
  constructor(
    scheduler: Scheduler,
    options: RequestOptions,
    timeouts: { readonly requestTimeoutMs: number; readonly clientTimeoutMs: number },
    done: (outcome: RequestOutcome) => void,
  ) {
    this.#scheduler = scheduler;
    this.#options = options;
    this.#requestTimeoutMs = timeouts.requestTimeoutMs;
    this.#done = done;
    this.#timer = scheduler.schedule(timeouts.clientTimeoutMs, () => this.#end('unknown'));
  }

  send(): void {
    this.#scheduler.schedule(this.#options.delayMs(), () => this.#arrive());
  }

  #arrive(): void {
    const { server } = this.#options;
    const { process } = server;
    if (this.#isOver) return;
    // A connection that nobody takes: the request surely reached no server.
    if (process === null || server.session === null) return this.#reply('fail');
    this.#forget = server.onEnd(() => this.#reply('unknown'));
    process.after(0, () => {
      if (server.session === null) return;
      const deadlineMs = process.clock.monotonicMs() + this.#requestTimeoutMs;
      this.#execute(server.session, deadlineMs, () => process.alive);
    });
  }

  #execute(session: KvService, deadlineMs: number, isAlive: () => boolean): void {
    const { planned } = this.#options;
    const ops = planned
      .map(({ invocation }) => writeOp(invocation))
      .filter((op): op is WriteOp => op !== null);
    if (ops.length === 0) {
      session.readBarrier(deadlineMs, (outcome) => {
        if (!isAlive()) return;
        if (!outcome.ok) return this.#reply('unknown');
        this.#reply(
          planned.map(({ model, invocation }) =>
            readResult(model, invocation, session.get(invocation.key), outcome.stampMs),
          ),
        );
      });
      return;
    }
    session.write(ops, deadlineMs, (outcome) => {
      if (!isAlive()) return;
      if (!outcome.ok) return this.#reply(outcome.error.outcome === 'not-applied' ? 'fail' : 'unknown');
      this.#reply(planned.map(({ model }, i) => writeResult(model, outcome.results[i] as WriteResult)));
    });
  }

  #reply(outcome: RequestOutcome): void {
    this.#scheduler.schedule(this.#options.delayMs(), () => this.#end(outcome));
  }

  #end(outcome: RequestOutcome): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#forget();
    this.#timer.cancel();
    this.#done(outcome);
  }
}

/** Puts the end of a request into the histories. */
export function settle(calls: readonly RecordedCall[], outcome: RequestOutcome): void {
  calls.forEach((call, i) => {
    if (outcome === 'fail') call.fail();
    else if (outcome === 'unknown') call.unknown();
    else call.ok(outcome[i] as OperationResult);
  });
}
