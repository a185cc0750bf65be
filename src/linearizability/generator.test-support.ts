import { createPrng, type Prng } from '../base/prng.ts';
import type { History, Invocation, ModelName, Operation, OperationResult, SetCondition } from './history.ts';

export interface GeneratorOptions {
  readonly seed: number;
  readonly model: ModelName;
  readonly clients: number;
  readonly keys: number;
  readonly operations: number;
  /** The share of operations whose answer is lost; they take effect late, or never. Default: 0. */
  readonly unknownRate?: number;
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
      const result = this.#store.execute(invocation, this.#nowMs);
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
        return write
          ? this.#versionedWrite(key, value)
          : { kind: this.#prng.chance(0.5) ? 'get' : 'getm', key };
    }
  }

  #versionedWrite(key: string, value: string): Invocation {
    const ttl = this.#prng.chance(0.3) ? { ttlMs: 1 + this.#prng.below(60) } : {};
    const version = (this.#seenVersions.get(key) ?? 1) + (this.#prng.chance(0.1) ? 1 : 0);
    const dice = this.#prng.below(10);
    if (dice < 4) return { kind: 'cas', key, value, version, ...ttl };
    if (dice < 5) return { kind: 'delete', key };
    const when: SetCondition | undefined = dice < 6 ? 'absent' : dice < 7 ? 'present' : undefined;
    return { kind: 'set', key, value, ...ttl, ...(when === undefined ? {} : { when }) };
  }

  #delayMs(): number {
    return -Math.log(1 - this.#prng.float());
  }

  #after(delayMs: number, happen: () => void): void {
    this.#agenda.push({ atMs: this.#nowMs + delayMs, happen });
  }
}

interface StoredValue {
  readonly value: string;
  readonly version: number;
  readonly expiresAtMs: number;
}

/** The store as a program that runs on one computer would be, without any thought of checking. */
class ReferenceStore {
  readonly #values = new Map<string, StoredValue>();
  #version = 0;

  execute(invocation: Invocation, nowMs: number): OperationResult {
    // The store's clock is slow, and keys outlive their time by it.
    const clockMs = nowMs * 0.9;
    const { kind, key } = invocation;
    const stored = this.#values.get(key);
    if (stored !== undefined && stored.expiresAtMs <= clockMs) {
      this.#values.delete(key);
      this.#version++;
    }
    const found = this.#values.get(key);
    switch (kind) {
      case 'put':
        return withoutVersion(this.#write(invocation, clockMs));
      case 'append':
        return withoutVersion(
          this.#write({ ...invocation, value: (found?.value ?? '') + (invocation.value as string) }, clockMs),
        );
      case 'get':
        return found === undefined ? { status: 'not-found' } : { status: 'ok', value: found.value };
      case 'getm': {
        if (found === undefined) return { status: 'not-found' };
        const ttlMs =
          found.expiresAtMs === Infinity ? 0 : Math.ceil((found.expiresAtMs - clockMs) / 1000) * 1000;
        return { status: 'ok', value: found.value, version: found.version, ttlMs };
      }
      case 'set':
        if (invocation.when === 'absent' && found !== undefined) return { status: 'exists' };
        if (invocation.when === 'present' && found === undefined) return { status: 'not-found' };
        return this.#write(invocation, clockMs);
      case 'cas':
        if (found === undefined) return { status: 'not-found' };
        if (found.version !== invocation.version) return { status: 'version-mismatch' };
        return this.#write(invocation, clockMs);
      case 'delete':
        if (found === undefined) return { status: 'not-found' };
        this.#values.delete(key);
        this.#version++;
        return { status: 'ok' };
    }
  }

  #write({ key, value, ttlMs }: Invocation, clockMs: number): OperationResult {
    const version = ++this.#version;
    const expiresAtMs = (ttlMs ?? 0) === 0 ? Infinity : clockMs + (ttlMs as number);
    this.#values.set(key, { value: value as string, version, expiresAtMs });
    return { status: 'ok', version };
  }
}

const withoutVersion = ({ status }: OperationResult): OperationResult => ({ status });
