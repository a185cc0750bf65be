import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KvraftError } from '../base/errors.ts';
import { createPrng, type Prng } from '../base/prng.ts';
import { parseReply, type RpcWatchPage } from '../wire/rpc-replies.ts';
import type { ClientCore } from './core.ts';
import { FakeCluster, type FakeServer } from './fake-cluster.test-support.ts';
import { Script, type ScriptedCall } from './script.test-support.ts';

const SEEDS = process.env['KVRAFT_TEST_FULL'] === undefined ? 60 : 2_000;
const STEPS = 60;

/** Two clients append tokens to one key, and a third one watches, while everything that can happen does. */
class Chaos {
  readonly cluster: FakeCluster;
  readonly #prng: Prng;
  readonly #scripts: Script[];
  readonly #tokens: { readonly token: string; readonly call: ScriptedCall; readonly after: string | null }[] =
    [];
  /** The last token of each client that was answered before the next call was made. */
  readonly #last: (string | null)[] = [null, null];

  /** Versions of the changes that the watch was told of, in that order. */
  readonly seen: number[] = [];

  constructor(seed: number) {
    this.cluster = new FakeCluster(seed, 3, { sessionTtlMs: 60_000 });
    this.#prng = createPrng(seed ^ 0x5eed);
    this.cluster.onPipe = (pipe) => {
      if (this.#prng.chance(0.15)) pipe.toServerBytesMax = this.#prng.below(800);
      if (this.#prng.chance(0.15)) pipe.toClientBytesMax = this.#prng.below(800);
    };
    const cores: ClientCore[] = [this.#core(), this.#core()];
    this.#scripts = cores.map((core) => new Script(this.cluster, core));
    this.#watch(this.#core(), 1);
  }

  run(): void {
    for (let step = 0; step < STEPS; step++) {
      this.#act();
      this.cluster.scheduler.runFor(this.#prng.below(this.#prng.chance(0.1) ? 5_000 : 150));
    }
    this.#heal();
    for (const script of this.#scripts) script.settle();
  }

  /** Tokens in the order in which they took effect. */
  stored(): string[] {
    const value = this.cluster.machine.get('k')?.value ?? new Uint8Array();
    return Buffer.from(value).toString().split(';').slice(0, -1);
  }

  check(stored: readonly string[], where: string): void {
    for (const { token, call, after } of this.#tokens) {
      const times = stored.filter((other) => other === token).length;
      const { error } = call;
      assert.equal(call.answers, 1, `${where}: ${token} is answered once`);
      assert(error === null || expectedCodes.has(error.code), `${where}: ${token}: ${error?.code}`);
      if (error === null) assert.equal(times, 1, `${where}: ${token} was acknowledged`);
      else if (error.outcome === 'not-applied')
        assert.equal(times, 0, `${where}: ${token}: ${error.message}`);
      else assert(times <= 1, `${where}: ${token} is there ${times} times`);
      if (after === null || times === 0) continue;
      assert(
        stored.indexOf(after) < stored.indexOf(token),
        `${where}: ${after} was answered before ${token}`,
      );
    }
  }

  get acknowledged(): number {
    return this.#tokens.filter(({ call }) => call.error === null).length;
  }

  #watch(core: ClientCore, from: number): void {
    const request = { type: 'watch', prefix: '', from } as const;
    const options = { request, parse: parseReply.watch, deadlineMs: Infinity, waits: true, only: null };
    core.call<RpcWatchPage>(options, (outcome) => {
      if (!outcome.ok) throw outcome.error;
      this.seen.push(...outcome.value.events.map(({ version }) => version));
      this.#watch(core, outcome.value.next);
    });
  }

  #core(): ClientCore {
    const core = this.cluster.core({ connectTimeoutMs: 1e9 });
    core.start(() => undefined);
    return core;
  }

  #act(): void {
    const prng = this.#prng;
    const server = this.cluster.server(prng.below(3));
    const dice = prng.below(20);
    if (dice < 11) this.#append(prng.below(2));
    else if (dice === 11) this.#tokens[prng.below(Math.max(1, this.#tokens.length))]?.call.abort();
    else if (dice === 12) server.crash();
    else if (dice === 13) server.isFrozen = prng.chance(0.5);
    else if (dice === 14) server.isIsolated = prng.chance(0.5);
    else if (dice === 15) this.cluster.leaderId = prng.chance(0.3) ? null : prng.below(3);
    else if (dice === 16) server.refusal = prng.chance(0.5) ? refusal(prng) : null;
    else if (dice === 17) for (const pipe of server.pipes) pipe.break();
    else this.#repair(server);
  }

  #append(client: number): void {
    const script = this.#scripts[client];
    assert(script !== undefined);
    for (let count = 1 + this.#prng.below(4); count > 0; count--) {
      const token = `t${this.#tokens.length}`;
      const after = this.#lastAnswered(client);
      const timeoutMs = this.#prng.chance(0.3) ? 1 + this.#prng.below(3_000) : 200_000;
      const call = script.append('k', `${token};`, timeoutMs);
      this.#tokens.push({ token, call, after });
      call.client = client;
    }
  }

  #lastAnswered(client: number): string | null {
    for (let at = this.#tokens.length - 1; at >= 0; at--) {
      const one = this.#tokens[at];
      if (one?.call.client !== client || one.call.answers === 0 || one.call.error !== null) continue;
      this.#last[client] = one.token;
      break;
    }
    return this.#last[client] ?? null;
  }

  #repair(server: FakeServer): void {
    server.isUp = true;
    server.isFrozen = false;
    server.isIsolated = false;
    server.refusal = null;
  }

  #heal(): void {
    this.cluster.leaderId = 0;
    this.cluster.onPipe = () => undefined;
    for (const server of this.cluster.servers) {
      for (const pipe of server.pipes) pipe.break();
      this.#repair(server);
    }
  }
}

/** What a call may be told when time, its caller and the servers' refusals are all that is against it. */
const expectedCodes: ReadonlySet<string> = new Set([
  'ABORTED',
  'TIMEOUT',
  'NO_SPACE',
  'OVERLOADED',
  'NOT_LEADER',
  'STOPPED',
]);

function refusal(prng: Prng): KvraftError {
  const code =
    (['NO_SPACE', 'OVERLOADED', 'NOT_LEADER', 'STOPPED', 'TIMEOUT'] as const)[prng.below(5)] ?? 'INTERNAL';
  const outcome = code === 'TIMEOUT' ? 'unknown' : 'not-applied';
  return new KvraftError(code, 'as drawn', { retryable: true, outcome });
}

test(`whatever happens, a call is answered once and says the truth: ${SEEDS} runs`, () => {
  let acknowledged = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const chaos = new Chaos(seed);
    chaos.run();
    // Copies that are still under way must have no effect any more.
    chaos.cluster.scheduler.runFor(60_000);
    chaos.check(chaos.stored(), `seed ${seed}`);
    const changes = Array.from({ length: chaos.cluster.machine.version }, (_, i) => i + 1);
    assert.deepEqual(chaos.seen, changes, `seed ${seed}: each change is seen once`);
    acknowledged += chaos.acknowledged;
  }
  assert(acknowledged > SEEDS * 30, `${acknowledged} calls were acknowledged`);
});
