import { KvraftError } from '../base/errors.ts';
import { createPrng, type Prng } from '../base/prng.ts';
import { KvStateMachine } from '../kv/machine.ts';
import { MemoryStorage } from '../kv/memory-storage.ts';
import type { KvOptions } from '../kv/options.ts';
import type { Reply } from '../kv/replies.ts';
import { Admission } from '../listeners/admission.ts';
import { KvReader } from '../listeners/kv-reader.ts';
import { RpcService, type EngineStatus } from '../listeners/rpc-service.ts';
import type { ProposeOutcome, ReadOutcome, Replicator } from '../replica/replicator.ts';
import { SimProcess } from '../sim/process.ts';
import { Scheduler } from '../sim/scheduler.ts';
import type { ServerAddress } from './address.ts';
import { ClientCore, type CoreOptions } from './core.ts';
import type { ClientStream, Dial, StreamHandler } from './dial.ts';
import { FakePipe } from './fake-pipe.test-support.ts';

export const CLUSTER_ID = '0123456789abcdef0123456789abcdef';
const FIRST_PORT = 8_000;
const REQUEST_TIMEOUT_MS = 5_000;

/**
 * Servers that share one state machine, as if consensus took no more than some time, and a network of pipes to them:
 * everything a client can meet, without the machinery behind it.
 */
export class FakeCluster {
  readonly scheduler = new Scheduler();
  readonly process = new SimProcess(this.scheduler, { rate: 1, wallOffsetMs: 0 }, (callback) => callback());
  readonly prng: Prng;
  readonly machine: KvStateMachine;
  readonly servers: FakeServer[];
  /** How long a command takes to be committed, at most. */
  commitMsMax = 20;
  leaderId: number | null = 0;
  clusterId = CLUSTER_ID;
  /** Every attempt to connect, by port. */
  readonly dials: number[] = [];
  /** Called with each new pipe, to do it harm. */
  onPipe: (pipe: FakePipe) => void = () => undefined;
  /** Commands that were applied, copies included. */
  applied = 0;

  constructor(seed: number, size = 3, options: Partial<KvOptions> = {}) {
    this.prng = createPrng(seed);
    this.machine = new KvStateMachine(new MemoryStorage(), options);
    const reads = new KvReader(this.machine, this.process.clock);
    this.servers = Array.from({ length: size }, (_, id) => new FakeServer(this, id, reads));
  }

  get addresses(): ServerAddress[] {
    return this.servers.map(({ id }) => ({ host: 'fake', port: FIRST_PORT + id }));
  }

  get nowMs(): number {
    return this.scheduler.nowMs;
  }

  server(id: number): FakeServer {
    const server = this.servers[id];
    if (server === undefined) throw new Error(`no server ${id}`);
    return server;
  }

  /** A client that was not started. */
  core(options: Partial<CoreOptions> = {}): ClientCore {
    return new ClientCore({
      clock: this.process.clock,
      prng: createPrng(this.prng.uint32()),
      dial: this.dial,
      servers: this.addresses,
      learnServers: true,
      clusterId: '',
      connectTimeoutMs: 10_000,
      ...options,
    });
  }

  /** A client that is connected. */
  connected(options: Partial<CoreOptions> = {}): ClientCore {
    const core = this.core(options);
    let answer: KvraftError | null | undefined;
    core.start((error) => (answer = error));
    this.scheduler.runUntil(() => answer !== undefined, this.nowMs + 60_000);
    if (answer !== null) throw answer ?? new Error('start was never answered');
    return core;
  }

  readonly dial: Dial = (address, handler) => {
    this.dials.push(address.port);
    const server = this.servers.find(({ id }) => FIRST_PORT + id === address.port);
    return server === undefined || !server.isUp ? this.#refuse(handler) : server.accept(handler);
  };

  #refuse(handler: StreamHandler): ClientStream {
    this.scheduler.schedule(1, () => handler.closed(new Error('connection refused')));
    return { write: () => undefined, close: () => undefined };
  }
}

/** One of the servers: the real RPC service over a replicator that pretends. */
export class FakeServer implements Replicator<Reply> {
  readonly id: number;
  readonly pipes = new Set<FakePipe>();
  isUp = true;
  /** Cut off from the others: it knows no leader, and what it is asked stays undone. */
  isIsolated = false;
  /** Takes what comes and answers nothing. */
  isFrozen = false;
  /** What it says to everything that it is to propose. */
  refusal: KvraftError | null = null;
  readonly #cluster: FakeCluster;
  readonly #service: RpcService;
  readonly #admission: Admission;

  constructor(cluster: FakeCluster, id: number, reads: KvReader) {
    const { clock } = cluster.process;
    this.id = id;
    this.#cluster = cluster;
    this.#admission = new Admission({ clock });
    this.#service = new RpcService({
      replicator: this,
      machine: cluster.machine,
      reads,
      clock,
      admission: this.#admission,
      serverId: id,
      servers: Array.from({ length: 3 }, (_, id) => ({ id, host: 'fake', port: FIRST_PORT + id })),
      keyBytesMax: 250,
      valueBytesMax: 1_000_000,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
    });
  }

  crash(): void {
    this.isUp = false;
    for (const pipe of this.pipes) pipe.break();
  }

  /** The leader is lost: what it was asked may be committed all the same, and is asked again. */
  accept(handler: StreamHandler): FakePipe {
    const { scheduler, prng } = this.#cluster;
    const pipe = new FakePipe({ scheduler, prng, handler, onEnd: () => this.pipes.delete(pipe) });
    this.pipes.add(pipe);
    const connection = this.#service.connect(pipe.serverEnd);
    this.#admission.join(connection);
    pipe.attach({
      received: (chunk) => {
        if (!this.isFrozen) connection.received(chunk);
      },
      drained: () => connection.drained(),
      closed: () => {
        this.#admission.leave(connection);
        connection.closed();
      },
    });
    this.#cluster.onPipe(pipe);
    return pipe;
  }

  propose(command: Uint8Array, deadlineMs: number, done: (outcome: ProposeOutcome<Reply>) => void): void {
    const { scheduler, machine, prng } = this.#cluster;
    const refusal = this.refusal;
    const bytes = Uint8Array.from(command);
    if (refusal !== null) {
      scheduler.schedule(1, () => done({ ok: false, error: refusal }));
      if (refusal.outcome === 'unknown' && prng.chance(0.5)) {
        scheduler.schedule(prng.below(1_000), () => machine.apply(bytes, Math.floor(scheduler.nowMs)));
      }
      return;
    }
    const attempt = (): void => {
      if (!this.isIsolated && this.#cluster.leaderId !== null) {
        this.#cluster.applied++;
        done({ ok: true, result: machine.apply(bytes, Math.floor(scheduler.nowMs)) });
      } else if (scheduler.nowMs >= deadlineMs) {
        const error = new KvraftError('TIMEOUT', 'no majority', { outcome: 'unknown', retryable: true });
        done({ ok: false, error });
      } else scheduler.schedule(50, attempt);
    };
    scheduler.schedule(1 + prng.below(this.#cluster.commitMsMax), attempt);
  }

  read(deadlineMs: number, done: (outcome: ReadOutcome) => void): void {
    const { scheduler, prng } = this.#cluster;
    const attempt = (): void => {
      if (!this.isIsolated && this.#cluster.leaderId !== null)
        done({ ok: true, stampMs: Math.floor(scheduler.nowMs) });
      else if (scheduler.nowMs >= deadlineMs)
        done({ ok: false, error: new KvraftError('TIMEOUT', 'no majority', { retryable: true }) });
      else scheduler.schedule(50, attempt);
    };
    scheduler.schedule(1 + prng.below(this.#cluster.commitMsMax), attempt);
  }

  leaderServer(): number | null {
    return this.isIsolated ? null : this.#cluster.leaderId;
  }

  status(): EngineStatus {
    const { clusterId, machine, scheduler } = this.#cluster;
    return {
      clusterId,
      leaderId: this.leaderServer() ?? -1,
      term: 1,
      commitIndex: 1,
      lastApplied: 1,
      stateHash: machine.stateHash(),
      logTimeMs: scheduler.nowMs,
    };
  }
}
