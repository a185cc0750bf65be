import { createPrng, type Prng } from '../base/prng.ts';
import type { ClientCore } from '../client/core.ts';
import { checkHistory, HistoryRecorder } from '../linearizability/index.ts';
import { AtomicBatches } from './atomic-batches.ts';
import { SimFailure } from './failure.ts';
import type { SimProcess } from './process.ts';
import { SimRpcServer, type ClientCluster } from './rpc-server.ts';
import type { Scheduler } from './scheduler.ts';
import { TokenLog } from './token-log.ts';
import type { Transcript } from './transcript.ts';
import { appendBy, getBy, makeTypedClient } from './typed-client.ts';
import type { WorldOptions } from './world-options.ts';

const CHECK_STEPS_MAX = 5_000_000;
/** Nobody gives up looking for a server while a world lasts. */
const CONNECT_MS_MAX = 10_000_000;
/** One of all, which all append to, and one for each client. */
const SHARED_KEY = 'typed';

/**
 * Typed clients of production on simulated connections, each of which appends unique tokens to two keys at once, and
 * changes another one that all share by atomic batches.
 */
export class TypedClients {
  readonly #cluster: ClientCluster;
  readonly #scheduler: Scheduler;
  readonly #world: WorldOptions;
  readonly #transcript: Transcript;
  readonly #servers: readonly SimRpcServer[];
  readonly #recorder: HistoryRecorder;
  readonly #batches: AtomicBatches;
  readonly #tokens = new TokenLog();
  #working = true;
  /** Calls that were not answered yet. */
  #pending = 0;
  readonly counts = { ok: 0, failed: 0, unknown: 0, undecided: 0 };

  constructor(
    cluster: ClientCluster,
    scheduler: Scheduler,
    world: WorldOptions,
    prng: Prng,
    transcript: Transcript,
  ) {
    this.#cluster = cluster;
    this.#scheduler = scheduler;
    this.#world = world;
    this.#transcript = transcript;
    this.#recorder = new HistoryRecorder(() => scheduler.nowMs, { model: 'append' });
    this.#batches = new AtomicBatches('typed-batch', () => scheduler.nowMs, world.clockDrift);
    this.#servers = cluster.servers.map((server) => new SimRpcServer(server, world.requestTimeoutMs));
    for (let seat = 1; seat <= world.typedClients; seat++) {
      const own = createPrng(prng.uint32());
      scheduler.schedule(own.float() * 100, () => this.#start(seat, own));
    }
  }

  /** No further calls are begun. */
  stop(): void {
    this.#working = false;
  }

  get isIdle(): boolean {
    return this.#pending === 0;
  }

  /** Null when everything that the clients saw is right. */
  check(): string | null {
    const wrong = this.#checkTokens();
    if (wrong !== null) return wrong;
    for (const { verdict, keys, versionFaults } of [
      checkHistory(this.#recorder.history(), { stepsMax: CHECK_STEPS_MAX }),
      this.#batches.check(CHECK_STEPS_MAX),
    ]) {
      if (verdict === 'unknown') this.counts.undecided++;
      if (verdict !== 'illegal') continue;
      const illegal = keys.find((key) => key.verdict === 'illegal');
      const why = versionFaults[0]?.message ?? illegal?.blocked?.reason;
      return `what typed clients saw is not linearizable: key ${illegal?.key}, ${why}`;
    }
    return null;
  }

  #checkTokens(): string | null {
    for (const key of this.#tokens.keys) {
      const record = this.#cluster.leader()?.open?.machine.get(key);
      const value = record === undefined ? '' : Buffer.from(record.value).toString('latin1');
      const wrong = this.#tokens.check(key, value);
      if (wrong !== null) return wrong;
    }
    return null;
  }

  #start(seat: number, prng: Prng): void {
    const { core, process } = makeTypedClient({
      id: -seat,
      network: this.#cluster.network,
      scheduler: this.#scheduler,
      prng,
      skew: { rate: 1, wallOffsetMs: 0 },
      servers: this.#servers,
      connectTimeoutMs: CONNECT_MS_MAX,
    });
    core.start((error) => {
      if (error !== null) throw new SimFailure(`a typed client cannot connect: ${error.message}`);
    });
    // Three calls of one client may be under way at once; those of one lane follow one another.
    this.#next({ core, process, prng, name: `t${seat}.own`, key: `${SHARED_KEY}-${seat}`, number: 0 });
    this.#next({ core, process, prng, name: `t${seat}.all`, key: SHARED_KEY, number: 0 });
    this.#next({ core, process, prng, name: `t${seat}.batch`, key: null, number: 0 });
  }

  #next(lane: Lane): void {
    if (!this.#working) return;
    const { process, prng } = lane;
    process.after(0.1 + prng.float() * this.#world.thinkMsMax, () => {
      if (!this.#working) return;
      const { key } = lane;
      if (key === null) this.#batch(lane);
      else if (prng.chance(0.25)) this.#read(lane, key);
      else this.#append(lane, key);
    });
  }

  #deadlineMs({ process, prng }: Lane): number {
    return prng.chance(0.8) ? Infinity : process.clock.monotonicMs() + this.#world.clientTimeoutMs;
  }

  #batch(lane: Lane): void {
    const { core, name, prng } = lane;
    const { ops, end } = this.#batches.draw(name, prng);
    this.#pending++;
    this.#transcript.add(`${name} sends a batch of ${ops.map(({ op }) => op).join(', ')}`);
    core.write({ ops, atomic: true, fence: null, deadlineMs: this.#deadlineMs(lane) }, (outcome) => {
      this.#pending--;
      const fate = outcome.ok ? 'ok' : outcome.error.outcome;
      end(outcome.ok ? outcome.value : outcome.error.outcome);
      this.counts[fate === 'not-applied' ? 'failed' : fate]++;
      this.#transcript.add(`${name} ${outcome.ok ? 'ok' : outcome.error.message}`);
      this.#next(lane);
    });
  }

  #append(lane: Lane, key: string): void {
    const { core, name } = lane;
    const token = `${name}.${++lane.number};`;
    const recorded = this.#recorder.call(name, { kind: 'append', key, value: token });
    this.#tokens.called(key, name, token);
    this.#pending++;
    this.#transcript.add(`${name} appends ${token}`);
    appendBy(core, { key, value: token, deadlineMs: this.#deadlineMs(lane) }, (answer) => {
      this.#pending--;
      const fate = answer.ok ? 'ok' : answer.outcome;
      this.#tokens.ended(key, token, fate);
      if (answer.ok) recorded.ok(answer.result);
      else if (answer.outcome === 'not-applied') recorded.fail();
      else recorded.unknown();
      this.counts[fate === 'not-applied' ? 'failed' : fate]++;
      this.#transcript.add(`${name} ${answer.ok ? 'ok' : answer.code}`);
      this.#next(lane);
    });
  }

  #read(lane: Lane, key: string): void {
    const { core, name } = lane;
    const recorded = this.#recorder.call(name, { kind: 'get', key });
    this.#pending++;
    getBy(core, { key, deadlineMs: this.#deadlineMs(lane) }, (answer) => {
      this.#pending--;
      if (answer.ok) recorded.ok(answer.result);
      else recorded.unknown();
      this.counts[answer.ok ? 'ok' : 'unknown']++;
      this.#next(lane);
    });
  }
}

/** One sequence of calls of a client. */
interface Lane {
  readonly core: ClientCore;
  readonly process: SimProcess;
  readonly prng: Prng;
  readonly name: string;
  /** What it reads and appends to; null: it sends batches. */
  readonly key: string | null;
  /** Of its last token. */
  number: number;
}
