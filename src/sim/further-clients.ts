import { createPrng, type Prng } from '../base/prng.ts';
import type { WriteOp, WriteResult } from '../listeners/kv-service.ts';
import { CounterLog } from './counter-log.ts';
import { FurtherOperations } from './further-operations.ts';
import { HashChain } from './hash-chain.ts';
import type { Scheduler } from './scheduler.ts';
import type { ClientCluster, ClientServer } from './rpc-server.ts';
import type { WorldOptions } from './world-options.ts';

const COUNTER = 'counter';

type Outcome = readonly WriteResult[] | 'failed' | 'unknown';

/** A client of this kind: its chances, and the key that it changes by put-hash. */
interface Seat {
  readonly name: string;
  readonly prng: Prng;
  readonly operations: FurtherOperations;
  chain: HashChain;
  chainKey: string;
  chains: number;
}

/** Clients that use every operation which the models of histories do not know: counters, hash chains, leases and others. */
export class FurtherClients {
  readonly #cluster: ClientCluster;
  readonly #scheduler: Scheduler;
  readonly #world: WorldOptions;
  readonly #counter = new CounterLog();
  readonly #seats: readonly Seat[];
  #working = true;
  #pending = 0;
  #wrong: string | null = null;
  readonly counts = { ok: 0, failed: 0, unknown: 0, undecided: 0 };

  constructor(cluster: ClientCluster, scheduler: Scheduler, world: WorldOptions, prng: Prng) {
    this.#cluster = cluster;
    this.#scheduler = scheduler;
    this.#world = world;
    this.#seats = Array.from({ length: world.furtherClients }, (_, at) => {
      const own = createPrng(prng.uint32());
      const name = `f${at}`;
      const chain = new HashChain();
      return {
        name,
        prng: own,
        operations: new FurtherOperations(own),
        chain,
        chainKey: `${name}-0`,
        chains: 0,
      };
    });
    for (const seat of this.#seats) this.#next(seat);
  }

  stop(): void {
    this.#working = false;
  }

  get isIdle(): boolean {
    return this.#pending === 0;
  }

  check(): string | null {
    if (this.#wrong !== null) return this.#wrong;
    const wrong = this.#counter.check(Number(this.#valueOf(COUNTER) || '0'));
    if (wrong !== null) return wrong;
    const broken = this.#seats.find(({ chain, chainKey }) => !chain.mayBe(this.#valueOf(chainKey)));
    return broken === undefined ? null : `${broken.chainKey} is not the checksum of what was put there`;
  }

  #valueOf(key: string): string {
    const record = this.#cluster.leader()?.open?.machine.get(key);
    return record === undefined ? '' : Buffer.from(record.value).toString('latin1');
  }

  #next(seat: Seat): void {
    if (!this.#working) return;
    const { prng } = seat;
    this.#scheduler.schedule(0.1 + prng.float() * this.#world.thinkMsMax * 2, () => {
      if (!this.#working) return;
      const kind = prng.below(3);
      if (kind === 0) this.#increment(seat);
      else if (kind === 1) this.#putHash(seat);
      else this.#operate(seat);
    });
  }

  #increment(seat: Seat): void {
    const by = 1 + seat.prng.below(10);
    const call = this.#counter.called(by, this.#scheduler.nowMs);
    const op = {
      op: 'increment',
      key: COUNTER,
      by: BigInt(by),
      down: false,
      initial: BigInt(by),
      ttlMs: 0,
    } as const;
    this.#send(seat, [op], (outcome) => {
      if (outcome === 'failed') call.failed();
      else if (outcome !== 'unknown') call.ok(Number(textOf(outcome[0])), this.#scheduler.nowMs);
    });
  }

  #putHash(seat: Seat): void {
    if (seat.chain.isTangled) {
      seat.chain = new HashChain();
      seat.chainKey = `${seat.name}-${++seat.chains}`;
    }
    const { chain, chainKey: key } = seat;
    const value = String(seat.prng.below(1_000_000));
    this.#send(seat, [{ op: 'put-hash', key, value: Buffer.from(value) }], (outcome) => {
      if (outcome === 'unknown') chain.unknown(value);
      else if (outcome !== 'failed' && !chain.answered(value, textOf(outcome[0])))
        this.#wrong ??= `${key}: a put-hash found a value that no calls make`;
    });
  }

  #operate(seat: Seat): void {
    this.#send(seat, seat.operations.draw(), (outcome) => {
      if (typeof outcome === 'string') return;
      for (const { lease } of outcome) if (lease !== undefined) seat.operations.granted(lease);
    });
  }

  /** As one request to a random server; `done` is called once, then the client goes on. */
  #send(seat: Seat, ops: readonly WriteOp[], done: (outcome: Outcome) => void): void {
    const { prng } = seat;
    const server = this.#cluster.servers[prng.below(this.#cluster.servers.length)] as ClientServer;
    const delayMs = (): number => 0.05 + prng.float();
    this.#pending++;
    let isOver = false;
    let forget = (): unknown => undefined;
    const finish = (outcome: Outcome): void => {
      if (isOver) return;
      isOver = true;
      this.#pending--;
      forget();
      patience.cancel();
      this.counts[typeof outcome === 'string' ? outcome : 'ok'] += ops.length;
      done(outcome);
      this.#next(seat);
    };
    const reply = (outcome: Outcome): void => void this.#scheduler.schedule(delayMs(), () => finish(outcome));
    const patience = this.#scheduler.schedule(this.#world.clientTimeoutMs, () => finish('unknown'));
    this.#scheduler.schedule(delayMs(), () => {
      const { process } = server;
      if (isOver) return;
      if (process === null || server.session === null) return reply('failed');
      forget = server.onEnd(() => reply('unknown'));
      process.after(0, () => {
        const deadlineMs = process.clock.monotonicMs() + this.#world.requestTimeoutMs;
        server.session?.write(ops, deadlineMs, (outcome) => {
          if (!process.alive) return;
          if (outcome.ok) reply(outcome.results.map(copyOf));
          else reply(outcome.error.outcome === 'not-applied' ? 'failed' : 'unknown');
        });
      });
    });
  }
}

/** What the result carries belongs to the store: it is not kept beyond the callback. */
const copyOf = (result: WriteResult): WriteResult =>
  result.value === undefined ? result : { ...result, value: Uint8Array.from(result.value) };

const textOf = (result: WriteResult | undefined): string =>
  Buffer.from(result?.value ?? []).toString('latin1');
