import { createPrng, type Prng } from '../base/prng.ts';
import type {
  Condition,
  History,
  Invocation,
  KeyInvocation,
  ModelName,
  Operation,
  OperationResult,
} from './history.ts';
import { ReferenceStore } from './reference-store.test-support.ts';

export interface GeneratorOptions {
  readonly seed: number;
  readonly model: ModelName;
  readonly clients: number;
  readonly keys: number;
  readonly operations: number;
  /** The share of operations whose answer is lost; they take effect late, or never. Default: 0. */
  readonly unknownRate?: number;
  /** Of a versioned history: also counters, appends, hashes, touches, checks and batches. Default: false. */
  readonly allKinds?: boolean;
  /** The longest time to live of a key of a versioned history. Default: 60. */
  readonly ttlMsMax?: number;
  /** How many different values there are; by default every write has one of its own. */
  readonly values?: number;
}

/**
 * Makes a linearizable history: clients with random pauses send operations over a slow network to one store, which
 * executes them one at a time. Mean times: 1 ms from call to execution and to the answer, 1 ms of pause.
 */
export function generateHistory(options: GeneratorOptions): History {
  const generator = new Generator(options);
  return { header: { model: options.model }, operations: generator.run() };
}

interface Running {
  readonly atMs: number;
  readonly happen: () => void;
}

class Generator {
  readonly #options: GeneratorOptions;
  readonly #prng: Prng;
  readonly #store = new ReferenceStore();
  readonly #operations: Operation[] = [];
  readonly #agenda: Running[] = [];
  /** The version of each key that a client saw last. */
  readonly #seenVersions = new Map<string, number>();
  #calls = 0;
  #nowMs = 0;

  constructor(options: GeneratorOptions) {
    this.#options = options;
    this.#prng = createPrng(options.seed);
  }

  run(): Operation[] {
    for (let client = 0; client < this.#options.clients; client++) {
      this.#after(this.#delayMs(), () => this.#call(`client ${client}`));
    }
    while (this.#agenda.length > 0) {
      let first = 0;
      for (const [i, { atMs }] of this.#agenda.entries())
        if (atMs < (this.#agenda[first] as Running).atMs) first = i;
      const [next] = this.#agenda.splice(first, 1) as [Running];
      this.#nowMs = next.atMs;
      next.happen();
    }
    return this.#operations;
  }

  #call(client: string): void {
    if (this.#calls++ >= this.#options.operations) return;
    const callMs = this.#nowMs;
    const invocation = this.#invocation();
    const isLost = this.#prng.chance(this.#options.unknownRate ?? 0);
    const next = (): void => this.#after(this.#delayMs(), () => this.#call(client));
    if (isLost) {
      this.#operations.push({ ...invocation, client, callMs, returnMs: null, outcome: 'unknown' });
      if (this.#prng.chance(0.6))
        this.#after(this.#delayMs() * 10, () => void this.#store.execute(invocation, this.#nowMs));
      next();
      return;
    }
    this.#after(this.#delayMs(), () => {
      const answer = this.#store.execute(invocation, this.#nowMs);
      const result =
        this.#options.model === 'append' && invocation.kind === 'append' ? withoutVersion(answer) : answer;
      this.#after(this.#delayMs(), () => {
        if (result.version !== undefined) this.#seenVersions.set(invocation.key, result.version);
        this.#operations.push({
          ...invocation,
          client,
          callMs,
          returnMs: this.#nowMs,
          outcome: 'ok',
          result,
        });
        next();
      });
    });
  }

  #invocation(): Invocation {
    const key = `key ${this.#prng.below(this.#options.keys)}`;
    const { values } = this.#options;
    const value = `${values === undefined ? this.#calls : this.#prng.below(values)};`;
    const write = this.#prng.chance(0.5);
    switch (this.#options.model) {
      case 'register':
        return write ? { kind: 'put', key, value } : { kind: 'get', key };
      case 'append':
        if (!write) return { kind: 'get', key };
        return { kind: this.#prng.chance(0.02) ? 'put' : 'append', key, value };
      case 'versioned':
        if (!write) return { kind: this.#prng.chance(0.5) ? 'get' : 'getm', key };
        if (this.#options.allKinds !== true || this.#prng.chance(0.2))
          return this.#versionedWrite(key, value);
        if (this.#prng.chance(0.7)) return { key, ...this.#update(key, value) };
        return { kind: 'batch', key, ops: [this.#update(key, value), this.#update(key, `${value}2;`)] };
    }
  }

  #versionedWrite(key: string, value: string): Invocation {
    const ttl = this.#prng.chance(0.3) ? { ttlMs: this.#ttlMs() } : {};
    const version = (this.#seenVersions.get(key) ?? 1) + (this.#prng.chance(0.1) ? 1 : 0);
    const dice = this.#prng.below(10);
    if (dice < 4) return { kind: 'cas', key, value, version, ...ttl };
    if (dice < 5) return { kind: 'delete', key };
    const when: Condition | undefined = dice < 6 ? 'absent' : dice < 7 ? 'present' : undefined;
    return { kind: 'set', key, value, ...ttl, ...(when === undefined ? {} : { when }) };
  }

  #update(key: string, value: string): KeyInvocation {
    const seen = this.#seenVersions.get(key);
    const version = seen !== undefined && this.#prng.chance(0.3) ? { version: seen } : {};
    const by = String(this.#prng.below(20));
    const initial = this.#prng.chance(0.5) ? { initial: '7' } : {};
    const updates: readonly KeyInvocation[] = [
      { kind: 'append', value, ...version },
      { kind: 'prepend', value, when: 'present' },
      { kind: 'increment', by, ...initial, ...version },
      { kind: 'decrement', by, ...initial },
      { kind: 'set', value: by, ttlMs: this.#ttlMs() },
      { kind: 'delete', ...version },
      { kind: 'touch', ttlMs: this.#prng.chance(0.3) ? 0 : this.#ttlMs() },
      { kind: 'put-hash', value },
      seen === undefined ? { kind: 'check', when: 'absent' } : { kind: 'check', version: seen },
    ];
    return updates[this.#prng.below(updates.length)] as KeyInvocation;
  }

  #ttlMs(): number {
    return 1 + this.#prng.below(this.#options.ttlMsMax ?? 60);
  }

  #delayMs(): number {
    return -Math.log(1 - this.#prng.float());
  }

  #after(delayMs: number, happen: () => void): void {
    this.#agenda.push({ atMs: this.#nowMs + delayMs, happen });
  }
}

const withoutVersion = ({ status }: OperationResult): OperationResult => ({ status });
