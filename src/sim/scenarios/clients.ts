import type { Prng } from '../../base/prng.ts';
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
import { Appenders, type AppendersOptions } from './appenders.ts';
import type { Answer, ClientWay } from './client-way.ts';
import { SessionWay } from './session-way.ts';

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

const CHECK_STEPS_MAX = 5_000_000;
const CLOCK_TOLERANCE_MS = 10;

/** Clients of a stage: single requests that a scenario makes, and appenders that work on their own. */
export class Clients<Server extends StageServer = StageServer> {
  readonly #stage: ClientStage<Server>;
  /** How requests get to servers, and answers back. */
  way: ClientWay<Server>;
  readonly #recorders = new Map<ModelName, HistoryRecorder>();
  readonly #appenders: Appenders<Server>[] = [];
  #pending = 0;

  constructor(stage: ClientStage<Server>, prng: Prng) {
    this.#stage = stage;
    this.way = new SessionWay(stage, prng);
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
  call(client: string, server: Server, invocation: Invocation, model: ModelName = 'append'): Answer {
    let answer: Answer | null = null;
    this.send(client, server, invocation, (given) => (answer = given), model);
    this.#stage.until(`${invocation.kind} by ${client}`, () => answer !== null);
    return answer as unknown as Answer;
  }

  /** As `call`; a failure if it has no good answer. */
  mustCall(client: string, server: Server, invocation: Invocation, model?: ModelName): OperationResult {
    const answer = this.call(client, server, invocation, model);
    if (!answer.ok) throw new SimFailure(`${invocation.kind} at server ${server.id} fails: ${answer.code}`);
    return answer.result;
  }

  /** Asks one server. */
  send(
    client: string,
    server: Server,
    invocation: Invocation,
    done: (answer: Answer) => void,
    model: ModelName = 'append',
  ): void {
    this.sendToAny(client, [server], invocation, done, model);
  }

  /** Asks whichever of the servers the client likes. */
  sendToAny(
    client: string,
    servers: readonly Server[],
    invocation: Invocation,
    done: (answer: Answer) => void,
    model: ModelName = 'append',
  ): void {
    const recorded = this.#recorder(model).call(client, invocation);
    this.#pending++;
    this.way.ask({ client, servers, invocation, model }, (answer) => {
      this.#pending--;
      if (answer.ok) recorded.ok(answer.result);
      else if (answer.outcome === 'not-applied') recorded.fail();
      else recorded.unknown();
      done(answer);
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

  #recorder(model: ModelName): HistoryRecorder {
    let recorder = this.#recorders.get(model);
    if (recorder === undefined) {
      const nowMs = (): number => this.#stage.scheduler.nowMs;
      recorder = new HistoryRecorder(nowMs, { model, clockToleranceMs: CLOCK_TOLERANCE_MS });
      this.#recorders.set(model, recorder);
    }
    return recorder;
  }
}
