import { createPrng, type Prng } from '../base/prng.ts';
import type { WriteOp, WriteResult } from '../listeners/kv-service.ts';
import type { Invocation, ModelName, OperationResult, RecordedCall } from '../linearizability/index.ts';
import { HistoryRecorder, checkHistory, formatHistory } from '../linearizability/index.ts';
import type { Scheduler } from './scheduler.ts';
import type { SimCluster } from './sim-cluster.ts';
import type { SimServer } from './sim-server.ts';
import type { WorldOptions } from './world-options.ts';

const MODELS: readonly ModelName[] = ['register', 'append', 'versioned'];
const CHECK_STEPS_MAX = 20_000_000;

/** How operations ended. */
export interface WorkloadCounts {
  ok: number;
  failed: number;
  unknown: number;
}

interface Planned {
  readonly model: ModelName;
  readonly invocation: Invocation;
}

/** Clients that work on keys of every model, and what they saw. */
export class Workload {
  readonly counts: WorkloadCounts = { ok: 0, failed: 0, unknown: 0 };
  readonly #cluster: SimCluster;
  readonly #scheduler: Scheduler;
  readonly #world: WorldOptions;
  readonly #recorders: ReadonlyMap<ModelName, HistoryRecorder>;
  #working = true;

  constructor(cluster: SimCluster, scheduler: Scheduler, world: WorldOptions, prng: Prng) {
    this.#cluster = cluster;
    this.#scheduler = scheduler;
    this.#world = world;
    const nowMs = (): number => scheduler.nowMs;
    const clockToleranceMs = 5 + Math.ceil(TTL_MS_MAX * world.clockDrift * 1.2);
    this.#recorders = new Map(
      MODELS.map((model) => [model, new HistoryRecorder(nowMs, { model, clockToleranceMs })]),
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
      if (result.verdict === 'ok') continue;
      const illegal = result.keys.find(({ verdict }) => verdict === result.verdict);
      const why = result.versionFaults[0]?.message ?? illegal?.blocked?.reason ?? 'out of steps';
      const what =
        illegal === undefined ? '' : `, key ${illegal.key}: ${describeBlocked(history.operations, illegal)}`;
      if (result.verdict === 'illegal') return `the history of ${model} is not linearizable: ${why}${what}`;
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
    client: string,
    server: SimServer,
    planned: readonly Planned[],
    delayMs: () => number,
    done: (outcome: boolean, results: readonly (OperationResult | null)[]) => void,
  ): void {
    const calls = planned.map(({ model, invocation }, i) => {
      const recorder = this.#recorders.get(model) as HistoryRecorder;
      return recorder.call(planned.length === 1 ? client : `${client}.${i}`, invocation);
    });
    let isOver = false;
    const finish = (
      settle: (call: RecordedCall, i: number) => void,
      outcome: boolean,
      results: readonly (OperationResult | null)[] = [],
    ): void => {
      if (isOver) return;
      isOver = true;
      takeBack();
      timer.cancel();
      calls.forEach(settle);
      done(outcome, results);
    };
    const lose = (): void => {
      finish((call) => {
        this.counts.unknown++;
        call.unknown();
      }, false);
    };
    const reply = (
      settle: (call: RecordedCall, i: number) => void,
      outcome: boolean,
      results: readonly (OperationResult | null)[] = [],
    ): void => {
      this.#scheduler.schedule(delayMs(), () => finish(settle, outcome, results));
    };
    const refuse = (): void =>
      reply((call) => {
        this.counts.failed++;
        call.fail();
      }, false);
    let takeBack: () => unknown = () => undefined;
    const timer = this.#scheduler.schedule(this.#world.clientTimeoutMs, lose);
    this.#scheduler.schedule(delayMs(), () => {
      const { process } = server;
      if (isOver) return;
      if (process === null || server.session === null) return refuse();
      takeBack = server.onEnd(() => this.#scheduler.schedule(delayMs(), lose));
      process.after(0, () => {
        const { session } = server;
        if (session === null) return;
        const deadlineMs = process.clock.monotonicMs() + this.#world.requestTimeoutMs;
        const ops = planned.map(({ invocation }) => writeOp(invocation));
        if (ops[0] === null) {
          session.readBarrier(deadlineMs, (outcome) => {
            if (!process.alive) return;
            if (!outcome.ok) return reply((call) => call.unknown(), false);
            const results = planned.map(({ model, invocation }) =>
              readResult(model, invocation, session.get(invocation.key), outcome.stampMs),
            );
            reply(
              (call, i) => {
                this.counts.ok++;
                call.ok(results[i] as OperationResult);
              },
              true,
              results,
            );
          });
          return;
        }
        session.write(ops as WriteOp[], deadlineMs, (outcome) => {
          if (!process.alive) return;
          if (outcome.ok) {
            const results = planned.map(({ model }, i) =>
              writeResult(model, outcome.results[i] as WriteResult),
            );
            reply(
              (call, i) => {
                this.counts.ok++;
                call.ok(results[i] as OperationResult);
              },
              true,
              results,
            );
          } else if (outcome.error.outcome === 'not-applied') refuse();
          else
            reply((call) => {
              this.counts.unknown++;
              call.unknown();
            }, false);
        });
      });
    });
  }

  get servers(): readonly SimServer[] {
    return this.#cluster.servers;
  }
}

const TTL_MS_MAX = 2_000;

/** One client: one request after the other, mostly to the same server. */
class Client {
  readonly #name: string;
  readonly #prng: Prng;
  readonly #world: WorldOptions;
  readonly #workload: Workload;
  #server = 0;
  #values = 0;
  #failed = false;
  /** The version that it saw each key with last. */
  readonly #versions = new Map<string, number>();

  constructor(name: string, prng: Prng, world: WorldOptions, workload: Workload) {
    this.#name = name;
    this.#prng = prng;
    this.#world = world;
    this.#workload = workload;
    this.#server = prng.below(world.servers);
  }

  /** How long it waits before its next request: longer after a failure. */
  waitMs(): number {
    const thinkMs = 0.1 + this.#prng.float() * this.#world.thinkMsMax;
    return this.#failed ? thinkMs + 20 * this.#prng.float() : thinkMs;
  }

  operate(done: () => void): void {
    const prng = this.#prng;
    const server = this.#workload.servers[this.#server] as SimServer;
    const delayMs = (): number => 0.05 + prng.float();
    const first = this.#plan();
    const planned = [first];
    const reads = isRead(first.invocation);
    while (prng.chance(0.15)) {
      const next = this.#plan();
      if (isRead(next.invocation) === reads) planned.push(next);
    }
    this.#workload.send(this.#name, server, planned, delayMs, (ok, results) => {
      results.forEach((result, i) => {
        const key = planned[i]?.invocation.key;
        if (result?.version !== undefined && key !== undefined) this.#versions.set(key, result.version);
      });
      this.#failed = !ok;
      if (!ok || prng.chance(0.02)) this.#server = prng.below(this.#world.servers);
      done();
    });
  }

  #plan(): Planned {
    const prng = this.#prng;
    const model = MODELS[prng.below(3)] as ModelName;
    const key = `${model}-${prng.below(this.#world.keysPerModel)}`;
    const reads = prng.chance(0.4);
    switch (model) {
      case 'register':
        return {
          model,
          invocation: reads ? { kind: 'get', key } : { kind: 'put', key, value: this.#value() },
        };
      case 'append':
        return {
          model,
          invocation: reads ? { kind: 'get', key } : { kind: 'append', key, value: this.#token() },
        };
      case 'versioned':
        return { model, invocation: reads ? { kind: 'getm', key } : this.#versioned(key) };
    }
  }

  #versioned(key: string): Invocation {
    const prng = this.#prng;
    const value = this.#value();
    const ttl = prng.chance(0.3) ? { ttlMs: 1 + prng.below(TTL_MS_MAX) } : {};
    const version = this.#versions.get(key);
    if (prng.chance(0.15)) return { kind: 'delete', key };
    if (version !== undefined && prng.chance(0.5)) return { kind: 'cas', key, value, version, ...ttl };
    const when = prng.chance(0.2) ? 'absent' : prng.chance(0.2) ? 'present' : 'always';
    return { kind: 'set', key, value, when, ...ttl };
  }

  #token(): string {
    return `${this.#name}.${++this.#values};`;
  }

  #value(): string {
    return this.#token() + 'x'.repeat(this.#prng.below(this.#world.valueBytesMax));
  }
}

const isRead = ({ kind }: Invocation): boolean => kind === 'get' || kind === 'getm';

/** Null for a read. */
export function writeOp({
  kind,
  key,
  value = '',
  version = 0,
  ttlMs = 0,
  when = 'always',
}: Invocation): WriteOp | null {
  const bytes = Buffer.from(value);
  switch (kind) {
    case 'put':
      return { op: 'set', key, value: bytes, flags: 0, ttlMs: 0, when: 'always' };
    case 'set':
      return { op: 'set', key, value: bytes, flags: 0, ttlMs, when };
    case 'append':
      return { op: 'append', key, value: bytes };
    case 'cas':
      return { op: 'cas', key, value: bytes, flags: 0, ttlMs, version };
    case 'delete':
      return { op: 'delete', key };
    case 'get':
    case 'getm':
      return null;
  }
}

export function readResult(
  model: ModelName,
  { kind }: Invocation,
  record: { value: Uint8Array; version: number; expiresAtMs: number } | undefined,
  stampMs: number,
): OperationResult {
  if (record === undefined) return { status: 'not-found' };
  const value = Buffer.from(record.value).toString('utf8');
  if (model !== 'versioned') return { status: 'ok', value };
  const ttlMs = record.expiresAtMs === 0 ? 0 : Math.max(1, record.expiresAtMs - stampMs);
  return { status: 'ok', value, version: record.version, ...(kind === 'getm' ? { ttlMs } : {}) };
}

export function writeResult(model: ModelName, { status, version }: WriteResult): OperationResult {
  if (model !== 'versioned') return { status: 'ok' };
  switch (status) {
    case 'ok':
      return { status, version };
    case 'deleted':
      return { status: 'ok', version };
    case 'version-mismatch':
      return { status, version };
    case 'not-found':
    case 'exists':
      return { status };
    case 'too-large':
    case 'not-applied':
      throw new Error(`a write ended as ${status}`);
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
