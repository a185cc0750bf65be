import { createPrng, type Prng } from '../base/prng.ts';
import type { ModelName, OperationResult } from '../linearizability/index.ts';
import { HistoryRecorder, checkHistory, formatHistory, modelNames } from '../linearizability/index.ts';
import type { Scheduler } from './scheduler.ts';
import type { Transcript } from './transcript.ts';
import { Client, TTL_MS_MAX } from './workload-client.ts';
import { Request, settle, type RequestOptions, type WorkloadServer } from './workload-request.ts';
import type { WorldOptions } from './world-options.ts';

export type { WorkloadServer } from './workload-request.ts';
export { readResult, writeOp, writeResult } from './operations.ts';

const CHECK_STEPS_MAX = 20_000_000;

/** How operations ended. */
export interface WorkloadCounts {
  ok: number;
  failed: number;
  unknown: number;
  /** Histories that were too hard to check. */
  undecided: number;
}

/** Clients that work on keys of every model, and what they saw. */
export class Workload {
  readonly counts: WorkloadCounts = { ok: 0, failed: 0, unknown: 0, undecided: 0 };
  readonly #cluster: { readonly servers: readonly WorkloadServer[] };
  readonly #scheduler: Scheduler;
  readonly #world: WorldOptions;
  readonly #recorders: ReadonlyMap<ModelName, HistoryRecorder>;
  readonly #transcript: Transcript;
  #working = true;

  constructor(
    cluster: { readonly servers: readonly WorkloadServer[] },
    scheduler: Scheduler,
    world: WorldOptions,
    prng: Prng,
    transcript: Transcript,
  ) {
    this.#transcript = transcript;
    this.#cluster = cluster;
    this.#scheduler = scheduler;
    this.#world = world;
    const nowMs = (): number => scheduler.nowMs;
    const clockToleranceMs = 5 + Math.ceil(TTL_MS_MAX * world.clockDrift * 1.2);
    this.#recorders = new Map(
      modelNames.map((model) => [model, new HistoryRecorder(nowMs, { model, clockToleranceMs })]),
    );
    for (let i = 0; i < world.clients; i++) {
      const client = new Client(`c${i}`, createPrng(prng.uint32()), world, this);
      scheduler.schedule(prng.float() * 100, () => this.#work(client));
    }
  }

  /** No further operations are begun. */
  stop(): void {
    this.#working = false;
  }

  /** Null when every history is linearizable, else what is wrong. */
  check(): string | null {
    for (const [model, recorder] of this.#recorders) {
      const history = recorder.history();
      const result = checkHistory(history, { stepsMax: CHECK_STEPS_MAX });
      if (result.verdict === 'unknown') this.counts.undecided++;
      if (result.verdict !== 'illegal') continue;
      const illegal = result.keys.find(({ verdict }) => verdict === result.verdict);
      const why = result.versionFaults[0]?.message ?? illegal?.blocked?.reason ?? '';
      const what =
        illegal === undefined ? '' : `, key ${illegal.key}: ${describeBlocked(history.operations, illegal)}`;
      return `the history of ${model} is not linearizable: ${why}${what}`;
    }
    return null;
  }

  /** Everything that clients saw, in the format of `kvraft check`. */
  histories(): string[] {
    return [...this.#recorders.values()].map((recorder) => [...formatHistory(recorder.history())].join(''));
  }

  #work(client: Client): void {
    if (!this.#working) return;
    client.operate(() => {
      this.#scheduler.schedule(client.waitMs(), () => this.#work(client));
    });
  }

  /** Sends operations to a server in one request; `done` is called once, when they are over for the client. */
  send(
    options: RequestOptions,
    done: (answered: boolean, results: readonly OperationResult[]) => void,
  ): void {
    const { client, server, planned } = options;
    const calls = planned.map(({ model, invocation }, i) => {
      const recorder = this.#recorders.get(model) as HistoryRecorder;
      // Operations of one request are not ordered for its client: each has a client of its own.
      return recorder.call(planned.length === 1 ? client : `${client}.${i}`, invocation);
    });
    const what = planned.map(({ invocation: { kind, key } }) => `${kind} ${key}`).join(', ');
    this.#transcript.add(`${client} asks ${server.id}: ${what}`);
    const request = new Request(this.#scheduler, options, this.#world, (outcome) => {
      settle(calls, outcome);
      const answered = typeof outcome === 'object';
      const counter = answered ? 'ok' : outcome === 'fail' ? 'failed' : 'unknown';
      this.counts[counter] += calls.length;
      this.#transcript.add(`${client} ${counter}`);
      done(answered, answered ? outcome : []);
    });
    request.send();
  }

  get servers(): readonly WorkloadServer[] {
    return this.#cluster.servers;
  }
}

function describeBlocked(
  operations: readonly { client: string; callMs: number; returnMs: number | null }[],
  { blocked }: { blocked?: { operation: number; reason: string; state: string } },
): string {
  if (blocked === undefined) return '';
  const { client, callMs, returnMs } = operations[blocked.operation] as (typeof operations)[number];
  return `operation ${blocked.operation} of ${client} (${callMs.toFixed(3)} to ${returnMs?.toFixed(3)} ms), state ${blocked.state}`;
}
