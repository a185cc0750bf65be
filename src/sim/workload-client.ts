import type { Prng } from '../base/prng.ts';
import { modelNames, type Invocation } from '../linearizability/index.ts';
import { isRead } from './operations.ts';
import type { Workload, WorkloadServer } from './workload.ts';
import type { Planned } from './workload-request.ts';
import type { WorldOptions } from './world-options.ts';

/** Longest time to live that a client gives a key. */
export const TTL_MS_MAX = 2_000;

/** One client: one request after the other, mostly to the same server. */
export class Client {
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
    const server = this.#workload.servers[this.#server] as WorkloadServer;
    const delayMs = (): number => 0.05 + prng.float();
    const first = this.#plan();
    const planned = [first];
    const reads = isRead(first.invocation);
    while (prng.chance(0.15)) {
      const next = this.#plan();
      if (isRead(next.invocation) === reads) planned.push(next);
    }
    this.#workload.send({ client: this.#name, server, planned, delayMs }, (ok, results) => {
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
    const model = modelNames[prng.below(modelNames.length)] ?? 'register';
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
        // Other keys know operations whose effect depends on the value, too.
        if (prng.chance(0.5)) return this.#counted(`record-${prng.below(this.#world.keysPerModel)}`, reads);
        return { model, invocation: reads ? { kind: 'getm', key } : this.#versioned(key) };
    }
  }

  #counted(key: string, reads: boolean): Planned {
    const prng = this.#prng;
    const isUpdate = prng.chance(0.8);
    const invocation = reads
      ? ({ kind: 'getm', key } as const)
      : isUpdate
        ? this.#update(key)
        : this.#versioned(key);
    return { model: 'versioned', invocation };
  }

  #update(key: string): Invocation {
    const prng = this.#prng;
    const value = this.#token();
    const seen = this.#versions.get(key);
    const version = seen !== undefined && prng.chance(0.3) ? { version: seen } : {};
    const by = String(prng.below(100));
    const initial = prng.chance(0.5) ? { initial: by } : {};
    const ttlMs = prng.chance(0.5) ? 0 : 1 + prng.below(TTL_MS_MAX);
    const updates: readonly Invocation[] = [
      { kind: 'append', key, value, ...version },
      { kind: 'prepend', key, value, when: prng.chance(0.5) ? 'always' : 'present' },
      { kind: 'set', key, value: by, ttlMs },
      { kind: 'increment', key, by, ...initial, ttlMs, ...version },
      { kind: 'increment', key, by, ...initial, ttlMs },
      { kind: 'decrement', key, by, ...initial, ttlMs },
      { kind: 'touch', key, ttlMs },
      { kind: 'put-hash', key, value },
      { kind: 'delete', key, ...version },
      seen === undefined ? { kind: 'check', key, when: 'absent' } : { kind: 'check', key, version: seen },
    ];
    return updates[prng.below(updates.length)] as Invocation;
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
