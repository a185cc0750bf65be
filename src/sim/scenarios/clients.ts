import type { Prng } from '../../base/prng.ts';
import type { Outcome } from '../../base/errors.ts';
import type { WriteResult } from '../../listeners/kv-service.ts';
import {
  checkHistory,
  HistoryRecorder,
  type Invocation,
  type ModelName,
  type OperationResult,
} from '../../linearizability/index.ts';
import { SimFailure } from '../failure.ts';
import type { Scheduler } from '../scheduler.ts';
import type { WorkloadServer } from '../workload.ts';
import type { WorldOptions } from '../world-options.ts';
import { readResult, writeOp, writeResult } from '../workload.ts';
import { Appenders, type AppendersOptions } from './appenders.ts';

/** A server on a stage. */
export type StageServer = WorkloadServer;

/** What clients need of the stage that they are on. */
export interface ClientStage<Server> {
  readonly world: Pick<WorldOptions, 'clientTimeoutMs' | 'requestTimeoutMs'>;
  readonly scheduler: Scheduler;
  readonly prng: Prng;
  readonly servers: readonly Server[];
  /** Waits for the server that orders operations. */
  leader(): Server;
  until(what: string, holds: () => boolean, limitMs?: number): void;
}

/** How a request ended for its client. */
export type Answer =
  | { readonly ok: true; readonly result: OperationResult }
  | { readonly ok: false; readonly outcome: Outcome; readonly code: string };

const CHECK_STEPS_MAX = 5_000_000;
const CLOCK_TOLERANCE_MS = 10;

/** Clients of a stage: single requests that a scenario makes, and appenders that work on their own. */
export class Clients<Server extends StageServer = StageServer> {
  readonly #stage: ClientStage<Server>;
  readonly #prng: Prng;
  readonly #recorders = new Map<ModelName, HistoryRecorder>();
  readonly #appenders: Appenders<Server>[] = [];
  #pending = 0;

  constructor(stage: ClientStage<Server>, prng: Prng) {
    this.#stage = stage;
    this.#prng = prng;
  }

  /** Whether nobody waits for an answer. */
  get idle(): boolean {
    return this.#pending === 0;
  }

  /** Sets clients to work, each appending one unique token after the other. */
  append(options: AppendersOptions<Server>): Appenders<Server> {
    const appenders = new Appenders(`a${this.#appenders.length}`, this.#stage, this, options);
    this.#appenders.push(appenders);
    return appenders;
  }

  stop(): void {
    for (const appenders of this.#appenders) appenders.stop();
  }

  /** Waits for the answer to one request. */
  call(client: string, server: StageServer, invocation: Invocation, model: ModelName = 'append'): Answer {
    let answer: Answer | null = null;
    this.send(client, server, invocation, (given) => (answer = given), model);
    this.#stage.until(`${invocation.kind} by ${client}`, () => answer !== null);
    return answer as unknown as Answer;
  }

  /** As `call`; a failure if it has no good answer. */
  mustCall(client: string, server: StageServer, invocation: Invocation, model?: ModelName): OperationResult {
    const answer = this.call(client, server, invocation, model);
    if (!answer.ok) throw new SimFailure(`${invocation.kind} at server ${server.id} fails: ${answer.code}`);
    return answer.result;
  }

  send(
    client: string,
    server: StageServer,
    invocation: Invocation,
    done: (answer: Answer) => void,
    model: ModelName = 'append',
  ): void {
    const { scheduler, world } = this.#stage;
    const recorded = this.#recorder(model).call(client, invocation);
    this.#pending++;
    let isOver = false;
    const finish = (answer: Answer): void => {
      if (isOver) return;
      isOver = true;
      this.#pending--;
      forget();
      timer.cancel();
      if (answer.ok) recorded.ok(answer.result);
      else if (answer.outcome === 'not-applied') recorded.fail();
      else recorded.unknown();
      done(answer);
    };
    const lose = (code: string): void => finish({ ok: false, outcome: 'unknown', code });
    const reply = (answer: Answer): void => void scheduler.schedule(this.#delayMs(), () => finish(answer));
    let forget: () => unknown = () => undefined;
    const timer = scheduler.schedule(world.clientTimeoutMs, () => lose('NO_ANSWER'));
    scheduler.schedule(this.#delayMs(), () => {
      if (server.session === null) return finish({ ok: false, outcome: 'not-applied', code: 'REFUSED' });
      forget = server.onEnd(() => scheduler.schedule(this.#delayMs(), () => lose('CONNECTION_LOST')));
      const { process } = server;
      process?.after(0, () =>
        this.#execute(server, invocation, model, (answer) => process.alive && reply(answer)),
      );
    });
  }

  /** What was seen must be possible: by the appenders, and by all together. */
  check(): void {
    for (const appenders of this.#appenders) appenders.check();
    for (const [model, recorder] of this.#recorders) {
      const { verdict, keys } = checkHistory(recorder.history(), { stepsMax: CHECK_STEPS_MAX });
      if (verdict !== 'illegal') continue;
      const illegal = keys.find((key) => key.verdict === 'illegal');
      throw new SimFailure(
        `the history of ${model} is not linearizable: key ${illegal?.key}, ${illegal?.blocked?.reason}`,
      );
    }
  }

  #execute(
    server: StageServer,
    invocation: Invocation,
    model: ModelName,
    done: (answer: Answer) => unknown,
  ): void {
    const { session, process } = server;
    if (session === null || process === null) return;
    const deadlineMs = process.clock.monotonicMs() + this.#stage.world.requestTimeoutMs;
    const op = writeOp(invocation);
    if (op === null) {
      session.readBarrier(deadlineMs, (outcome) => {
        if (!outcome.ok) done({ ok: false, outcome: 'not-applied', code: outcome.error.code });
        else {
          const record = session.get(invocation.key);
          done({ ok: true, result: readResult(model, invocation, record, outcome.stampMs) });
        }
      });
      return;
    }
    session.write([op], deadlineMs, (outcome) => {
      if (outcome.ok) done({ ok: true, result: writeResult(model, outcome.results[0] as WriteResult) });
      else done({ ok: false, outcome: outcome.error.outcome, code: outcome.error.code });
    });
  }

  #recorder(model: ModelName): HistoryRecorder {
    let recorder = this.#recorders.get(model);
    if (recorder === undefined) {
      const nowMs = (): number => this.#stage.scheduler.nowMs;
      recorder = new HistoryRecorder(nowMs, { model, clockToleranceMs: CLOCK_TOLERANCE_MS });
      this.#recorders.set(model, recorder);
    }
    return recorder;
  }

  #delayMs(): number {
    return 0.05 + this.#prng.float() * 0.5;
  }
}
