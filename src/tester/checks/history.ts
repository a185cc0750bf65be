import {
  checkHistory,
  HistoryRecorder,
  showText,
  type History,
  type Invocation,
  type OperationResult,
} from '../../linearizability/index.ts';
import type { Check } from '../check.ts';
import type { Client } from '../client.ts';
import { CheckFailure, expectThat } from '../failure.ts';
import { showReply, type Reply } from '../reply.ts';
import { casRequest, deleteRequest, getmRequest, getRequest, setRequest } from '../request.ts';
import type { Server, System } from '../system.ts';

const clientsCount = 8;
const keysCount = 4;
const attemptMs = 1_500;
/** A history says something from so many operations on; a slow system need not do more in the time that it is given. */
const operationsMin = 50;
const operationsWanted = 1_500;
const stepsMax = 20_000_000;

/** Clients that work on a few keys at the same time, and write down what they see. */
export class Workload {
  readonly #system: System;
  readonly #recorder: HistoryRecorder;
  readonly #keys: readonly string[];
  readonly #tasks: readonly Promise<void>[];
  #isOver = false;
  /** What a client found wrong. */
  #failure: unknown = null;
  /** Operations that were answered. */
  answered = 0;

  constructor(system: System) {
    this.#system = system;
    this.#recorder = new HistoryRecorder(() => system.nowMs(), { model: 'versioned' });
    this.#keys = Array.from({ length: keysCount }, () => system.key());
    this.#tasks = Array.from({ length: clientsCount }, (_, i) => this.#work(`client ${i}`));
  }

  /**
   * Resolves once so many more operations were answered, or something was found wrong, or after `withinMs`; throws if
   * patience ends before.
   */
  async progress(operations: number, withinMs = Infinity): Promise<void> {
    const goal = this.answered + operations;
    const endMs = this.#system.nowMs() + withinMs;
    await this.#system.until(`${operations} more operations are answered`, () =>
      Promise.resolve(this.answered >= goal || this.#isOver || this.#system.nowMs() >= endMs),
    );
  }

  /** Reads every key from this server, by clients that ask nothing before. Resolves when all have ended. */
  async probe(server: Server): Promise<void> {
    const reads = this.#keys.map(async (key, i) => {
      const client = this.#system.client(server);
      await this.#try(client, `probe ${i}`, { kind: 'getm', key });
      client.close();
    });
    await Promise.all(reads);
  }

  async stop(): Promise<History> {
    this.#isOver = true;
    await Promise.all(this.#tasks);
    if (this.#failure !== null) throw this.#failure;
    return this.#recorder.history();
  }

  async #work(name: string): Promise<void> {
    const system = this.#system;
    const client = system.client(system.pick(system.servers));
    const versions = new Map<string, bigint>();
    try {
      for (let i = 0; !this.#isOver; i++) {
        const invocation = this.#plan(`${name} ${i}`, versions);
        const reply = await this.#try(client, name, invocation);
        if (reply === null) await system.sleep(10);
        else if ('version' in reply) versions.set(invocation.key, reply.version);
      }
    } catch (error) {
      this.#failure ??= error;
      this.#isOver = true;
    }
    client.close();
  }

  #plan(value: string, versions: ReadonlyMap<string, bigint>): Invocation {
    const { prng, dialect } = this.#system;
    const key = this.#system.pick(this.#keys);
    const version = versions.get(key);
    const ttl = prng.chance(0.1) ? { ttlMs: 1_000 } : {};
    if (prng.chance(0.4)) return { kind: prng.chance(0.5) ? 'get' : 'getm', key };
    if (prng.chance(0.15)) return { kind: 'delete', key };
    if (version !== undefined && prng.chance(0.5)) {
      return { kind: 'cas', key, value, version: Number(version), ...ttl };
    }
    return { kind: 'set', key, value, when: dialect.setWhen, ...ttl };
  }

  /** Sends one request, one operation of the history; null if its fate is open or it was not done. */
  async #try(client: Client, name: string, invocation: Invocation): Promise<Reply | null> {
    const call = this.#recorder.call(name, invocation);
    const { answer } = await client.attempt(bytesOf(invocation), attemptMs);
    if (answer === null || answer.kind === 'redirect') {
      call.fail();
      return null;
    }
    if (answer.kind === 'silence' || answer.kind === 'closed') {
      call.unknown();
      return null;
    }
    if (answer.kind === 'error' && answer.error === 'internal') {
      call.unknown();
      return null;
    }
    const result = resultOf(invocation, answer);
    if (result === null) throw new CheckFailure(`${invocation.kind}: got ${showReply(answer)}`);
    call.ok(result);
    this.answered++;
    return answer;
  }
}

function bytesOf({ kind, key, value = '', version = 0, ttlMs = 0 }: Invocation): Buffer {
  const options = { exptimeS: ttlMs / 1_000 };
  switch (kind) {
    case 'get':
      return getRequest(key);
    case 'getm':
      return getmRequest(key);
    case 'delete':
      return deleteRequest(key);
    case 'cas':
      return casRequest(key, BigInt(version), value, options);
    default:
      return setRequest(key, value, options);
  }
}

/** Null if the reply is none that the request can have. */
function resultOf({ kind, when }: Invocation, reply: Reply): OperationResult | null {
  switch (reply.kind) {
    case 'ok':
      return kind === 'set' || kind === 'cas' ? { status: 'ok', version: Number(reply.version) } : null;
    case 'deleted':
      return kind === 'delete' ? { status: 'ok' } : null;
    case 'value':
      return kind === 'get' ? { status: 'ok', value: reply.value.toString('latin1') } : null;
    case 'meta':
      if (kind !== 'getm') return null;
      return {
        status: 'ok',
        value: reply.value.toString('latin1'),
        version: Number(reply.version),
        ttlMs: Number(reply.exptimeS) * 1_000,
      };
    case 'error':
      if (reply.error === 'not-found') return kind === 'set' ? null : { status: 'not-found' };
      if (reply.error !== 'version') return null;
      if (kind === 'cas') return { status: 'version-mismatch' };
      return kind === 'set' && when === 'absent' ? { status: 'exists' } : null;
    default:
      return null;
  }
}

/** Throws a `CheckFailure` unless the history is linearizable. */
export function expectLinearizable(history: History): void {
  const { verdict, keys, versionFaults } = checkHistory(history, { stepsMax });
  const [fault] = versionFaults;
  expectThat(fault === undefined, `not linearizable: ${fault?.message}`);
  const blocked = keys.find((key) => key.verdict === 'illegal');
  const operation = history.operations[blocked?.blocked?.operation ?? -1];
  expectThat(
    blocked === undefined,
    `not linearizable: ${operation?.client}'s ${operation?.kind} of ${blocked === undefined ? '' : showText(blocked.key)} ` +
      `has no place in any order: ${blocked?.blocked?.reason}`,
  );
  expectThat(verdict === 'ok', 'whether the history is linearizable was not decided within its budget');
}

export const historyChecks: readonly Check[] = [
  {
    name: 'history/linearizable',
    about: 'what concurrent clients see fits one order of all their requests',
    async run(system) {
      const workload = new Workload(system);
      await workload.progress(operationsMin);
      await workload.progress(operationsWanted * system.options.scale, system.options.patienceMs / 2);
      expectLinearizable(await workload.stop());
    },
  },
];
