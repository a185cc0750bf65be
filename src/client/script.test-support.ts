import type { KvraftError } from '../base/errors.ts';
import { parseReply, type OpResult, type RpcRecord } from '../wire/rpc-replies.ts';
import type { ClientCore } from './core.ts';
import type { FakeCluster } from './fake-cluster.test-support.ts';
import type { CallOutcome, PendingCall } from './pending-call.ts';

/** A call, and what became of it. */
export class ScriptedCall {
  /** How often it was answered: once, in the end. */
  answers = 0;
  error: KvraftError | null = null;
  /** Whose it is, where there are several clients. */
  client = 0;
  /** What a read found. */
  value: string | null = null;
  #pending: PendingCall | null = null;

  start(start: (call: ScriptedCall) => PendingCall): this {
    this.#pending = start(this);
    return this;
  }

  answered(outcome: CallOutcome<unknown>): void {
    this.answers++;
    if (!outcome.ok) this.error = outcome.error;
  }

  abort(): void {
    this.#pending?.end('ABORTED');
  }
}

/** Makes calls of a core, and lets time pass until they are answered. */
export class Script {
  readonly #cluster: FakeCluster;
  readonly #core: ClientCore;
  readonly #calls: ScriptedCall[] = [];

  constructor(cluster: FakeCluster, core: ClientCore) {
    this.#cluster = cluster;
    this.#core = core;
  }

  append(key: string, text: string, timeoutMs = 60_000): ScriptedCall {
    const ops = [{ op: 'append', key, value: Buffer.from(text), when: 'always' }] as const;
    const deadlineMs = this.#deadlineMs(timeoutMs);
    return this.#start((call) =>
      this.#core.write({ ops, atomic: false, fence: null, deadlineMs }, (outcome) =>
        call.answered(failed(outcome)),
      ),
    );
  }

  get(key: string, timeoutMs = 60_000): ScriptedCall {
    const request = { type: 'get', stale: false, keys: [key] } as const;
    const deadlineMs = this.#deadlineMs(timeoutMs);
    const options = { request, parse: parseReply.get, deadlineMs, waits: false, only: null };
    return this.#start((call) =>
      this.#core.call<(RpcRecord | null)[]>(options, (outcome) => {
        const record = outcome.ok ? (outcome.value[0] ?? null) : null;
        call.value = record === null ? null : Buffer.from(record.value).toString();
        call.answered(outcome);
      }),
    );
  }

  close(): void {
    let isClosed = false;
    this.#core.close(() => (isClosed = true));
    this.#run(() => isClosed);
    this.#cluster.scheduler.runFor(10);
  }

  /** Until every call is answered. */
  settle(): void {
    this.#run(() => this.#calls.every(({ answers }) => answers > 0));
  }

  #run(done: () => boolean): void {
    const { scheduler } = this.#cluster;
    if (!scheduler.runUntil(done, scheduler.nowMs + 300_000)) throw new Error('a call was never answered');
  }

  #deadlineMs(timeoutMs: number): number {
    return this.#cluster.process.clock.monotonicMs() + timeoutMs;
  }

  #start(start: (call: ScriptedCall) => PendingCall): ScriptedCall {
    const call = new ScriptedCall().start(start);
    this.#calls.push(call);
    return call;
  }
}

/** A write is answered with the status of its operation. */
function failed(outcome: CallOutcome<readonly OpResult[]>): CallOutcome<unknown> {
  if (outcome.ok && outcome.value[0]?.status !== 'ok') throw new Error(`status ${outcome.value[0]?.status}`);
  return outcome;
}
